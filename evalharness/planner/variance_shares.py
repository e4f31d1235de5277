"""Where the next dollar goes: more questions, more answers to each, or more judges, as a run shows."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis import exclude_label_checks
from evalharness.domain import Verdict
from evalharness.stats import VarianceComponents, estimate_variance_components

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalharness.domain import RunRecords
    from evalharness.stats import JudgmentValues

    ValuesByJudgment = Mapping[tuple[str, int, str], list[float]]
    """Values by question, sample and judgment; those of several turns together."""

_POINTS_BY_VERDICT = {Verdict.A: 1.0, Verdict.TIE: 0.5, Verdict.B: 0.0}


def describe_variance_shares(records: RunRecords | None) -> list[str]:
    """Return lines that say what a run's intervals are wide from, and what would narrow them."""
    if records is None:
        return []
    found = [
        *_share_lines("scores", "judges", score_variance_components(records)),
        *_share_lines("pairs", "orders and judges", pair_variance_components(records)),
    ]
    return [*found, _WIDTH_NOTE] if found else []


def score_variance_components(records: RunRecords | None) -> VarianceComponents | None:
    """Return where two models' difference of scores varies from; None where nothing tells."""
    if records is None:
        return None
    return _fit_components(_score_differences(exclude_label_checks(records, ()).records))


def pair_variance_components(records: RunRecords | None) -> VarianceComponents | None:
    """Return where points of one model against another vary from; None where nothing tells."""
    return None if records is None else _fit_components(_pair_points(records))


_WIDTH_NOTE = (
    "          (of intervals' width; a judge's lasting taste, as for a place, is none of this)"
)


def _fit_components(groups: Iterator[JudgmentValues]) -> VarianceComponents | None:
    try:
        found = estimate_variance_components(groups)
    except ValueError:
        return None
    return found if found.variance() else None


def _share_lines(what: str, judging: str, split: VarianceComponents | None) -> Iterator[str]:
    if split is None:
        return
    whole = split.variance()
    yield f"spread    {what}: {', '.join(_share_words(split, judging, whole))}"
    yield f"next      {what}: {', '.join(_gain_words(split, judging, whole))}; {_half_difference_words(split, whole)}"


def _share_words(split: VarianceComponents, judging: str, whole: float) -> Iterator[str]:
    answers = (split.sample or 0.0) / split.samples
    judged = (split.judgment or 0.0) / split.samples / split.judgments
    yield f"{split.question / whole:.0%} from questions"
    yield "answers not repeated" if split.sample is None else f"{answers / whole:.0%} from answers"
    if split.judgment is None:
        yield f"{judging} not repeated"
    else:
        yield f"{judged / whole:.0%} from {judging}"


def _gain_words(split: VarianceComponents, judging: str, whole: float) -> Iterator[str]:
    def narrower(variance: float) -> str:
        return f"{1 - math.sqrt(variance / whole):.0%}"

    yield f"twice the questions narrow by {narrower(split.variance(questions=2))}"
    if split.sample is not None:
        yield f"twice the samples by {narrower(split.variance(samples=2))}"
    if split.judgment is not None and judging == "judges":
        yield f"twice the judges by {narrower(split.variance(judgments=2))}"


def _half_difference_words(split: VarianceComponents, whole: float) -> str:
    """Return what finds a difference half as large."""
    words = "half the difference takes 4 times the questions"
    rest, room = whole - split.question, whole / 4 - split.question
    if split.sample is None or rest <= 0:
        return words
    if room <= 0:
        return f"{words}, no number of samples"
    return f"{words}, or {math.ceil(rest / room)} times the samples"


def _score_differences(records: RunRecords) -> Iterator[JudgmentValues]:
    """Yield for each pair of models the differences of grades given in the same place."""
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
    """Yield for each pair of models the points of the first in each order of showing."""
    by_pair: dict[tuple[str, str], dict[tuple[str, int, str], list[float]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for row in records.games:
        if row.verdict is not None:
            points, is_swapped = _POINTS_BY_VERDICT[row.verdict], row.model_a > row.model_b
            pair = min(row.model_a, row.model_b), max(row.model_a, row.model_b)
            place = (row.question_id, row.sample, f"{row.judge} {is_swapped}")
            by_pair[pair][place].append(1 - points if is_swapped else points)
    for judged in by_pair.values():
        yield from _centred_group(judged)


def _centred_group(judged: ValuesByJudgment) -> Iterator[JudgmentValues]:
    """Yield a group, each judge's and order's own mean taken out: it is the same on all questions."""
    if judged:
        questions, samples, whose = zip(*judged, strict=True)
        value = np.array([np.mean(each) for each in judged.values()])
        of = np.unique(whose, return_inverse=True)[1]
        value -= (np.bincount(of, value) / np.bincount(of))[of] - value.mean()
        yield value, np.unique(questions, return_inverse=True)[1], np.array(samples)
