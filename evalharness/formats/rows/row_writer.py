"""Foreign rows as files: JSON lines, JSON arrays, and names that stay inside their folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from evalharness.domain import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evalharness.domain import Vote


_MAX_NAME_BYTES = 100  # bytes; disks take 255, of which a name may hold two such parts


def lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return rows as JSON lines, in plain ASCII as these tools write them."""
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


def array(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return rows as an indented JSON array."""
    return (json.dumps(list(rows), indent=2) + "\n").encode()


def make_file_name(name: str) -> str:
    """Return a model's or judge's name as one part of a path."""
    plain = name.replace("/", "__").replace("\\", "__").replace("\0", "")
    if len(plain.encode()) > _MAX_NAME_BYTES:
        plain = f"{plain.encode()[:_MAX_NAME_BYTES].decode(errors='ignore')}_{digest(name)[:8]}"
    return plain if plain.strip(".") else f"_{plain}"


def to_number_if_plain(question_id: str) -> int | str:
    """Return an id as the number that it is written as (81), or as it stands (mt-81)."""
    is_plain = question_id.isascii() and question_id.isdigit() and str(int(question_id[:18]))
    return int(question_id) if is_plain == question_id else question_id


def find_source_label(vote: Vote) -> str | None:
    """Return a vote's winner in the source's own word where it had one."""
    return vote.label or vote.winner
