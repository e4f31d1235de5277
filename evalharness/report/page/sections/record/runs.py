"""The runs that were joined, and the settings in which they differ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from evalharness.report.number_format import ABSENT
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData

PLACE = 15
TITLE = "Runs"
_MAX_VALUE_CHARACTERS = 160


def render(facts: PageData) -> str:
    """Return the runs beside each other, or nothing when there is only one."""
    joined = facts.records.manifest.get("joined")
    if not joined:
        return ""
    differences = [
        (each["setting"], [_format_setting(value) for value in each["values"]])
        for each in joined["differences"]
    ]
    return fill_template("sections/record/runs", runs=joined["runs"], differences=differences)


def _format_setting(value: Any) -> str:
    if value is None:
        return ABSENT
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_VALUE_CHARACTERS else f"{text[:_MAX_VALUE_CHARACTERS]}…"
