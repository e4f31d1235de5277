"""Whether the judge has changed since it judged this run: its words of then beside those of now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.analysis import DriftFinding, describe_judge_drift, format_drift_size
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData

PLACE = 58
TITLE = "Has the judge changed?"


def render(facts: PageData) -> str:
    """Return the last check of the judges against themselves, or nothing without one."""
    if facts.drift is None:
        return ""
    return fill_template(
        "sections/trust/drift",
        found=facts.drift,
        changed=DriftFinding.CHANGED,
        sentence=describe_judge_drift,
        size=format_drift_size,
    )
