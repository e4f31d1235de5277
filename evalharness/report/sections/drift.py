"""Whether the judge has changed since it judged this run: its words of then beside those of now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness import health
from evalharness.report.templates import fill

if TYPE_CHECKING:
    from evalharness.report.facts import Facts

PLACE = 58
TITLE = "Has the judge changed?"


def render(facts: Facts) -> str:
    """Return the last check of the judges against themselves, or nothing without one."""
    if facts.drift is None:
        return ""
    return fill(
        "sections/drift",
        found=facts.drift,
        changed=health.Finding.CHANGED,
        sentence=health.sentence,
        size=health.size,
    )
