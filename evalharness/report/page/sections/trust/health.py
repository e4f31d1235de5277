"""Show the health card of the judges: the rates of an audit with their bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.analysis import (
    format_measure_bound,
    format_measure_detectable,
    format_measure_interval,
    format_measure_status,
    format_measure_value,
)
from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData


def render_health(data: PageData) -> str:
    """Return the card of every audited judge, or nothing without an audit."""
    if data.health is None:
        return ""
    return fill_template(
        "sections/trust/health",
        card=data.health,
        made_since=len(data.records.judgments) - data.health.judgments,
        amount=format_measure_value,
        interval=format_measure_interval,
        bound=format_measure_bound,
        result=format_measure_status,
        finds=format_measure_detectable,
    )


SECTION = Section(address="health", place=57, title="The judge's health", render=render_health)
