"""Measure the agreement of judges with people, and of people with each other, on battles."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.errors import BattlesError
from evalharness.stats.agreement.kappa import observed_agreement
from evalharness.stats.agreement.paired_votes import pair_votes_between, pair_votes_within

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np

    from evalharness.domain import Battle
    from evalharness.stats.agreement.contingency import AgreementEstimate
    from evalharness.stats.agreement.paired_votes import PairedVotes

HUMAN_PREFIX = "human"
"""The prefix of the names of people in imported votes (`human:expert_3`)."""


def is_human_judge(judge: str) -> bool:
    """Return whether the name of a judge is that of a person.

    Args:
        judge: the name of the judge.
    """
    return judge.startswith(HUMAN_PREFIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanAgreement:
    """The agreement of a judge, or of people, with a group of people at one turn.

    Attributes:
        judge: the judge's name, or the group's name for agreement within the group.
        people: the name of the group.
        turn: the turn, counted from 1.
        with_ties: the agreement of all pairs of votes (setup 1 of Zheng et al. 2023,
            arXiv:2306.05685).
        decided: the agreement of pairs without a tie (setup 2); None if there are none.
    """

    judge: str
    people: str
    turn: int
    with_ties: AgreementEstimate
    decided: AgreementEstimate | None


def measure_human_agreement(
    battles: Iterable[Battle], rng: np.random.Generator, *, replicates: int = 1000
) -> tuple[HumanAgreement, ...]:
    """Return the agreement of every judge with every group of people, and within each group.

    A person's group is the name without its number: `human:expert_3` belongs to `human:expert`.

    Args:
        battles: votes of judges and of people (`human:NAME`).
        rng: draws the replicates.
        replicates: the number of replicates; those without a defined statistic are left out.
    """
    by_group: dict[tuple[int, str], list[Battle]] = defaultdict(list)
    for battle in battles:
        by_group[battle.turn, _group_name(battle.judge)].append(battle)
    agreements = []
    for (turn, people), human_votes in sorted(by_group.items()):
        if not is_human_judge(people):
            continue
        for (other_turn, judge), votes in sorted(by_group.items()):
            if other_turn != turn or (is_human_judge(judge) and judge != people):
                continue
            paired = _pair_votes(votes, human_votes, within=judge == people)
            if paired is not None:
                agreements.append(_estimate_agreement(judge, people, turn, paired, rng, replicates))
    return tuple(agreements)


def _group_name(judge: str) -> str:
    return judge.rstrip("0123456789").rstrip("_-") if is_human_judge(judge) else judge


def _pair_votes(
    votes: Sequence[Battle], people: Sequence[Battle], *, within: bool
) -> PairedVotes | None:
    try:
        return pair_votes_within(people) if within else pair_votes_between(votes, people)
    except BattlesError:  # no battle has votes of both
        return None


def _estimate_agreement(
    judge: str,
    people: str,
    turn: int,
    paired: PairedVotes,
    rng: np.random.Generator,
    replicates: int,
) -> HumanAgreement:
    try:
        decided = observed_agreement(paired, rng, ties=False, replicates=replicates)
    except BattlesError:
        decided = None
    return HumanAgreement(
        judge=judge,
        people=people,
        turn=turn,
        with_ties=observed_agreement(paired, rng, replicates=replicates),
        decided=decided,
    )
