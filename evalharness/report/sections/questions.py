"""Every question with the models' answers side by side and the judge's words.

A question's body is packed and opened on demand, so that a page with tens of thousands of
judgments still opens at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.report.dossiers import Dossier, dossiers, preferred
from evalharness.report.markdown import to_html
from evalharness.report.packing import pack
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
    entries = dossiers(facts)
    if not entries:
        return ""
    held = {flag for entry in entries for flag in entry.flags}
    return fill(
        "sections/questions",
        facts=facts,
        entries=[(entry, pack(body(facts, entry))) for entry in entries],
        categories=list(dict.fromkeys(entry.question.category for entry in entries)),
        flags={flag: label for flag, label in FLAGS.items() if flag in held},
        labels=FLAGS,
        troubles=TROUBLES,
        shown_at_first=SHOWN_AT_FIRST,
    )


def body(facts: Facts, dossier: Dossier) -> str:
    """Return all about one question as HTML in which no stranger's text can run or load."""
    return fill(
        "sections/question", facts=facts, dossier=dossier, to_html=to_html, preferred=preferred
    )
