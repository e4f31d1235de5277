"""Define the records of figures corrected by people's labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from evalharness.stats import LabelSaving

CorrectedKind = Literal["rating", "win_rate", "score"]
CORRECTED_KINDS: tuple[CorrectedKind, ...] = ("rating", "win_rate", "score")

_MIN_SAVING = 0.05
"""As a share of the labels; a smaller saving is reported as none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedFigure:
    """A model's figure as people would give it, and the judge's own figure.

    Attributes:
        value: the corrected figure.
        low: the lower end of its interval.
        high: the upper end of its interval.
        judge: the judge's own figure; None if it has none.
        judge_low: lower end of the judge's interval; None without one.
        judge_high: upper end of the judge's interval; None without one.
        labels: the number of labels on the model.
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
    """The corrected figures of one model; a figure that the labels do not support is None.

    Attributes:
        model: the model.
        rank: the rank by corrected rating, or by corrected score if there are no ratings.
        rank_low: the best rank of the simultaneous rank set.
        rank_high: the worst rank of the simultaneous rank set.
        rating: the corrected rating.
        win_rate: the corrected win rate.
        score: the corrected score.
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
    """The effect of people's labels on one kind of figure.

    Attributes:
        kind: the kind of figure.
        labels: the number of votes; of grades for scores.
        judged: the number of the judge's battles; of grades for scores.
        questions: the number of labelled questions.
        trust: the weight of the judge, from 0 to 1.
        half_width: the mean half-width of the intervals, in the unit of the figure.
        saving: how many labels the judge saves.
        refusal: why the labels do not support the figure, and what would; then there is no number.
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
        """The number of labels that people alone would need, per label given."""
        return None if self.saving is None else self.saving.label_factor

    @property
    def saved(self) -> int | None:
        """The number of labels that the judge saved: people alone would need that many more."""
        factor = self.label_factor
        return None if factor is None else round(self.labels * (factor - 1))

    @property
    def noun(self) -> str:
        """The kind of label: `grade` or `vote`."""
        return "grade" if self.kind == "score" else "vote"

    @property
    def sentence(self) -> str:
        """A sentence on what the judge saved, or on why there is no figure."""
        if self.saved is None:
            return self.refusal
        labels = _count_noun(self.labels, self.noun)
        if self.saved < max(1, _MIN_SAVING * self.labels):
            return (
                f"These {labels} say as much alone: the judge, whose weight came out as "
                f"{self.trust:.2f}, saved none."
            )
        judged = "grades" if self.kind == "score" else "battles"
        return (
            f"These {labels} with the judge's {self.judged:,} {judged} say as much as "
            f"{self.labels + self.saved:,} {self.noun}s alone: the judge saved "
            f"{_count_noun(self.saved, self.noun)}."
        )

    def labels_for(self, half_width: float) -> float | None:
        """Return the number of labels that would give the intervals this mean half-width.

        The part of the variance that comes from labels is proportional to 1 / labels, for labels on
        further questions that are sampled as these were. The rest comes from the judge's own
        questions. Returns infinity if labels alone cannot reach the half-width, and None if there
        is no figure.

        Args:
            half_width: the half-width, in the unit of the figure.
        """
        if self.saving is None or self.half_width is None:
            return None
        return self.saving.labels_for(half_width / self.half_width, self.labels)

    @property
    def outlook(self) -> str:
        """A sentence on the effect of more labels on the intervals; empty without a figure."""
        if self.saving is None or self.half_width is None:
            return ""
        width = _format_half_width(self.kind, self.half_width)
        for share, narrowing in (
            (0.5, "half of that takes"),
            (0.75, "three quarters of that take"),
        ):
            number = self.saving.labels_for(share, self.labels)
            if math.isfinite(number):
                about = _count_noun(_round_up_to_two_digits(number), self.noun)
                return f"Intervals reach {width} on average; {narrowing} about {about} in all."
        return (
            f"Intervals reach {width} on average; more {self.noun}s narrow them little, more "
            "questions do."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedTable:
    """The leaderboard of a judge or panel as people would give it.

    Attributes:
        judge: the judge, or the panel.
        rows: one per model, best first; empty if `corrections` give a reason.
        corrections: one per kind of figure.
    """

    judge: str
    rows: tuple[CorrectedRow, ...] = ()
    corrections: tuple[LabelCorrection, ...] = ()


def _count_noun(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _round_up_to_two_digits(number: float) -> int:
    """Return a number rounded up to two significant digits; a plan is not more precise."""
    step = float(10 ** max(0, math.floor(math.log10(max(number, 1.0))) - 1))
    return int(math.ceil(number / step) * step)


def _format_half_width(kind: CorrectedKind, half_width: float) -> str:
    """Return a half-width with its unit."""
    match kind:
        case "rating":
            return f"{half_width:.0f} points"
        case "win_rate":
            return f"{100 * half_width:.1f} percentage points"
        case "score":
            return f"{half_width:.2f}"
