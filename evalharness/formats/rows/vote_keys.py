"""Give the rows of a file of votes keys that tell equal votes apart.

Rows are votes: two equal rows are two votes, unless an id says that they are the same vote. A row
without an id is known by the content of its file and by its number among equal rows, so that a file
is recognized under another name and in another order of its rows.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from evalharness.domain import compute_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_VOTE_IDS = (
    ("id",),
    ("vote_id",),
    ("battle_id",),
    ("evaluation_session_id", "evaluation_order"),
    ("judge", "tstamp"),
)
"""Fields that together can be the id of a vote."""


def make_vote_keys(kind: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the key of each row of a file; rows that an id calls the same vote share it.

    A field is an id of votes only if all rows of the file with the same id are equal.

    Args:
        kind: the kind of the rows.
        rows: all rows of the file.
    """
    digests, ids = _list_digests_and_ids(rows)
    has_id = _find_rows_with_ids(digests, ids)
    file_digest = compute_digest(sorted(digests))
    occurrences: Counter[str] = Counter()
    for digest, is_identified in zip(digests, has_id, strict=True):
        occurrences[digest] += 1
        identity = [digest] if is_identified else [file_digest, digest, occurrences[digest]]
        yield compute_digest([kind, *identity])


def _list_digests_and_ids(
    rows: Iterable[Mapping[str, Any]],
) -> tuple[list[str], list[list[str | None]]]:
    """Return the digest of each row, and its candidates for an id."""
    digests, ids = [], []
    for row in rows:
        digests.append(compute_digest(row))
        ids.append([_make_id(row, fields) for fields in _VOTE_IDS])
    return digests, ids


def _make_id(row: Mapping[str, Any], fields: Sequence[str]) -> str | None:
    values = [row.get(name) for name in fields]
    return None if None in values or "" in values else compute_digest(values)


def _find_rows_with_ids(digests: Sequence[str], ids: Sequence[list[str | None]]) -> list[bool]:
    """Return for each row whether one of its candidates is the id of a vote."""
    digest_by_id: dict[tuple[int, str], str] = {}
    shared: set[int] = set()
    for digest, candidates in zip(digests, ids, strict=True):
        for place, candidate in enumerate(candidates):
            if candidate and digest_by_id.setdefault((place, candidate), digest) != digest:
                shared.add(place)
    return [
        any(candidate and place not in shared for place, candidate in enumerate(candidates))
        for candidates in ids
    ]
