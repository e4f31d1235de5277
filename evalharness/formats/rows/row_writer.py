"""Collect the rows of an export, encode them as JSON, and make names of files for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from evalharness.domain import compute_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from evalharness.domain import Vote
    from evalharness.formats.rows.unmapped_fields import SourceRows


_MAX_NAME_BYTES = 100  # file systems allow 255; a file name may hold two such names


class ExportedFiles:
    """The rows of an export by the names of their files."""

    def __init__(self, source: SourceRows) -> None:
        """Begin with no rows.

        Args:
            source: restores the rows that were imported.
        """
        self._source = source
        self._rows: dict[str, list[dict[str, Any]]] = {}

    def add_row(self, name: str, kind: str, key: str, rendered: Mapping[str, Any]) -> None:
        """Add a row to a file.

        Args:
            name: the name of the file.
            kind: the kind of the row.
            key: its key within the kind.
            rendered: our rendering, which is restored if the row was imported.
        """
        row = self._source.restore_row(kind, key, rendered)
        self._rows.setdefault(name, []).append(row)

    def encode(
        self, encode_rows: Callable[[Iterable[Mapping[str, Any]]], bytes]
    ) -> dict[str, bytes]:
        """Return the contents of the files by their names."""
        return {name: encode_rows(rows) for name, rows in self._rows.items()}


def encode_json_lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return rows as JSON lines in plain ASCII, as the other tools write them."""
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


def encode_json_array(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return rows as an indented JSON array in plain ASCII."""
    return (json.dumps(list(rows), indent=2) + "\n").encode()


def make_file_name(name: str) -> str:
    """Return the name of a model or judge as one part of a path.

    A name that is too long is cut and gets the beginning of its digest.
    """
    part = name.replace("/", "__").replace("\\", "__").replace("\0", "")
    if len(part.encode()) > _MAX_NAME_BYTES:
        part = (
            f"{part.encode()[:_MAX_NAME_BYTES].decode(errors='ignore')}_{compute_digest(name)[:8]}"
        )
    return part if part.strip(".") else f"_{part}"


def to_number_if_plain(question_id: str) -> int | str:
    """Return an id as a number if it is a plain number (81), and unchanged if not (mt-81, 081)."""
    is_plain = question_id.isascii() and question_id.isdigit() and str(int(question_id[:18]))
    return int(question_id) if is_plain == question_id else question_id


def find_source_label(vote: Vote) -> str | None:
    """Return the winner of a vote in the source's own word, or in ours if the source has none."""
    return vote.label or vote.winner
