"""List the runs that were merged, and the settings in which they differ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from evalharness.report.number_format import ABSENT
from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData

_MAX_VALUE_CHARACTERS = 160


def render_runs(data: PageData) -> str:
    """Return the runs side by side, or nothing for a single run."""
    joined = data.records.manifest.get("joined")
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


SECTION = Section(address="runs", place=15, title="Runs", render=render_runs)
