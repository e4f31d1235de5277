"""Render the ranks under alternative analyses as text: an object for JSON, and CSV."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from evalharness.report.csv_text import render_csv

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalharness.analysis import RankRobustness

RANKING_GROUP = "Ranking"
"""The group of the ranking itself, which precedes the alternative analyses."""


def make_robustness_record(robustness: RankRobustness) -> dict[str, Any]:
    """Return a JSON-like object; the `note` of an analysis without ranks gives the reason."""
    return {
        "summary": robustness.summary,
        "main": robustness.main,
        "ranks": dict(robustness.ranks),
        "ranges": {model: list(span) for model, span in robustness.ranges.items()},
        "separated": [list(pair) for pair in sorted(robustness.separated)],
        "variants": [asdict(each) for each in robustness.variants],
    }


def list_robustness_rows(robustness: RankRobustness) -> Iterator[dict[str, Any]]:
    """Yield one row per analysis, the ranking first: its changes, then `rank.MODEL` per model."""
    yield _variant_columns(RANKING_GROUP, robustness.main, (1.0, 0, 0), "") | _rank_columns(
        robustness, robustness.ranks
    )
    for each in robustness.variants:
        changes = (
            each.tau,
            len(each.reversals),
            sum(pair.is_separated for pair in each.reversals),
        )
        yield _variant_columns(
            each.group, each.name, changes if each.ranks else (None,) * 3, each.note
        ) | (_rank_columns(robustness, each.ranks))


def render_robustness_csv(robustness: RankRobustness) -> str:
    """Return a CSV table with one row per analysis."""
    rows = list(list_robustness_rows(robustness))
    return render_csv(list(rows[0]), rows)


def _variant_columns(
    group: str, name: str, changes: Sequence[float | None], note: str
) -> dict[str, str | float | None]:
    changed = dict(zip(("tau", "pairs_changed", "separated_changed"), changes, strict=True))
    return {"group": group, "way": name, **changed, "note": note}


def _rank_columns(robustness: RankRobustness, ranks: Mapping[str, int]) -> dict[str, int | None]:
    return {f"rank.{model}": ranks.get(model) for model in robustness.ranks}
