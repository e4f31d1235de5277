"""What a run of this size can tell apart at all, said before it is paid for.

The spread of judgments is not known then. It is taken as in GPT-4's judgments of MT-bench: in its
2,400 verdicts a quarter of the battles are ties, and points of the two turns of a question
correlate by 0.33; in single grades two models' mean difference over a question's turns varies by
2 points between questions, and those of its turns correlate by 0.33 as well.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from evalharness import schedule
from evalharness.stats.power import (
    design_effect,
    detectable_difference,
    detectable_gap,
    equivalent_battles,
)

if TYPE_CHECKING:
    from evalharness.domain import RunSpec

TIE_SHARE = 0.25
CORRELATION = 0.33
SCORE_DEVIATION = 2.0
"""Of a question's mean difference over two turns, in points of ten."""

_TURNS = 2


def describe(spec: RunSpec) -> list[str]:
    """Return lines that say which differences a run finds four times in five at 95%."""
    found = [*_ratings(spec), *_scores(spec)]
    return [*(f"resolves  {what}" for what in found), *([_ASSUMED] if found else [])]


def _ratings(spec: RunSpec) -> list[str]:
    names = [model.name for model in spec.models]
    tasks = schedule.pair_tasks(names, spec.questions, spec.judging, seed=spec.seed)
    if not tasks:
        return []
    met = Counter((task.question_id, task.model_a, task.model_b) for task in tasks)
    fought = np.zeros((len(names), len(names)))
    for (_, *pair), battles in met.items():
        first, second = (names.index(name) for name in pair)
        alone = battles / design_effect(battles, CORRELATION)
        fought[first, second] += alone
        fought[second, first] += alone
    told = equivalent_battles(fought)[np.triu_indices(len(names), 1)]
    if not told.all():
        return ["no ratings: the battles do not connect all models"]
    try:
        gaps = [detectable_gap(each, tie_share=TIE_SHARE).difference for each in told]
    except ValueError:
        return ["no gap of ratings: the battles are too few"]
    return [f"{_range(gaps, '.0f')} rating points between two models"]


def _scores(spec: RunSpec) -> list[str]:
    names = [model.name for model in spec.models]
    tasks = schedule.graded_tasks(names, spec.questions, spec.judging)
    if not tasks or len(names) == 1:
        return []
    per_question = Counter(task.question_id for task in tasks if task.model == names[0])
    questions = len(per_question)
    if questions == 1:
        return ["no difference of scores: one question shows no spread"]
    each = len(tasks) / len(names) / questions
    one = SCORE_DEVIATION**2 * _TURNS / design_effect(_TURNS, CORRELATION)
    deviation = np.sqrt(one * design_effect(each, CORRELATION) / each)
    found = detectable_difference(float(deviation) / questions**0.5, questions)
    return [f"{found.difference:.2f} points of score between two models"]


_ASSUMED = "          (found 4 times in 5, if judgments vary as GPT-4's of MT-bench do)"


def _range(values: list[float], digits: str) -> str:
    low, high = (format(value, digits) for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"
