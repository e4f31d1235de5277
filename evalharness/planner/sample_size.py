"""What it takes to find a wanted difference: more questions, more answers to each, or more judges.

The spread is that of the judgments that the run's folder holds, split into its sources; without
any, it is taken as `resolving` says, and cannot be split.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _SampleSize:
    """Questions that find a difference; where judgments are there, their spread and its share.

    `difference` is in the unit of the spread; `informed` is how many times as much as their own
    judgments all of the run's tell of two models.
    """

    questions: float
    split: VarianceComponents | None = None
    difference: float = math.nan
    informed: float = 1.0


def describe_sample_sizes(
    spec: RunSpec, records: RunRecords | None, wanted: PlanTargets
) -> list[str]:
    """Return lines that say which differences are found four times in five, and what finds others.

    Args:
        spec: the run as planned; as many samples, judges and pairs a question stay.
        records: what its folder holds, if there is one.
        wanted: the differences of two models, in points of rating and of score.
    """
    found = describe_detectable_differences(spec)
    if wanted.rating is not None:
        way = _size_for_ratings(spec, records, wanted.rating)
        found += _size_lines(f"{wanted.rating:g} rating points", way, spec, judges=False)
    if wanted.score is not None:
        way = _size_for_scores(spec, records, wanted.score)
        found += _size_lines(f"{wanted.score:g} points of score", way, spec, judges=True)
    asked = wanted.rating is not None or wanted.score is not None
    return [*found, _OWN_SPREAD_NOTE] if asked and records is not None else found


_OWN_SPREAD_NOTE = "          (found 4 times in 5, if judgments vary as those that are there)"


def _size_for_ratings(spec: RunSpec, records: RunRecords | None, gap: float) -> _SampleSize | str:
    told = measure_battle_information(spec)
    if told is None:
        return "nothing is compared in pairs that connect all models"
    split = pair_variance_components(records)
    if split is None:
        try:
            needed = required_battles(gap, tie_share=ASSUMED_TIE_SHARE)
        except ValueError as error:
            return str(error)
        return _SampleSize(questions=len(spec.questions) * needed.number / told.battles)
    edge = float(expit(gap / ELO_PER_NAT)) - 0.5
    deviation = math.sqrt(split.variance() / told.pairs)
    return _SampleSize(
        questions=required_questions_by_t_test(edge, deviation).number,
        split=split,
        difference=edge,
        informed=told.pairs,
    )


def _size_for_scores(spec: RunSpec, records: RunRecords | None, points: float) -> _SampleSize | str:
    split = score_variance_components(records)
    if split is None:
        deviation = score_deviation(spec)
        if deviation is None:
            return "nothing is graded of two models"
        return _SampleSize(questions=required_questions_by_t_test(points, deviation).number)
    needed = required_questions_by_t_test(points, math.sqrt(split.variance()))
    return _SampleSize(questions=needed.number, split=split, difference=points)


def _size_lines(what: str, way: _SampleSize | str, spec: RunSpec, *, judges: bool) -> Iterator[str]:
    if isinstance(way, str):
        yield f"wanted    {what}: {way}"
        return
    questions, there = math.ceil(way.questions), len(spec.questions)
    if questions <= there:
        yield f"wanted    {what}: found with {questions} of the {there} questions"
        return
    times = questions / there
    yield f"wanted    {what}: {questions:,} questions ({_extra_cost(spec, times)})"
    if way.split is not None:
        yield from _alternative_lines(way, way.split, spec, judges=judges)


def _alternative_lines(
    way: _SampleSize, split: VarianceComponents, spec: RunSpec, *, judges: bool
) -> Iterator[str]:
    """Yield what else finds the difference with the questions as they are."""
    there = len(spec.questions)
    reach = minimum_detectable_difference(1.0, there).difference if there > 1 else math.inf
    room = (way.difference / reach) ** 2 * there * way.informed
    answers = (split.sample or 0.0) / split.samples
    judged = (split.judgment or 0.0) / split.samples / split.judgments
    if split.sample is not None:
        yield f"          {_alternative('samples', answers + judged, room - split.question, spec)}"
    if judges and split.judgment is not None:
        yield f"          {_alternative('judges', judged, room - split.question - answers, spec)}"


def _alternative(what: str, variance: float, room: float, spec: RunSpec) -> str:
    if room <= 0:
        return f"or, with these questions, no number of {what}"
    times = max(2, math.ceil(variance / room))
    return f"or {times:,} times the {what} ({_extra_cost(spec, times, answered=what == 'samples')})"


def _extra_cost(spec: RunSpec, times: float, *, answered: bool = True) -> str:
    """Return what is to be paid for beside the run as planned."""
    stages = [
        each for each in estimate_costs(spec, None) if answered or each.stage == RunStage.JUDGE
    ]
    calls = (times - 1) * sum(each.calls for each in stages)
    dollars = [each.usd for each in stages if each.usd is not None]
    more = f"{calls:,.0f} calls"
    more += f", about ${(times - 1) * sum(dollars):,.2f}" if dollars else ""
    return f"{more}, more than this run as planned"
