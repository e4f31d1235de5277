"""Let a reader label blind: vote on shuffled pairs, or grade answers, without seeing the models.

The page saves the labels as a file for `import labels`. Pairs and answers are drawn at random,
because corrected figures (Angelopoulos et al. 2023) need labels on a random sample of the judge's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData

SAMPLE_SIZES = (10, 20, 40, 80, 160)


def render_blind_labels(data: PageData) -> str:
    """Return the form for labels, or nothing if there are no two answers.

    A report of merged runs has no form, because no run could import the labels.
    """
    if data.records.manifest.get("joined") or len(
        {answer.model for answer in data.records.answers}
    ) < len(("one", "other")):
        return ""
    return fill_template(
        "sections/trust/blind_labels",
        counts=SAMPLE_SIZES,
        run=data.records.name,
        grades_first=bool(data.records.graded) and not data.battles,
    )


SECTION = Section(address="labelling", place=65, title="Label blind", render=render_blind_labels)
