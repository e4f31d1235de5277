"""List every question; an opened question shows the answers side by side and the judge's replies.

The content of a question is compressed at the end of the page (see `question_json`) and built when
the question is opened, so that a page with tens of thousands of judgments still loads at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.report.page.question_records import group_by_question
from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData


LABEL_BY_FLAG = {
    "differ": "Models differ",
    "orders": "Orders disagree",
    "unscored": "Unscored judgments",
    "truncated": "Cut-off replies",
    "empty": "Empty replies",
    "failed": "Failures",
}
LISTED_FLAGS = ("unscored", "truncated", "empty", "failed")
"""The flags that the list shows; the others are too frequent to be useful there."""

MODELS_SHOWN_AT_FIRST = 4
"""The number of models whose answers are shown at first."""


def render_questions(data: PageData) -> str:
    """Return the list of questions, or nothing without questions."""
    entries = () if data.only_benchmarks else group_by_question(data)
    if not entries:
        return ""
    held = {flag for entry in entries for flag in entry.flags}
    return fill_template(
        "sections/record/questions",
        data=data,
        entries=entries,
        categories=list(dict.fromkeys(entry.question.category for entry in entries)),
        flags={flag: label for flag, label in LABEL_BY_FLAG.items() if flag in held},
        labels=LABEL_BY_FLAG,
        troubles=LISTED_FLAGS,
        shown_at_first=MODELS_SHOWN_AT_FIRST,
    )


SECTION = Section(address="questions", place=60, title="Questions", render=render_questions)
