"""Keep the fields of other tools' rows that our records do not have, so that export restores them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.domain import PairwiseJudgment, compute_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmappedFields:
    """The difference between another tool's row and our rendering of the same record.

    Attributes:
        format: the name of the format.
        kind: the kind of the row: an answer, a grade, ...
        key: the key of the row within its kind.
        fields: the fields of the row that our rendering lacks or writes differently.
        absent: the fields of our rendering that the row does not have.
    """

    format: str
    kind: str
    key: str
    fields: dict[str, Any]
    absent: list[str] = field(default_factory=list)


class SourceRows:
    """The rows of one format that a run was imported from, for its export."""

    def __init__(self, rows: Iterable[UnmappedFields]) -> None:
        """Take the unmapped fields of all imported rows of one format."""
        self._rows = {(row.kind, row.key): row for row in rows}

    def has_row(self, kind: str, key: str) -> bool:
        """Return whether a row was imported."""
        return (kind, key) in self._rows

    def list_keys(self, kind: str) -> list[str]:
        """Return the keys of the imported rows of a kind."""
        return [key for own, key in self._rows if own == kind]

    def get_fields(self, kind: str, key: str) -> Mapping[str, Any]:
        """Return the unmapped fields of an imported row; no fields if the row was not imported."""
        row = self._rows.get((kind, key))
        return row.fields if row else {}

    def restore_row(self, kind: str, key: str, rendered: Mapping[str, Any]) -> dict[str, Any]:
        """Return a rendered row as it was imported; unchanged if it was not imported."""
        row = self._rows.get((kind, key))
        if row is None:
            return dict(rendered)
        kept = {name: value for name, value in rendered.items() if name not in row.absent}
        return kept | row.fields


def make_answer_key(model: str, question_id: str, sample: int = 0) -> str:
    """Return the key of the row of an answer."""
    return compute_digest([model, question_id, sample])


def pair_games(
    games: Iterable[PairwiseJudgment], source: SourceRows, kind: str
) -> list[tuple[PairwiseJudgment, PairwiseJudgment | None]]:
    """Return each game with its swap; None if the other order was not played.

    The first game of a pair is the one that an imported row begins with. If the pair was not
    imported, it is the game whose models are in alphabetical order.
    """
    games_by_pair: dict[tuple[object, ...], list[PairwiseJudgment]] = {}
    for game in games:
        models = tuple(sorted((game.model_a, game.model_b)))
        pair = (game.question_id, game.turn, game.judge, game.prompt, game.sample, models)
        games_by_pair.setdefault(pair, []).append(game)
    pairs = []
    for both in games_by_pair.values():
        both.sort(key=lambda game: (not source.has_row(kind, game.digest), game.model_a))
        pairs.append((both[0], both[1] if len(both) > 1 else None))
    return pairs


def is_same_json(one: Any, other: Any) -> bool:
    """Return whether two values are the same JSON: 1, 1.0 and true are three values."""
    return msgspec.json.encode(one) == msgspec.json.encode(other)
