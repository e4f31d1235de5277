"""The records of figures corrected by people's labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from evalharness.stats import LabelSaving

CorrectedKind = Literal["rating", "win_rate", "score"]
CORRECTED_KINDS: tuple[CorrectedKind, ...] = ("rating", "win_rate", "score")

_MIN_SAVING = 0.05
"""A judge that saves a smaller share of the labels is said to have saved none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedFigure:
    """A model's figure as people would give it, beside the judge's own; both with intervals.

    The judge's figure and interval are None where it has none. `labels` is how many of people's are on the
    model.
    """

    value: float
    low: float
    high: float
    judge: float | None
    judge_low: float | None
    judge_high: float | None
    labels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedRow:
    """A model as people would place it; a figure that the labels do not support is None.

    Ranks, and the ranks that hold for all models at once, go by rating, or by score where there
    are no ratings.
    """

    model: str
    rank: int | None = None
    rank_low: int | None = None
    rank_high: int | None = None
    rating: CorrectedFigure | None = None
    win_rate: CorrectedFigure | None = None
    score: CorrectedFigure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCorrection:
    """What people's labels on a part of a judge's work do for one kind of figure.

    `labels` counts votes (grades, for scores), `judged` the judge's battles (grades), `questions`
    the labelled ones. `trust` is the weight of the judge, 0 to 1, and `half_width` how far the
    intervals reach on average, in the figure's own unit. Where the labels do not support the
    figure, `refusal` says why and what would do, and there is no number.
    """

    kind: CorrectedKind
    labels: int
    judged: int
    questions: int
    trust: float | None = None
    half_width: float | None = None
    saving: LabelSaving | None = None
    refusal: str = ""

    @property
    def label_factor(self) -> float | None:
        """How many times as many labels people alone would need (see `stats.influence.Saving`)."""
        return None if self.saving is None else self.saving.label_factor

    @property
    def saved(self) -> int | None:
        """How many labels the judge saved: those that people alone would need beyond these."""
        factor = self.label_factor
        return None if factor is None else round(self.labels * (factor - 1))

    @property
    def noun(self) -> str:
        """What people's labels are here."""
        return "grade" if self.kind == "score" else "vote"

    @property
    def sentence(self) -> str:
        """Say what the judge saved, or why there is no figure."""
        if self.saved is None:
            return self.refusal
        these = _count_noun(self.labels, self.noun)
        if self.saved < max(1, _MIN_SAVING * self.labels):
            return (
                f"These {these} say as much alone: the judge, whose weight came out as "
                f"{self.trust:.2f}, saved none."
            )
        work = "grades" if self.kind == "score" else "battles"
        return (
            f"These {these} with the judge's {self.judged:,} {work} say as much as "
            f"{self.labels + self.saved:,} {self.noun}s alone: the judge saved "
            f"{_count_noun(self.saved, self.noun)}."
        )

    def labels_for(self, half_width: float) -> float | None:
        """Return how many labels would narrow the intervals to this half-width on average.

        Infinity where labels alone cannot, None where there is no figure. The part of the variance
        that labels bring in goes as 1 / labels (on further questions, as these were drawn); the
        rest is the judge's own questions.
        """
        if self.saving is None or self.half_width is None:
            return None
        return self.saving.labels_for(half_width / self.half_width, self.labels)

    @property
    def outlook(self) -> str:
        """Say what more labels would do for the intervals; nothing where there is no figure."""
        if self.saving is None or self.half_width is None:
            return ""
        reach = _format_half_width(self.kind, self.half_width)
        for share, words in ((0.5, "half of that takes"), (0.75, "three quarters of that take")):
            number = self.saving.labels_for(share, self.labels)
            if math.isfinite(number):
                about = _count_noun(_round_up_to_two_digits(number), self.noun)
                return f"Intervals reach {reach} on average; {words} about {about} in all."
        return (
            f"Intervals reach {reach} on average; more {self.noun}s narrow them little, more "
            "questions do."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedTable:
    """A judge's (or a panel's) leaderboard as people would give it, best first.

    Without rows, `corrections` say why.
    """

    judge: str
    rows: tuple[CorrectedRow, ...] = ()
    corrections: tuple[LabelCorrection, ...] = ()


def _count_noun(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _round_up_to_two_digits(number: float) -> int:
    """Return a number rounded up to two digits that count: a plan is no more exact."""
    step = float(10 ** max(0, math.floor(math.log10(max(number, 1.0))) - 1))
    return int(math.ceil(number / step) * step)


def _format_half_width(kind: CorrectedKind, half_width: float) -> str:
    match kind:
        case "rating":
            return f"{half_width:.0f} points"
        case "win_rate":
            return f"{100 * half_width:.1f} percentage points"
        case "score":
            return f"{half_width:.2f}"
