"""The judge's health: what an audit found, each rate beside its bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.analysis import format_measure_bound, format_measure_interval, format_measure_value
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData

PLACE = 57
TITLE = "The judge's health"


def render(facts: PageData) -> str:
    """Return the card of every judge that was audited, or nothing without an audit."""
    if facts.health is None:
        return ""
    return fill_template(
        "sections/trust/health",
        card=facts.health,
        made_since=len(facts.records.judgments) - facts.health.judgments,
        amount=format_measure_value,
        interval=format_measure_interval,
        bound=format_measure_bound,
    )
