"""Compare a judge with references: people's votes, gold labels, and the run's other judges."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis.judge_health.rates import JudgeRate, build_rate
from evalharness.errors import BattlesError
from evalharness.judge import settle_battles
from evalharness.stats import (
    GOLD_JUDGE,
    cohen_kappa,
    is_human_judge,
    measure_self_preference,
    observed_agreement,
    pair_votes_between,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from evalharness.domain import Battle, RunRecords
    from evalharness.stats import AgreementEstimate


def measure_family_preference(
    judge: str,
    own: frozenset[str],
    families: Mapping[str, frozenset[str]],
    records: RunRecords,
) -> JudgeRate | None:
    """Return how much more a judge favors its own family than the reference does.

    The reference is people's votes, or else the run's other judges. Returns None if no model
    belongs to the judge's family.
    """
    if not any(own & each for each in families.values()):
        return None
    battles = settle_battles(records.games)
    judge_points = _mean_points(battle for battle in battles if battle.judge == judge)
    human_points = _mean_points(_select_votes(records, is_human_judge))
    other_points = _mean_points(battle for battle in battles if battle.judge != judge)
    for reference, source in (
        (human_points, "people's votes"),
        (other_points, "the run's other judges"),
    ):
        rows = [
            (
                judge_points[key],
                reference[key],
                bool(own & families.get(key[2], frozenset())),
                key[0],
            )
            for key in sorted(judge_points.keys() & reference.keys())
        ]
        if len({is_own_family for _, _, is_own_family, _ in rows}) > 1:
            judged_points, reference_points, is_own_family, questions = zip(*rows, strict=True)
            found = measure_self_preference(
                judged_points, reference_points, is_own_family, questions
            )
            note = f"beside {source}"
            return build_rate(
                "own_family", found.value, found.low, found.high, len(rows), found.clusters, note
            )
    return JudgeRate(
        name="own_family",
        note="needs people's votes or another judge on the same pairs, with other families",
    )


def measure_label_agreement(judge: str, records: RunRecords, seed: int) -> list[JudgeRate]:
    """Return the judge's agreement with people's votes and with gold labels of the run."""
    battles = [battle for battle in settle_battles(records.games) if battle.judge == judge]
    figures = []
    for source, is_source in (("human", is_human_judge), ("gold", lambda name: name == GOLD_JUDGE)):
        labels = _select_votes(records, is_source)
        if labels:
            figures += _agreement_rates(source, battles, labels, seed)
    return figures


def _select_votes(records: RunRecords, is_source: Callable[[str], bool]) -> list[Battle]:
    """Return the battles of the imported votes of one source."""
    battles = (vote.battle for vote in records.votes if is_source(vote.judge))
    return [battle for battle in battles if battle is not None]


def _mean_points(battles: Iterable[Battle]) -> dict[tuple[str, int, str, str], float]:
    """Return the mean points of each model against each other, by question and turn."""
    points_by_pair: dict[tuple[str, int, str, str], list[float]] = defaultdict(list)
    for battle in battles:
        points = battle.winner.points
        unit = (battle.question_id, battle.turn)
        points_by_pair[*unit, battle.model_a, battle.model_b].append(points)
        points_by_pair[*unit, battle.model_b, battle.model_a].append(1 - points)
    return {key: math.fsum(points) / len(points) for key, points in points_by_pair.items()}


def _agreement_rates(
    source: str,
    battles: Sequence[Battle],
    labels: Sequence[Battle],
    seed: int,
) -> list[JudgeRate]:
    """Return agreement with ties, agreement without ties, and Cohen's kappa."""
    names = (f"{source}_agreement", f"{source}_decided", f"{source}_kappa")
    try:
        votes = pair_votes_between(battles, labels)
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


def _agreement_rate(name: str, estimate: AgreementEstimate) -> JudgeRate:
    """Return an agreement estimate as a rate."""
    return build_rate(
        name, estimate.value, estimate.low, estimate.high, int(estimate.count), estimate.clusters
    )
