"""Compute rates of a judge from yes-or-no results per question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis.known_values import none_if_nan
from evalharness.stats import clustered_proportion

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeRate:
    """One rate of a judge.

    Attributes:
        name: the name of the measure.
        value: the rate; None if it is unknown, for the reason in `note`.
        low: the lower end of the 95% interval.
        high: the upper end of the 95% interval.
        count: the number of results.
        questions: the number of questions.
        note: a remark for the reader.
    """

    name: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    count: int = 0
    questions: int = 0
    note: str = ""


def measure_share(name: str, rows: Sequence[tuple[str, bool]], *, note: str = "") -> JudgeRate:
    """Return the share of rows that hold, with an interval clustered by question.

    Args:
        name: the name of the measure.
        rows: the question of each result, and whether it holds.
        note: a remark for the reader.
    """
    if not rows:
        return JudgeRate(name=name, note=note or "nothing to count")
    questions, flags = zip(*rows, strict=True)
    mean = clustered_proportion(np.array(flags, dtype=np.float64), np.array(questions))
    return build_rate(name, mean.value, mean.low, mean.high, mean.count, mean.clusters, note)


def build_rate(
    name: str,
    value: float,
    low: float,
    high: float,
    count: int,
    questions: int,
    note: str = "",
) -> JudgeRate:
    """Return a rate; NaN becomes None."""
    known_value = none_if_nan(value)
    return JudgeRate(
        name=name,
        value=known_value,
        low=none_if_nan(low),
        high=none_if_nan(high),
        count=count,
        questions=questions,
        note=note if known_value is not None else note or "has no meaning here",
    )
