"""Show whether the judges have changed since they judged the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.analysis import DriftFinding, describe_judge_drift, format_drift_size
from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData


def render_drift(data: PageData) -> str:
    """Return the last drift check, or nothing without a check."""
    if data.drift is None:
        return ""
    return fill_template(
        "sections/trust/drift",
        found=data.drift,
        changed=DriftFinding.CHANGED,
        sentence=describe_judge_drift,
        size=format_drift_size,
    )


SECTION = Section(address="drift", place=58, title="Has the judge changed?", render=render_drift)
