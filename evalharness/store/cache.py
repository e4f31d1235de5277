"""Completions kept between runs, under the digest of exactly what was asked."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict
from typing import TYPE_CHECKING

import msgspec

from evalharness.domain import Completion, ModelSpec, Request, digest

if TYPE_CHECKING:
    from pathlib import Path

    from evalharness.backends import Backend

FILE = "completions.sqlite"


class CompletionCache:
    """A SQLite file of completions; safe for several processes at once."""

    def __init__(self, path: Path, *, writes: bool = True) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writes = writes
        self._connection = sqlite3.connect(path, timeout=30, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS completions (key TEXT PRIMARY KEY, completion BLOB)"
        )

    def get(self, key: str) -> Completion | None:
        """Return what was kept under a key, or None."""
        row = self._connection.execute(
            "SELECT completion FROM completions WHERE key = ?", (key,)
        ).fetchone()
        return msgspec.json.decode(row[0], type=Completion) if row else None

    def put(self, key: str, completion: Completion) -> None:
        """Keep a completion; it is stored when this returns."""
        if self._writes:
            self._connection.execute(
                "INSERT OR REPLACE INTO completions VALUES (?, ?)",
                (key, msgspec.json.encode(completion)),
            )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


class CachedBackend:
    """A backend that asks only for what the cache does not hold. Failures are never kept."""

    def __init__(self, backend: Backend, cache: CompletionCache, spec: ModelSpec) -> None:
        self._backend = backend
        self._cache = cache
        self._identity = digest(spec.identity())

    async def complete(self, request: Request) -> Completion:
        """Return the kept completion, or a new one that is kept before it is returned."""
        key = digest([self._identity, asdict(request)])
        kept = self._cache.get(key)
        if kept is not None:
            return kept
        completion = await self._backend.complete(request)
        self._cache.put(key, completion)
        return completion

    async def close(self) -> None:
        """Close the backend; the cache stays open for others."""
        await self._backend.close()
