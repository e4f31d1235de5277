"""The judge's health: what an audit found, each rate beside its bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness import health
from evalharness.report.templates import fill

if TYPE_CHECKING:
    from evalharness.report.facts import Facts

PLACE = 57
TITLE = "The judge's health"


def render(facts: Facts) -> str:
    """Return the card of every judge that was audited, or nothing without an audit."""
    if facts.health is None:
        return ""
    return fill(
        "sections/health",
        card=facts.health,
        made_since=len(facts.records.judgments) - facts.health.judgments,
        amount=health.amount,
        interval=health.interval,
        bound=health.bound,
    )
