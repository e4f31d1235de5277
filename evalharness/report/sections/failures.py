"""What could not be done, and why."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalharness.report.templates import fill

if TYPE_CHECKING:
    from evalharness.report.facts import Facts

PLACE = 70
TITLE = "Failures"

MOST_SHOWN = 200


def render(facts: Facts) -> str:
    """Return the failures, or nothing when everything could be done."""
    failures = facts.failures
    if not failures:
        return ""
    return fill(
        "sections/failures",
        shown=failures[:MOST_SHOWN],
        hidden=len(failures) - len(failures[:MOST_SHOWN]),
        reasons=Counter((failure.stage, failure.reason) for failure in failures).most_common(),
    )
