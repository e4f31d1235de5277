"""Show how often each judge found the label, set by set, where the sides of pairs are no models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData


def render_labelled_sets(data: PageData) -> str:
    """Return the table, or nothing without labelled pairs."""
    rows = data.leaderboard.labelled_sets
    if not rows:
        return ""
    return fill_template("sections/trust/labelled_sets", rows=rows, level=data.level)


SECTION = Section(
    address="labelled-sets", place=15, title="Accuracy by set", render=render_labelled_sets
)
