"""Render tables as CSV, with text escaped so that spreadsheets do not run it as formulas."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from evalharness.domain import escape_formula

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def render_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return a CSV table; a missing cell is empty, and text is escaped against formulas."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([escape_formula(name) for name in columns])
    writer.writerows([escape_formula(row.get(name)) for name in columns] for row in rows)
    return text.getvalue()
