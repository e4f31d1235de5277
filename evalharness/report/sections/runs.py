"""The runs that were joined, and the settings in which they differ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from evalharness.report.numerals import ABSENT
from evalharness.report.templates import fill

if TYPE_CHECKING:
    from evalharness.report.facts import Facts

PLACE = 15
TITLE = "Runs"
_LONGEST = 160


def render(facts: Facts) -> str:
    """Return the runs beside each other, or nothing when there is only one."""
    joined = facts.records.manifest.get("joined")
    if not joined:
        return ""
    differences = [
        (each["setting"], [_written(value) for value in each["values"]])
        for each in joined["differences"]
    ]
    return fill("sections/runs", runs=joined["runs"], differences=differences)


def _written(value: Any) -> str:
    if value is None:
        return ABSENT
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
