"""Cache completions across runs, under a digest of the model and the request.

Several processes use one file. A file that another process has locked is waited for; one that stays
locked is done without, and never ends a run.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import msgspec

from evalharness.domain import Completion, ModelSpec, Request, compute_digest
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from evalharness.domain import Backend, LoadedModel, ModelLender, WorkResult

CACHE_FILE = "completions.sqlite"
_DAY_S = 86_400
_MAX_WAIT_S = 60  # while other processes have the file locked
_SQLITE_WAIT_S = 1  # of one attempt; SQLite does not wait in every case, as when WAL is switched on
_RETRY_S = 0.02
_BUSY_CODES = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSummary:
    """The number of completions in a cache, and the size of its file in bytes."""

    completions: int
    size_bytes: int


class CompletionCache:
    """A SQLite file of completions; several processes may use it at once."""

    def __init__(self, path: Path, *, writes: bool = True, max_wait_s: float = _MAX_WAIT_S) -> None:
        """Open the file, and create it if necessary. Without `writes`, the file is not modified.

        Args:
            path: the file.
            writes: whether completions are added.
            max_wait_s: how long a file that other processes have locked is waited for. After that,
                a warning is logged once, and no completion is found or stored.

        Raises:
            ConfigError: the file cannot be opened, or is not a cache.
        """
        self._path = path
        self._writes = writes
        self._max_wait_s = max_wait_s
        self._is_given_up = False
        try:
            if writes:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = self._wait_while_busy(
                lambda: _open_writable(path) if writes else _open_readable(path)
            )
        except (sqlite3.Error, OSError) as error:
            if _is_busy(error):
                self._give_up(error)
                self._connection = sqlite3.connect(":memory:")
                return
            msg = f"{path}: cannot be used as a cache ({error}); move it away, or say cache=off"
            raise ConfigError(msg) from error

    def get(self, key: str) -> Completion | None:
        """Return the completion of a key, or None.

        Raises:
            ConfigError: the file is damaged.
        """
        if self._is_given_up:
            return None
        try:
            row = self._wait_while_busy(
                lambda: self._connection.execute(
                    "SELECT completion FROM completions WHERE key = ?", (key,)
                ).fetchone()
            )
            return msgspec.json.decode(row[0], type=Completion) if row else None
        except (sqlite3.Error, msgspec.DecodeError) as error:
            if _is_busy(error):
                self._give_up(error)
                return None
            # Treating this as a miss would pay again for every completion in the file.
            msg = f"{self._path}: the cache cannot be read ({error}); move it away, or cache=off"
            raise ConfigError(msg) from error

    def put(self, key: str, completion: Completion) -> None:
        """Store a completion.

        If the file cannot be written (a full disk, for example), a warning is logged once and no
        more completions are stored. The run still keeps its results in its own files.
        """
        if not self._writes or self._is_given_up:
            return
        row = (key, msgspec.json.encode(completion), int(time.time()))
        try:
            self._wait_while_busy(
                lambda: self._connection.execute(
                    "INSERT OR REPLACE INTO completions VALUES (?, ?, ?)", row
                )
            )
        except sqlite3.Error as error:
            self._writes = False
            _log.warning("%s: completions are no longer added (%s)", self._path, error)

    def summarize(self) -> CacheSummary:
        """Return the number of completions and the size of the file.

        Raises:
            ConfigError: other processes had the file locked for too long.
        """
        self._refuse_locked()
        (count,) = self._connection.execute("SELECT count(*) FROM completions").fetchone()
        pages, size = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "page_size")
        )
        return CacheSummary(completions=count, size_bytes=pages * size)

    def prune(self, days: float) -> int:
        """Delete completions that were stored more than `days` days ago, and free their space.

        A completion with a date in the future (the clock was set back since) is kept.

        Returns:
            The number of deleted completions.

        Raises:
            ConfigError: other processes blocked the write.
        """
        self._refuse_locked()
        before = (time.time() - days * _DAY_S,)
        try:
            dropped: int = self._wait_while_busy(
                lambda: (
                    self._connection.execute(
                        "DELETE FROM completions WHERE stored < ?", before
                    ).rowcount
                )
            )
            self._wait_while_busy(lambda: self._connection.execute("VACUUM"))
        except sqlite3.Error as error:
            msg = f"{self._path}: cannot be pruned ({error}); wait for the runs that use it"
            raise ConfigError(msg) from error
        return dropped

    def close(self) -> None:
        """Close the file."""
        with suppress(sqlite3.Error):  # on a full disk; stored completions remain
            self._connection.close()

    def remove(self) -> None:
        """Close the file and delete it."""
        self.close()
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def _wait_while_busy(self, action: Callable[[], Any]) -> Any:
        """Return what an action returns, once no other process has the file locked.

        Raises:
            sqlite3.Error: the file stays locked, or the action fails for another reason.
        """
        end = time.monotonic() + self._max_wait_s
        while True:
            try:
                return action()
            except sqlite3.OperationalError as error:
                if not _is_busy(error) or time.monotonic() >= end:
                    raise
            time.sleep(_RETRY_S)

    def _give_up(self, error: Exception) -> None:
        self._is_given_up = True
        _log.warning(
            "%s: other processes have the cache locked (%s); the run goes on without it",
            self._path,
            error,
        )

    def _refuse_locked(self) -> None:
        if self._is_given_up:
            msg = f"{self._path}: other processes have the cache locked; wait for them"
            raise ConfigError(msg)


def _is_busy(error: Exception) -> bool:
    """Return whether another process has the file locked; extended codes say why in their high bits."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY_CODES


def _open_writable(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_SQLITE_WAIT_S, isolation_level=None)
    try:
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        if "stored" not in _list_columns(connection):
            _create_table(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _create_table(connection: sqlite3.Connection) -> None:
    """Create the table, or add the dates to that of an older file: its completions count as oldest."""
    connection.execute("BEGIN IMMEDIATE")  # two processes may create the file at the same time
    connection.execute(
        "CREATE TABLE IF NOT EXISTS completions "
        "(key TEXT PRIMARY KEY, completion BLOB, stored INTEGER NOT NULL DEFAULT 0)"
    )
    if "stored" not in _list_columns(connection):
        connection.execute("ALTER TABLE completions ADD COLUMN stored INTEGER NOT NULL DEFAULT 0")
    connection.execute("COMMIT")


def _list_columns(connection: sqlite3.Connection) -> set[str]:
    return {row[1] for row in connection.execute("PRAGMA table_info(completions)")}


def _open_readable(path: Path) -> sqlite3.Connection:
    """Open a file without modifying it or its folder, which may be on a read-only disk."""
    if not path.exists():
        connection = sqlite3.connect(":memory:")
        connection.execute("CREATE TABLE completions (key TEXT, completion BLOB)")
        return connection
    mode = "mode=ro" if os.access(path.parent, os.W_OK) else "mode=ro&immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=_SQLITE_WAIT_S)


class CachedBackend:
    """A backend that requests only completions that are not cached. Failures are not cached."""

    def __init__(self, backend: Backend, cache: CompletionCache, spec: ModelSpec) -> None:
        self._backend = backend
        self._cache = cache
        self._identity = compute_digest(spec.identity())

    async def complete(self, request: Request) -> Completion:
        """Return the cached completion, or a new one that is cached before it is returned."""
        key = compute_digest([self._identity, request.key_content()])
        cached = self._cache.get(key)
        if cached is not None:
            return cached
        completion = await self._backend.complete(request)
        self._cache.put(key, completion)
        return completion

    async def lend(self, work: Callable[[LoadedModel], WorkResult]) -> WorkResult:
        """Return the result of `work` on the backend's model; it is not cached."""
        return await cast("ModelLender", self._backend).lend(work)

    async def close(self) -> None:
        """Close the backend; the cache stays open for other backends."""
        await self._backend.close()
