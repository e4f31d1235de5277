"""Describe the differences that a run of a given size can detect, before any call is paid for.

The spread of the judgments is not known yet. It is assumed to be that of GPT-4's judgments of
MT-bench. In its 2,400 verdicts a quarter of the battles are ties, and the points of the two turns
of a question correlate by 0.33. In its grades, the mean difference of two models over the turns of
a question has a standard deviation of 2 points between questions, and the differences of the two
turns correlate by 0.33 as well.
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
"""Standard deviation of the mean difference over two turns, in points of a 1 to 10 scale."""

_ASSUMED_TURNS = 2
_ASSUMED_SPREAD_NOTE = (
    "          (80% power, assuming that judgments vary as GPT-4's of MT-bench do)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BattleInformation:
    """The information of a run's battles about two models, as a number of direct battles.

    Attributes:
        least_battles: independent battles of the pair of models with the least information.
        most_battles: independent battles of the pair with the most information.
        least_pairs: as `least_battles`, per question, its orders and turns counted as one.
    """

    least_battles: float
    most_battles: float
    least_pairs: float


def describe_detectable_differences(spec: RunSpec) -> list[str]:
    """Return lines about the differences that a run detects at the 5% level with 80% power."""
    found = [*_rating_lines(spec), *_score_lines(spec)]
    return [*(f"detects   {what}" for what in found), *([_ASSUMED_SPREAD_NOTE] if found else [])]


def measure_battle_information(spec: RunSpec) -> BattleInformation | None:
    """Return the information of the battles; None if they do not connect all models."""
    names = [model.name for model in spec.models]
    tasks = list_pair_tasks(names, spec.questions, spec.judging, seed=spec.seed)
    if not tasks:
        return None
    battles_of = Counter(
        (task.question_id, frozenset((task.model_a, task.model_b))) for task in tasks
    )
    battles, pairs = np.zeros((2, len(names), len(names)))
    for (_, pair), number in battles_of.items():
        first, second = (names.index(name) for name in pair)
        battles[first, second] += number / design_effect(number, ASSUMED_TURN_CORRELATION)
        pairs[first, second] += 1 / len(spec.questions)
    equivalent, equivalent_pairs = (
        equivalent_battles(numbers + numbers.T)[np.triu_indices(len(names), 1)]
        for numbers in (battles, pairs)
    )
    if not equivalent.all():
        return None
    return BattleInformation(
        least_battles=equivalent.min(),
        most_battles=equivalent.max(),
        least_pairs=equivalent_pairs.min(),
    )


def score_deviation(spec: RunSpec) -> float | None:
    """Return the standard deviation, between questions, of two models' mean difference of scores.

    None if fewer than two models are graded.
    """
    names = [model.name for model in spec.models]
    tasks = list_graded_tasks(names, spec.questions, spec.judging)
    if not tasks or len(names) == 1:
        return None
    grades = len(tasks) / len(names) / len({task.question_id for task in tasks})
    turn_variance = (
        ASSUMED_SCORE_DEVIATION**2
        * _ASSUMED_TURNS
        / design_effect(_ASSUMED_TURNS, ASSUMED_TURN_CORRELATION)
    )
    return float(np.sqrt(turn_variance * design_effect(grades, ASSUMED_TURN_CORRELATION) / grades))


def _rating_lines(spec: RunSpec) -> list[str]:
    information = measure_battle_information(spec)
    if information is None:
        is_paired = spec.judging.pairwise and len(spec.models) > 1
        return ["no ratings: the battles do not connect all models"] if is_paired else []
    try:
        low, high = (
            minimum_detectable_rating_gap(battles, tie_share=ASSUMED_TIE_SHARE).difference
            for battles in (information.most_battles, information.least_battles)
        )
    except ValueError:
        return ["no gap of ratings: the battles are too few"]
    return [f"a gap of {_format_range(low, high)} rating points between two models"]


def _score_lines(spec: RunSpec) -> list[str]:
    deviation, questions = score_deviation(spec), len(spec.questions)
    if deviation is None:
        return []
    if questions == 1:
        return ["no difference of scores: one question shows no spread"]
    found = minimum_detectable_difference(deviation / questions**0.5, questions)
    return [f"a gap of {found.difference:.2f} points of score between two models"]


def _format_range(low: float, high: float) -> str:
    return f"{low:.0f}" if f"{low:.0f}" == f"{high:.0f}" else f"{low:.0f} to {high:.0f}"
