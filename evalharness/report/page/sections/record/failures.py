"""What could not be done, and why."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData

PLACE = 70
TITLE = "Failures"

MAX_SHOWN_FAILURES = 200


def render(facts: PageData) -> str:
    """Return the failures, or nothing when everything could be done."""
    failures = facts.failures
    if not failures:
        return ""
    return fill_template(
        "sections/record/failures",
        shown=failures[:MAX_SHOWN_FAILURES],
        hidden=len(failures) - len(failures[:MAX_SHOWN_FAILURES]),
        reasons=Counter((failure.stage, failure.reason) for failure in failures).most_common(),
    )
