"""A rate of a judge, and how it is made of answers to yes-or-no questions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.stats import clustered_proportion

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeRate:
    """One rate; `value` is None when `note` says why it is not known."""

    name: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    count: int = 0
    questions: int = 0
    note: str = ""


def measure_share(name: str, rows: Sequence[tuple[str, bool]], *, note: str = "") -> JudgeRate:
    """Return the share of rows (question, whether it holds), clustered by question."""
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
    """Return a rate; what is not a number is not known."""
    value_, low_, high_ = (None if math.isnan(each) else float(each) for each in (value, low, high))
    return JudgeRate(
        name=name,
        value=value_,
        low=low_,
        high=high_,
        count=count,
        questions=questions,
        note=note if value_ is not None else note or "has no meaning here",
    )
