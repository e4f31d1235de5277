"""Describe the sources of a run's variance (questions, answers, judgments) and how to reduce it."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis import exclude_label_checks
from evalharness.stats import VarianceComponents, estimate_variance_components

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalharness.domain import RunRecords
    from evalharness.stats import JudgmentValues

    ValuesByJudgment = Mapping[tuple[str, int, str], list[float]]
    """Values by question, sample and judge; one value per turn."""

_WIDTH_NOTE = (
    "          (of intervals' width; a judge's lasting taste, as for a place, is none of this)"
)


def describe_variance_shares(records: RunRecords | None) -> list[str]:
    """Return lines about the sources of the width of a run's intervals, and how to make them narrower."""
    if records is None:
        return []
    lines = [
        *_share_lines("scores", "judges", score_variance_components(records)),
        *_share_lines("pairs", "orders and judges", pair_variance_components(records)),
    ]
    return [*lines, _WIDTH_NOTE] if lines else []


def score_variance_components(records: RunRecords | None) -> VarianceComponents | None:
    """Return the variance components of score differences; None without an estimate."""
    if records is None:
        return None
    return _fit_components(_score_differences(exclude_label_checks(records, ()).records))


def pair_variance_components(records: RunRecords | None) -> VarianceComponents | None:
    """Return the variance components of the points in pairs; None without an estimate."""
    return None if records is None else _fit_components(_pair_points(records))


def _fit_components(groups: Iterator[JudgmentValues]) -> VarianceComponents | None:
    try:
        components = estimate_variance_components(groups)
    except ValueError:
        return None
    return components if components.variance() else None


def _share_lines(what: str, judging: str, components: VarianceComponents | None) -> Iterator[str]:
    if components is None:
        return
    total = components.variance()
    yield f"spread    {what}: {', '.join(_share_phrases(components, judging, total))}"
    yield f"next      {what}: {', '.join(_gain_phrases(components, judging, total))}; {_half_difference_phrase(components, total)}"


def _share_phrases(components: VarianceComponents, judging: str, total: float) -> Iterator[str]:
    answers = (components.sample or 0.0) / components.samples
    judgments = (components.judgment or 0.0) / components.samples / components.judgments
    yield f"{components.question / total:.0%} from questions"
    yield (
        "answers not repeated"
        if components.sample is None
        else f"{answers / total:.0%} from answers"
    )
    if components.judgment is None:
        yield f"{judging} not repeated"
    else:
        yield f"{judgments / total:.0%} from {judging}"


def _gain_phrases(components: VarianceComponents, judging: str, total: float) -> Iterator[str]:
    def narrower(variance: float) -> str:
        return f"{1 - math.sqrt(variance / total):.0%}"

    yield f"twice the questions narrow by {narrower(components.variance(questions=2))}"
    if components.sample is not None:
        yield f"twice the samples by {narrower(components.variance(samples=2))}"
    if components.judgment is not None and judging == "judges":
        yield f"twice the judges by {narrower(components.variance(judgments=2))}"


def _half_difference_phrase(components: VarianceComponents, total: float) -> str:
    """Return the sample sizes that detect a difference half as large."""
    words = "half the difference takes 4 times the questions"
    repeatable = total - components.question
    allowed = total / 4 - components.question
    if components.sample is None or repeatable <= 0:
        return words
    if allowed <= 0:
        return f"{words}, no number of samples"
    return f"{words}, or {math.ceil(repeatable / allowed)} times the samples"


def _score_differences(records: RunRecords) -> Iterator[JudgmentValues]:
    """Yield, for each pair of models, their differences of grades that agree in everything else."""
    by_model: dict[str, dict[tuple[str, int, str, int], float]] = defaultdict(dict)
    for row in records.graded:
        if row.score is not None:
            place = (row.question_id, row.sample, row.judge, row.turn)
            by_model[row.model][place] = row.score
    for one, other in combinations(sorted(by_model), 2):
        first, second = by_model[one], by_model[other]
        judged: dict[tuple[str, int, str], list[float]] = defaultdict(list)
        for place in sorted(first.keys() & second.keys()):
            judged[place[:3]].append(first[place] - second[place])
        yield from _centred_group(judged)


def _pair_points(records: RunRecords) -> Iterator[JudgmentValues]:
    """Yield, for each pair of models, the points of the first one in each order."""
    by_pair: dict[tuple[str, str], dict[tuple[str, int, str], list[float]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for row in records.games:
        if row.verdict is not None:
            points, is_swapped = row.verdict.points, row.model_a > row.model_b
            pair = min(row.model_a, row.model_b), max(row.model_a, row.model_b)
            place = (row.question_id, row.sample, f"{row.judge} {is_swapped}")
            by_pair[pair][place].append(1 - points if is_swapped else points)
    for judged in by_pair.values():
        yield from _centred_group(judged)


def _centred_group(judged: ValuesByJudgment) -> Iterator[JudgmentValues]:
    """Yield the values less the mean of each judge and order, which is the same on all questions."""
    if judged:
        questions, samples, judges = zip(*judged, strict=True)
        values = np.array([np.mean(each) for each in judged.values()])
        judge = np.unique(judges, return_inverse=True)[1]
        values -= (np.bincount(judge, values) / np.bincount(judge))[judge] - values.mean()
        yield values, np.unique(questions, return_inverse=True)[1], np.array(samples)
