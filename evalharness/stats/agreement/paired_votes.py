"""Pair votes on the same battle, between judges or within a group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import BattlesError
from evalharness.stats.battles.comparisons import OUTCOME_BY_WINNER, BattleOutcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import Battle
    from evalharness.stats.arrays import FloatArray, IntArray

    BattleKey = tuple[str, int, str, str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairedVotes:
    """Pairs of votes (or scores); arrays have one entry for each pair.

    Attributes:
        left: one vote of each pair: twice the first model's points, or a score.
        right: the other vote.
        question: the question of each pair, as a number from 0.
    """

    left: FloatArray
    right: FloatArray
    question: IntArray


def pair_votes_between(judge: Sequence[Battle], others: Sequence[Battle]) -> PairedVotes:
    """Return each vote of a judge paired with each vote of others on the same battle.

    Votes are on the same battle if question, turn and models are equal. Votes are converted to the
    order of the models' names, as in FastChat's agreement of MT-Bench. They are settled:
    inconsistent verdicts are ties.

    Args:
        judge: one judge's votes.
        others: the votes to compare with.

    Raises:
        BattlesError: no battle has votes of both.
    """
    other_votes = _votes_by_battle(others)
    return _build_paired_votes(
        [
            (key, vote, other)
            for key, votes in _votes_by_battle(judge).items()
            for vote in votes
            for other in other_votes.get(key, [])
        ],
        "the two judges voted on no question, turn and pair of models in common",
    )


def pair_votes_within(raters: Sequence[Battle]) -> PairedVotes:
    """Return all pairs of votes of one group on the same battle (see `pair_votes_between`).

    Args:
        raters: the group's votes.

    Raises:
        BattlesError: no battle has two votes.
    """
    return _build_paired_votes(
        [
            (key, vote, other)
            for key, votes in _votes_by_battle(raters).items()
            for place, vote in enumerate(votes)
            for other in votes[place + 1 :]
        ],
        "no question, turn and pair of models has two votes",
    )


def _votes_by_battle(battles: Sequence[Battle]) -> dict[BattleKey, list[int]]:
    votes: dict[BattleKey, list[int]] = {}
    for battle in battles:
        first, second = sorted((battle.model_a, battle.model_b))
        outcome = int(OUTCOME_BY_WINNER[battle.winner])
        vote = outcome if battle.model_a == first else BattleOutcome.FIRST_WON - outcome
        votes.setdefault((battle.question_id, battle.turn, first, second), []).append(vote)
    return votes


def _build_paired_votes(pairs: Sequence[tuple[BattleKey, int, int]], nothing: str) -> PairedVotes:
    if not pairs:
        raise BattlesError(nothing)
    questions: dict[str, int] = {}
    return PairedVotes(
        left=np.array([vote for _, vote, _ in pairs], dtype=np.float64),
        right=np.array([vote for _, _, vote in pairs], dtype=np.float64),
        question=np.array([questions.setdefault(key[0], len(questions)) for key, _, _ in pairs]),
    )
