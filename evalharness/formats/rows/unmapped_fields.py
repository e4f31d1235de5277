"""What rows of other tools hold beyond our records, kept so that export gives them back whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.domain import PairwiseJudgment, digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmappedFields:
    """What a row of another tool held beyond our record's rendering, and what it lacked of it.

    `kind` and `key` name the row: an answer, a grade, ... of this format.
    """

    format: str
    kind: str
    key: str
    fields: dict[str, Any]
    absent: list[str] = field(default_factory=list)


class SourceRows:
    """The foreign rows of one format that a run was imported from, for export."""

    def __init__(self, rows: Iterable[UnmappedFields]) -> None:
        self._rows = {(row.kind, row.key): row for row in rows}

    def has(self, kind: str, key: str) -> bool:
        """Whether such a row was imported."""
        return (kind, key) in self._rows

    def fields(self, kind: str, key: str) -> Mapping[str, Any]:
        """Return what an imported row held beyond our record; nothing for a row of ours."""
        row = self._rows.get((kind, key))
        return row.fields if row else {}

    def restore(self, kind: str, key: str, rendered: Mapping[str, Any]) -> dict[str, Any]:
        """Return a rendered row as it was imported; unchanged when it is ours."""
        row = self._rows.get((kind, key))
        if row is None:
            return dict(rendered)
        kept = {name: value for name, value in rendered.items() if name not in row.absent}
        return kept | row.fields


def make_answer_key(model: str, question_id: str, sample: int = 0) -> str:
    """Return the key of an answer's row."""
    return digest([model, question_id, sample])


def pair_games(
    games: Iterable[PairwiseJudgment], source: SourceRows, kind: str
) -> list[tuple[PairwiseJudgment, PairwiseJudgment | None]]:
    """Return games with their swap, the one that an imported row began with first.

    Of games that are ours, the one whose models stand in alphabetical order is first.
    """
    by_models: dict[tuple[object, ...], list[PairwiseJudgment]] = {}
    for game in games:
        pair = tuple(sorted((game.model_a, game.model_b)))
        place = (game.question_id, game.turn, game.judge, game.prompt, game.sample, pair)
        by_models.setdefault(place, []).append(game)
    found = []
    for both in by_models.values():
        both.sort(key=lambda game: (not source.has(kind, game.digest), game.model_a))
        found.append((both[0], both[1] if len(both) > 1 else None))
    return found


def is_same_json(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON: 1, 1.0 and true are three values."""
    return msgspec.json.encode(one) == msgspec.json.encode(other)
