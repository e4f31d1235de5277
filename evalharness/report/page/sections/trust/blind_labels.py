"""Blind labelling: a reader votes on shuffled pairs, or grades answers, whose models are hidden.

The labels are downloaded as a file that `import labels` takes. They are drawn at random, because
corrected figures (Angelopoulos et al. 2023) need people's labels on a random part of the judge's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData

ADDRESS = "labelling"
PLACE = 65
TITLE = "Label blind"
SAMPLE_SIZES = (10, 20, 40, 80, 160)


def render(facts: PageData) -> str:
    """Return the place where labelling happens, or nothing when there are no two answers.

    A report of joined runs has none, as there is no run to import the votes to.
    """
    if facts.records.manifest.get("joined") or len(
        {answer.model for answer in facts.records.answers}
    ) < len(("one", "other")):
        return ""
    return fill_template(
        "sections/trust/blind_labels",
        counts=SAMPLE_SIZES,
        run=facts.records.name,
        grades_first=bool(facts.records.graded) and not facts.battles,
    )
