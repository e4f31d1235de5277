"""People's votes against the judge's: how far they agree, and ratings corrected by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.report.intervals import RATING, Interval, interval
from evalharness.report.scales import Scale, scale_over
from evalharness.report.templates import fill
from evalharness.stats.people import human_agreements

if TYPE_CHECKING:
    from evalharness.leaderboard import CorrectedRatings
    from evalharness.report.facts import Facts

PLACE = 53
TITLE = "People and the judge"
_SEED = 0  # of the intervals' bootstrap: the same run makes the same page


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    name: str
    number: int


def render(facts: Facts) -> str:
    """Return agreement and corrected ratings, or nothing when no person voted."""
    agreements = human_agreements(facts.battles, np.random.default_rng(_SEED))
    corrected = [(found, *_drawn(facts, found)) for found in facts.leaderboard.corrected]
    if not (agreements or corrected):
        return ""
    return fill("sections/people", level=facts.level, agreements=agreements, corrected=corrected)


def _drawn(
    facts: Facts, found: CorrectedRatings
) -> tuple[Scale | None, list[tuple[_Model, Interval, Interval]]]:
    """Return the common scale, and each model with the judge's rating and the corrected one."""
    scale = scale_over(
        value
        for row in found.rows
        for value in (row.low, row.high, row.rating, row.judge_low, row.judge_high)
    )
    return scale, [
        (
            _Model(name=row.model, number=facts.number(row.model)),
            interval((row.judge_rating, row.judge_low, row.judge_high), RATING, scale),
            interval((row.rating, row.low, row.high), RATING, scale),
        )
        for row in found.rows
    ]
