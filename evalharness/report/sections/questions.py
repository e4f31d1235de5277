"""Every question with the models' answers side by side and the judge's words.

A question's body lies packed at the end of the page (see `bodies`) and is built when it is opened,
so that a page with tens of thousands of judgments still shows at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.report.dossiers import dossiers
from evalharness.report.templates import fill

if TYPE_CHECKING:
    from evalharness.report.facts import Facts

PLACE = 60
TITLE = "Questions"

FLAGS = {
    "differ": "Models differ",
    "orders": "Orders disagree",
    "unscored": "Unscored judgments",
    "truncated": "Cut-off replies",
    "failed": "Failures",
}
TROUBLES = ("unscored", "truncated", "failed")
"""The flags that the list itself shows; the others hold too often to be worth a glance."""

SHOWN_AT_FIRST = 4
"""How many models' answers stand side by side before a reader asks for more."""


def render(facts: Facts) -> str:
    """Return the list of questions, or nothing when none was asked."""
    entries = () if facts.only_benchmarks else dossiers(facts)
    if not entries:
        return ""
    held = {flag for entry in entries for flag in entry.flags}
    return fill(
        "sections/questions",
        facts=facts,
        entries=entries,
        categories=list(dict.fromkeys(entry.question.category for entry in entries)),
        flags={flag: label for flag, label in FLAGS.items() if flag in held},
        labels=FLAGS,
        troubles=TROUBLES,
        shown_at_first=SHOWN_AT_FIRST,
    )
