"""Completions kept between runs, under the digest of exactly what was asked."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import msgspec

from evalharness.domain import Completion, ModelSpec, Request, compute_digest
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from evalharness.domain import Backend, LoadedModel, ModelLender, WorkResult

CACHE_FILE = "completions.sqlite"
_DAY_S = 86_400
_LOCK_TIMEOUT_S = 30  # for another process that is writing
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSummary:
    """What a cache holds: how many completions, and how many bytes its file takes."""

    completions: int
    size_bytes: int


class CompletionCache:
    """A SQLite file of completions; safe for several processes at once."""

    def __init__(self, path: Path, *, writes: bool = True) -> None:
        """Open the file, made if need be; one that is only read is not touched at all.

        Raises:
            ConfigError: it cannot be opened, or is no such file.
        """
        self._path = path
        self._writes = writes
        try:
            if writes:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = _open_writable(path) if writes else _open_readable(path)
        except (sqlite3.Error, OSError) as error:
            msg = f"{path}: cannot be used as a cache ({error}); move it away, or say cache=off"
            raise ConfigError(msg) from error

    def get(self, key: str) -> Completion | None:
        """Return what was kept under a key, or None.

        Raises:
            ConfigError: the file is damaged.
        """
        try:
            row = self._connection.execute(
                "SELECT completion FROM completions WHERE key = ?", (key,)
            ).fetchone()
            return msgspec.json.decode(row[0], type=Completion) if row else None
        except (sqlite3.Error, msgspec.DecodeError) as error:
            # To ask anew instead would pay again for all that the file holds.
            msg = f"{self._path}: the cache cannot be read ({error}); move it away, or cache=off"
            raise ConfigError(msg) from error

    def put(self, key: str, completion: Completion) -> None:
        """Keep a completion; it is stored when this returns.

        Where the file cannot be written (a full disk, ...), that is said once: the run keeps what
        it paid for in its own files.
        """
        if not self._writes:
            return
        try:
            self._connection.execute(
                "INSERT OR REPLACE INTO completions VALUES (?, ?, ?)",
                (key, msgspec.json.encode(completion), int(time.time())),
            )
        except sqlite3.Error as error:
            self._writes = False
            _log.warning("%s: completions are no longer added (%s)", self._path, error)

    def holding(self) -> CacheSummary:
        """Return what there is."""
        (count,) = self._connection.execute("SELECT count(*) FROM completions").fetchone()
        pages, size = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "page_size")
        )
        return CacheSummary(completions=count, size_bytes=pages * size)

    def prune(self, days: float) -> int:
        """Drop completions that were kept more than so many days ago, and free their space.

        One with a date in the future, left by a clock that was set back since, stays.

        Returns:
            How many were dropped.

        Raises:
            ConfigError: other processes did not let this one write.
        """
        try:
            dropped = self._connection.execute(
                "DELETE FROM completions WHERE stored < ?", (time.time() - days * _DAY_S,)
            ).rowcount
            self._connection.execute("VACUUM")
        except sqlite3.Error as error:
            msg = f"{self._path}: cannot be pruned ({error}); wait for the runs that use it"
            raise ConfigError(msg) from error
        return dropped

    def close(self) -> None:
        """Close the file."""
        with suppress(sqlite3.Error):  # a full disk: what is kept is kept
            self._connection.close()

    def remove(self) -> None:
        """Close the file and delete it."""
        self.close()
        for ending in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)


def _open_writable(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_LOCK_TIMEOUT_S, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("BEGIN IMMEDIATE")  # two processes may open a new file at the same time
    connection.execute(
        "CREATE TABLE IF NOT EXISTS completions "
        "(key TEXT PRIMARY KEY, completion BLOB, stored INTEGER NOT NULL DEFAULT 0)"
    )
    columns = {row[1] for row in connection.execute("PRAGMA table_info(completions)")}
    if "stored" not in columns:  # a file from before completions had a date: they count as oldest
        connection.execute("ALTER TABLE completions ADD COLUMN stored INTEGER NOT NULL DEFAULT 0")
    connection.execute("COMMIT")
    return connection


def _open_readable(path: Path) -> sqlite3.Connection:
    """Open a file without a change to it or its folder, which may be on a disk that is read-only."""
    if not path.exists():
        connection = sqlite3.connect(":memory:")
        connection.execute("CREATE TABLE completions (key TEXT, completion BLOB)")
        return connection
    mode = "mode=ro" if os.access(path.parent, os.W_OK) else "mode=ro&immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=_LOCK_TIMEOUT_S)


class CachedBackend:
    """A backend that asks only for what the cache does not hold. Failures are never kept."""

    def __init__(self, backend: Backend, cache: CompletionCache, spec: ModelSpec) -> None:
        self._backend = backend
        self._cache = cache
        self._identity = compute_digest(spec.identity())

    async def complete(self, request: Request) -> Completion:
        """Return the kept completion, or a new one that is kept before it is returned."""
        key = compute_digest([self._identity, request])
        kept = self._cache.get(key)
        if kept is not None:
            return kept
        completion = await self._backend.complete(request)
        self._cache.put(key, completion)
        return completion

    async def lend(self, work: Callable[[LoadedModel], WorkResult]) -> WorkResult:
        """Return what `work` makes of the backend's model, which is not kept here."""
        return await cast("ModelLender", self._backend).lend(work)

    async def close(self) -> None:
        """Close the backend; the cache stays open for others."""
        await self._backend.close()
