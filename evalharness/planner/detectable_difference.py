"""What a run of this size can tell apart at all, said before it is paid for.

The spread of judgments is not known then. It is taken as in GPT-4's judgments of MT-bench: in its
2,400 verdicts a quarter of the battles are ties, and points of the two turns of a question
correlate by 0.33; in single grades two models' mean difference over a question's turns varies by
2 points between questions, and those of its turns correlate by 0.33 as well.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.judge import list_graded_tasks, list_pair_tasks
from evalharness.stats import (
    design_effect,
    equivalent_battles,
    minimum_detectable_difference,
    minimum_detectable_rating_gap,
)

if TYPE_CHECKING:
    from evalharness.domain import RunSpec

ASSUMED_TIE_SHARE = 0.25
ASSUMED_TURN_CORRELATION = 0.33
ASSUMED_SCORE_DEVIATION = 2.0
"""Of a question's mean difference over two turns, in points of ten."""

_ASSUMED_TURNS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BattleInformation:
    """What a run's battles tell of any two models, as if these had met alone.

    Attributes:
        battles: independent battles, of the two models told least of.
        pairs: battles of a question, its orders and turns together, of the two told least of.
        most: independent battles of the two models told most of.
    """

    battles: float
    pairs: float
    most: float


def describe_detectable_differences(spec: RunSpec) -> list[str]:
    """Return lines that say which differences a run finds four times in five at 95%."""
    found = [*_rating_lines(spec), *_score_lines(spec)]
    return [*(f"resolves  {what}" for what in found), *([_ASSUMED_SPREAD_NOTE] if found else [])]


def measure_battle_information(spec: RunSpec) -> BattleInformation | None:
    """Return what the battles tell; None where there are none, or they do not connect all models."""
    names = [model.name for model in spec.models]
    tasks = list_pair_tasks(names, spec.questions, spec.judging, seed=spec.seed)
    if not tasks:
        return None
    met = Counter((task.question_id, frozenset((task.model_a, task.model_b))) for task in tasks)
    fought, pairs = np.zeros((2, len(names), len(names)))
    for (_, pair), battles in met.items():
        first, second = (names.index(name) for name in pair)
        fought[first, second] += battles / design_effect(battles, ASSUMED_TURN_CORRELATION)
        pairs[first, second] += 1 / len(spec.questions)
    each, alone = (
        equivalent_battles(part + part.T)[np.triu_indices(len(names), 1)]
        for part in (fought, pairs)
    )
    if not each.all():
        return None
    return BattleInformation(battles=each.min(), most=each.max(), pairs=alone.min())


def score_deviation(spec: RunSpec) -> float | None:
    """Return the deviation of two models' mean difference of scores between questions, if any."""
    names = [model.name for model in spec.models]
    tasks = list_graded_tasks(names, spec.questions, spec.judging)
    if not tasks or len(names) == 1:
        return None
    each = len(tasks) / len(names) / len({task.question_id for task in tasks})
    one = (
        ASSUMED_SCORE_DEVIATION**2
        * _ASSUMED_TURNS
        / design_effect(_ASSUMED_TURNS, ASSUMED_TURN_CORRELATION)
    )
    return float(np.sqrt(one * design_effect(each, ASSUMED_TURN_CORRELATION) / each))


def _rating_lines(spec: RunSpec) -> list[str]:
    found = measure_battle_information(spec)
    if found is None:
        is_paired = spec.judging.pairwise and len(spec.models) > 1
        return ["no ratings: the battles do not connect all models"] if is_paired else []
    try:
        low, high = (
            minimum_detectable_rating_gap(each, tie_share=ASSUMED_TIE_SHARE).difference
            for each in (found.most, found.battles)
        )
    except ValueError:
        return ["no gap of ratings: the battles are too few"]
    return [f"{_format_range(low, high)} rating points between two models"]


def _score_lines(spec: RunSpec) -> list[str]:
    deviation, questions = score_deviation(spec), len(spec.questions)
    if deviation is None:
        return []
    if questions == 1:
        return ["no difference of scores: one question shows no spread"]
    found = minimum_detectable_difference(deviation / questions**0.5, questions)
    return [f"{found.difference:.2f} points of score between two models"]


_ASSUMED_SPREAD_NOTE = "          (found 4 times in 5, if judgments vary as GPT-4's of MT-bench do)"


def _format_range(low: float, high: float) -> str:
    return f"{low:.0f}" if f"{low:.0f}" == f"{high:.0f}" else f"{low:.0f} to {high:.0f}"
