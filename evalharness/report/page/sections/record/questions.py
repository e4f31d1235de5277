"""Every question with the models' answers side by side and the judge's words.

A question's body lies packed at the end of the page (see `bodies`) and is built when it is opened,
so that a page with tens of thousands of judgments still shows at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.report.page.question_records import group_by_question
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData

PLACE = 60
TITLE = "Questions"

LABEL_BY_FLAG = {
    "differ": "Models differ",
    "orders": "Orders disagree",
    "unscored": "Unscored judgments",
    "truncated": "Cut-off replies",
    "failed": "Failures",
}
LISTED_FLAGS = ("unscored", "truncated", "failed")
"""The flags that the list itself shows; the others hold too often to be worth a glance."""

MODELS_SHOWN_AT_FIRST = 4
"""How many models' answers stand side by side before a reader asks for more."""


def render(facts: PageData) -> str:
    """Return the list of questions, or nothing when none was asked."""
    entries = () if facts.only_benchmarks else group_by_question(facts)
    if not entries:
        return ""
    held = {flag for entry in entries for flag in entry.flags}
    return fill_template(
        "sections/record/questions",
        facts=facts,
        entries=entries,
        categories=list(dict.fromkeys(entry.question.category for entry in entries)),
        flags={flag: label for flag, label in LABEL_BY_FLAG.items() if flag in held},
        labels=LABEL_BY_FLAG,
        troubles=LISTED_FLAGS,
        shown_at_first=MODELS_SHOWN_AT_FIRST,
    )
