"""Define the records of a health card."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

CONFIDENCE_LEVEL = 0.95


class BoundStatus(StrEnum):
    """How a rate compares with its bound.

    The whole interval is within or beyond the bound, or the interval holds the bound, so that the
    questions are too few to tell. A rate may also have no bound, or be unknown.
    """

    OK = "ok"
    MISSED = "missed"
    TOO_FEW = "too few to tell"
    UNBOUNDED = "unbounded"
    UNKNOWN = "unknown"


class BoundSide(StrEnum):
    """Whether a bound is a lower or an upper limit; a ceiling limits the absolute value."""

    FLOOR = "at least"
    CEILING = "at most"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthMeasure:
    """One rate of a judge with its bound.

    Attributes:
        name: the name of the measure.
        title: the measure in words.
        value: the rate; None if it is unknown.
        low: the lower end of the 95% interval, clustered by question.
        high: the upper end of the interval.
        count: the number of results.
        questions: the number of questions.
        side: whether the bound is a floor or a ceiling.
        bound: the limit; None without one.
        status: how the interval of the rate compares with it.
        note: a remark for the reader.
        detectable: the smallest departure from the bound that so many questions find with a
            probability of 80%; None without a bound, or if they find no departure.
    """

    name: str
    title: str
    value: float | None
    low: float | None
    high: float | None
    count: int
    questions: int
    side: BoundSide
    bound: float | None
    status: BoundStatus
    note: str = ""
    detectable: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeHealth:
    """The measures of one judge.

    Attributes:
        judge: the judge's name.
        measures: its measures, in the order of the card.
    """

    judge: str
    measures: tuple[HealthMeasure, ...]

    @property
    def missed(self) -> tuple[HealthMeasure, ...]:
        """The measures beyond their bounds."""
        return tuple(each for each in self.measures if each.status is BoundStatus.MISSED)

    @property
    def undecided(self) -> tuple[HealthMeasure, ...]:
        """The measures of too few questions to tell whether they are beyond their bounds."""
        return tuple(each for each in self.measures if each.status is BoundStatus.TOO_FEW)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCard:
    """The health of a run's judges.

    Attributes:
        judges: one entry per judge.
        judgments: the number of the run's judgments that the card was made from.
        probes: the number of probe judgments.
        level: the level of the intervals.
    """

    judges: tuple[JudgeHealth, ...]
    judgments: int
    probes: int
    level: float = CONFIDENCE_LEVEL
