"""List the failures of the run with their reasons."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData


MAX_SHOWN_FAILURES = 200


def render_failures(data: PageData) -> str:
    """Return the failures, or nothing without failures."""
    failures = data.failures
    if not failures:
        return ""
    return fill_template(
        "sections/record/failures",
        shown=failures[:MAX_SHOWN_FAILURES],
        hidden=len(failures) - len(failures[:MAX_SHOWN_FAILURES]),
        reasons=Counter((failure.stage, failure.reason) for failure in failures).most_common(),
    )


SECTION = Section(address="failures", place=70, title="Failures", render=render_failures)
