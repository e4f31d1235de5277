"""Show what servers refused of our requests, and what they were sent instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.domain import list_request_rules
from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData

_ROLES = {"models": "candidate", "judges": "judge"}


def render_requests(data: PageData) -> str:
    """Return a row for each model whose server refused something; nothing if none did."""
    rows = [
        (name, label, rules)
        for role, label in _ROLES.items()
        for name, rules in list_request_rules(data.records.manifest, role).items()
        if rules.describe()
    ]
    return fill_template("sections/record/requests", rows=rows) if rows else ""


SECTION = Section(address="requests", place=75, title="Requests", render=render_requests)
