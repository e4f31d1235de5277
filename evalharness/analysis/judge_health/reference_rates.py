"""A judge beside others: people, gold labels, the run's other judges."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis.judge_health.rates import JudgeRate, build_rate
from evalharness.domain import Winner
from evalharness.errors import BattlesError
from evalharness.judge import settle_battles
from evalharness.stats import GOLD_JUDGE, cohen_kappa, observed_agreement, pair_votes_between
from evalharness.stats import measure_self_preference as measure_self_preference_

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from evalharness.domain import Battle, RunRecords
    from evalharness.stats import AgreementEstimate


def measure_self_preference(
    judge: str, family: str | None, families: Mapping[str, str | None], records: RunRecords
) -> JudgeRate | None:
    """Return how much more a judge favors its own family than its reference does.

    The reference is people, or else the run's other judges. None when no model is of the family.
    """
    if family is None or family not in families.values():
        return None
    battles = settle_battles(records.games)
    own = _mean_points(battle for battle in battles if battle.judge == judge)
    people = _mean_points(_select_votes(records, _is_person))
    panel = _mean_points(battle for battle in battles if battle.judge != judge)
    for reference, beside in ((people, "people's votes"), (panel, "the run's other judges")):
        rows = [
            (own[key], reference[key], families.get(key[2]) == family, key[0])
            for key in sorted(own.keys() & reference.keys())
        ]
        if len({is_own for _, _, is_own, _ in rows}) > 1:
            judged, granted, kin, asked = zip(*rows, strict=True)
            found = measure_self_preference_(judged, granted, kin, asked)
            note = f"beside {beside}"
            return build_rate(
                "own_family", found.value, found.low, found.high, len(rows), found.clusters, note
            )
    return JudgeRate(
        name="own_family",
        note="needs people's votes or another judge on the same pairs, with other families",
    )


def measure_label_agreement(judge: str, records: RunRecords, seed: int) -> list[JudgeRate]:
    """Return how far a judge agrees with people and with gold labels, where the run has them."""
    battles = [battle for battle in settle_battles(records.games) if battle.judge == judge]
    figures = []
    for source, belongs in (("human", _is_person), ("gold", lambda name: name == GOLD_JUDGE)):
        theirs = _select_votes(records, belongs)
        if theirs:
            figures += _agreement_rates(source, battles, theirs, seed)
    return figures


def _is_person(judge: str) -> bool:
    return judge == "human" or judge.startswith("human:")


def _select_votes(records: RunRecords, belongs: Callable[[str], bool]) -> list[Battle]:
    found = (vote.battle for vote in records.votes if belongs(vote.judge))
    return [battle for battle in found if battle is not None]


def _mean_points(battles: Iterable[Battle]) -> dict[tuple[str, int, str, str], float]:
    """Return each model's mean points against each other on a question and turn."""
    given: dict[tuple[str, int, str, str], list[float]] = defaultdict(list)
    shares = {Winner.MODEL_A: 1.0, Winner.TIE: 0.5, Winner.MODEL_B: 0.0}
    for battle in battles:
        points = shares[battle.winner]
        place = (battle.question_id, battle.turn)
        given[*place, battle.model_a, battle.model_b].append(points)
        given[*place, battle.model_b, battle.model_a].append(1 - points)
    return {key: math.fsum(points) / len(points) for key, points in given.items()}


def _agreement_rates(
    source: str,
    battles: Sequence[Battle],
    theirs: Sequence[Battle],
    seed: int,
) -> list[JudgeRate]:
    names = (f"{source}_agreement", f"{source}_decided", f"{source}_kappa")
    try:
        votes = pair_votes_between(battles, theirs)
    except BattlesError:
        note = "no battle of this judge has a label"
        return [JudgeRate(name=name, note=note) for name in names]

    def rng() -> np.random.Generator:
        return np.random.default_rng(seed)

    figures = [_agreement_rate(names[0], observed_agreement(votes, rng()))]
    try:
        figures.append(_agreement_rate(names[1], observed_agreement(votes, rng(), ties=False)))
    except BattlesError as error:
        figures.append(JudgeRate(name=names[1], note=str(error)))
    return [*figures, _agreement_rate(names[2], cohen_kappa(votes, rng()))]


def _agreement_rate(name: str, found: AgreementEstimate) -> JudgeRate:
    return build_rate(name, found.value, found.low, found.high, int(found.count), found.clusters)
