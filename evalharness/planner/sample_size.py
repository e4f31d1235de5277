"""Describe the sample size that detects a given difference: questions, samples, or judges.

The spread is that of the judgments in the run's folder, split into variance components. Without
judgments, the spread is the one that `detectable_difference` assumes, which has no components.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy.special import expit

from evalharness.domain import RunStage
from evalharness.planner.cost import estimate_costs
from evalharness.planner.detectable_difference import (
    ASSUMED_TIE_SHARE,
    describe_detectable_differences,
    measure_battle_information,
    score_deviation,
)
from evalharness.planner.variance_shares import pair_variance_components, score_variance_components
from evalharness.stats import (
    ELO_PER_NAT,
    minimum_detectable_difference,
    required_battles,
    required_questions_by_t_test,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalharness.domain import PlanTargets, RunRecords, RunSpec
    from evalharness.stats import VarianceComponents


_OWN_SPREAD_NOTE = "          (80% power, if judgments vary as those of this run)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _QuestionsNeeded:
    """The number of questions that detects a difference.

    Attributes:
        questions: the number of questions.
        components: the variance components of the run's judgments; None without judgments.
        difference: the difference to detect, in the unit of the components.
        information_ratio: the information in all judgments of the run about two models,
            relative to the information in the judgments of these two alone.
    """

    questions: float
    components: VarianceComponents | None = None
    difference: float = math.nan
    information_ratio: float = 1.0


def describe_sample_sizes(
    spec: RunSpec, records: RunRecords | None, targets: PlanTargets
) -> list[str]:
    """Return lines about the differences that a run detects, and the sample sizes for its targets.

    A difference is detected if a test at the 5% level finds it with 80% power.

    Args:
        spec: the run as planned; its samples, judges and pairs per question stay as they are.
        records: what its folder holds, if it exists.
        targets: differences of two models to detect, in points of rating and of score.
    """
    lines = describe_detectable_differences(spec)
    if targets.rating is not None:
        size = _size_for_ratings(spec, records, targets.rating)
        lines += _size_lines(f"{targets.rating:g} rating points", size, spec, judges=False)
    if targets.score is not None:
        size = _size_for_scores(spec, records, targets.score)
        lines += _size_lines(f"{targets.score:g} points of score", size, spec, judges=True)
    has_target = targets.rating is not None or targets.score is not None
    return [*lines, _OWN_SPREAD_NOTE] if has_target and records is not None else lines


def _size_for_ratings(
    spec: RunSpec, records: RunRecords | None, gap: float
) -> _QuestionsNeeded | str:
    """Return the sample size for a gap in rating points, or the reason why there is none."""
    information = measure_battle_information(spec)
    if information is None:
        return "nothing is compared in pairs that connect all models"
    components = pair_variance_components(records)
    if components is None:
        try:
            needed = required_battles(gap, tie_share=ASSUMED_TIE_SHARE)
        except ValueError as error:
            return str(error)
        return _QuestionsNeeded(
            questions=len(spec.questions) * needed.number / information.least_battles
        )
    advantage = float(expit(gap / ELO_PER_NAT)) - 0.5
    deviation = math.sqrt(components.variance() / information.least_pairs)
    return _QuestionsNeeded(
        questions=required_questions_by_t_test(advantage, deviation).number,
        components=components,
        difference=advantage,
        information_ratio=information.least_pairs,
    )


def _size_for_scores(
    spec: RunSpec, records: RunRecords | None, points: float
) -> _QuestionsNeeded | str:
    """Return the sample size for a difference of scores, or the reason why there is none."""
    components = score_variance_components(records)
    if components is None:
        deviation = score_deviation(spec)
        if deviation is None:
            return "nothing is graded of two models"
        return _QuestionsNeeded(questions=required_questions_by_t_test(points, deviation).number)
    needed = required_questions_by_t_test(points, math.sqrt(components.variance()))
    return _QuestionsNeeded(questions=needed.number, components=components, difference=points)


def _size_lines(
    target: str, size: _QuestionsNeeded | str, spec: RunSpec, *, judges: bool
) -> Iterator[str]:
    if isinstance(size, str):
        yield f"wanted    {target}: {size}"
        return
    questions, planned = math.ceil(size.questions), len(spec.questions)
    if questions <= planned:
        yield f"wanted    {target}: found with {questions} of the {planned} questions"
        return
    extra = _extra_cost(spec, questions / planned)
    yield f"wanted    {target}: {questions:,} questions ({extra})"
    if size.components is not None:
        yield from _alternative_lines(size, size.components, spec, judges=judges)


def _alternative_lines(
    size: _QuestionsNeeded, components: VarianceComponents, spec: RunSpec, *, judges: bool
) -> Iterator[str]:
    """Yield alternatives that detect the difference with the planned questions: samples, or judges."""
    questions = len(spec.questions)
    per_unit = (
        minimum_detectable_difference(1.0, questions).difference if questions > 1 else math.inf
    )
    allowed = (size.difference / per_unit) ** 2 * questions * size.information_ratio
    allowed -= components.question
    answers = (components.sample or 0.0) / components.samples
    judgments = (components.judgment or 0.0) / components.samples / components.judgments
    if components.sample is not None:
        yield f"          {_alternative('samples', answers + judgments, allowed, spec)}"
    if judges and components.judgment is not None:
        yield f"          {_alternative('judges', judgments, allowed - answers, spec)}"


def _alternative(what: str, variance: float, allowed: float, spec: RunSpec) -> str:
    """Return how often to repeat samples or judges so that their variance is at most `allowed`."""
    if allowed <= 0:
        return f"or, with these questions, no number of {what}"
    times = max(2, math.ceil(variance / allowed))
    return f"or {times:,} times the {what} ({_extra_cost(spec, times, answers=what == 'samples')})"


def _extra_cost(spec: RunSpec, times: float, *, answers: bool = True) -> str:
    """Return the calls and cost of a run `times` as large, beyond those of the run as planned.

    Args:
        spec: the run as planned.
        times: the factor.
        answers: whether answers are repeated too, or judgments only.
    """
    costs = [cost for cost in estimate_costs(spec, None) if answers or cost.stage == RunStage.JUDGE]
    calls = (times - 1) * sum(cost.calls for cost in costs)
    dollars = [cost.usd for cost in costs if cost.usd is not None]
    extra = f"{calls:,.0f} calls"
    extra += f", about ${(times - 1) * sum(dollars):,.2f}" if dollars else ""
    return f"{extra}, more than this run as planned"
