"""Completions are cached across runs."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace

import msgspec
import pytest

from evalharness.backends import ScriptedBackend
from evalharness.backends.openai.settings import OpenAISettings
from evalharness.domain import Completion, Message, ModelSpec, Request, Role, Sampling
from evalharness.errors import ConfigError, PermanentError
from evalharness.store import CachedBackend, CompletionCache

COMPLETION = Completion(text="4")
SPEC = ModelSpec(name="m", backend="scripted")
REQUEST = Request(
    messages=(Message(role=Role.USER, content="2 + 2?"),),
    sampling=Sampling(temperature=0.7, seed=1),
)


@pytest.fixture
def cache(tmp_path):
    """Return an empty cache in its own file."""
    cache = CompletionCache(tmp_path / "completions.sqlite")
    yield cache
    cache.close()


async def test_the_same_request_is_sent_once(cache):
    """A completion is paid for once, over all runs."""
    backend = ScriptedBackend(lambda _: "4")
    first = await CachedBackend(backend, cache, SPEC).complete(REQUEST)
    second = await CachedBackend(backend, cache, SPEC).complete(REQUEST)

    assert (first, len(backend.requests)) == (second, 1)


@pytest.mark.parametrize(
    ("spec", "request_"),
    [
        (replace(SPEC, settings=OpenAISettings(base_url=("http://127.0.0.1:1/v1",))), REQUEST),
        (replace(SPEC, template="{{ messages }}"), REQUEST),
        (SPEC, replace(REQUEST, sampling=Sampling(temperature=0.7, seed=2))),
        (SPEC, replace(REQUEST, messages=(Message(role=Role.USER, content="2 + 3?"),))),
        (SPEC, replace(REQUEST, sample=1)),
        (SPEC, replace(REQUEST, options=("4", "5"))),
        (SPEC, replace(REQUEST, schema={"type": "object"})),
    ],
)
async def test_anything_that_changes_the_text_is_requested_again(cache, spec, request_):
    """The cached text of another model, prompt or seed would be a wrong result."""
    backend = ScriptedBackend(lambda _: "4")
    await CachedBackend(backend, cache, SPEC).complete(REQUEST)
    await CachedBackend(backend, cache, spec).complete(request_)

    assert len(backend.requests) == 2


async def test_price_and_speed_do_not_count_as_a_change(cache):
    """A change of the concurrency must not repeat paid requests."""
    backend = ScriptedBackend(lambda _: "4")
    await CachedBackend(backend, cache, SPEC).complete(REQUEST)
    await CachedBackend(backend, cache, replace(SPEC, concurrency=64)).complete(REQUEST)

    assert len(backend.requests) == 1


async def test_a_failure_is_never_kept(cache):
    """A failed request is repeated."""
    replies = iter([PermanentError("no", reason="http_500"), "4"])
    backend = ScriptedBackend(lambda _: next(replies))
    cached = CachedBackend(backend, cache, SPEC)

    with pytest.raises(PermanentError):
        await cached.complete(REQUEST)

    assert (await cached.complete(REQUEST)).text == "4"


async def test_a_cache_that_is_only_read_stays_as_it_is(tmp_path):
    """`cache=read` uses existing completions and adds none."""
    path = tmp_path / "completions.sqlite"
    backend = ScriptedBackend(lambda _: "4")
    reading = CompletionCache(path, writes=False)
    for _ in range(2):
        await CachedBackend(backend, reading, SPEC).complete(REQUEST)
    reading.close()

    assert len(backend.requests) == 2


def test_a_cache_that_is_only_read_is_not_touched(tmp_path):
    """The file may be on a read-only disk."""
    path = tmp_path / "completions.sqlite"
    CompletionCache(path, writes=False).close()
    assert list(tmp_path.iterdir()) == []

    _keep(path, {"key": 0})
    before = path.read_bytes()
    reading = CompletionCache(path, writes=False)
    assert reading.get("key") == COMPLETION
    reading.put("other", COMPLETION)
    reading.close()

    assert path.read_bytes() == before


def test_pruning_drops_what_is_old_and_frees_its_space(tmp_path):
    """Days are counted from the time of storing; a date in the future is not old."""
    path = tmp_path / "completions.sqlite"
    _keep(path, {f"{days}-{number}": days for days in (40, 20, -3) for number in range(500)})
    cache = CompletionCache(path)
    before = cache.summarize()

    dropped = cache.prune(30)
    after = cache.summarize()

    assert (dropped, before.completions, after.completions) == (500, 1500, 1000)
    assert after.size_bytes < before.size_bytes
    assert cache.get("40-0") is None
    assert cache.get("-3-0") == COMPLETION
    cache.close()


def test_a_cache_without_dates_is_used_and_counts_as_old(tmp_path):
    """Completions of an earlier release are used and not paid for again."""
    path = tmp_path / "completions.sqlite"
    old = sqlite3.connect(path)
    old.execute("CREATE TABLE completions (key TEXT PRIMARY KEY, completion BLOB)")
    old.execute("INSERT INTO completions VALUES ('key', ?)", (msgspec.json.encode(COMPLETION),))
    old.commit()
    old.close()

    cache = CompletionCache(path)

    assert cache.get("key") == COMPLETION
    assert cache.prune(1000) == 1
    cache.close()


def test_a_file_that_is_not_a_cache_is_refused_with_the_remedy(tmp_path):
    """A silent repetition would pay again for everything in the file."""
    path = tmp_path / "completions.sqlite"
    path.write_text("this is no database, and no run may overwrite it" * 100)

    with pytest.raises(ConfigError, match="move it away, or say cache=off"):
        CompletionCache(path)
    assert path.read_text().startswith("this is no database")


_HAMMERING = """
import sys
from pathlib import Path
from evalharness.domain import Completion
from evalharness.store import CompletionCache
for n in range(40):  # opening switches WAL on and makes the table, closing takes WAL away again
    cache = CompletionCache(Path(sys.argv[1]))
    cache.put(f"{sys.argv[2]}-{n}", Completion(text="4"))
    assert cache.get(f"{sys.argv[2]}-{n}") is not None
    cache.close()
"""


def test_processes_that_open_and_close_one_cache_lose_nothing(tmp_path):
    """SQLite does not wait by itself where WAL is switched on, and says that the file is locked."""
    path = tmp_path / "completions.sqlite"
    adding = [
        subprocess.Popen([sys.executable, "-c", _HAMMERING, path, name], stderr=subprocess.PIPE)
        for name in "abcd"
    ]
    said = [process.communicate()[1] for process in adding]
    cache = CompletionCache(path)

    assert said == [b""] * 4
    assert [process.returncode for process in adding] == [0] * 4
    assert cache.summarize().completions == 160
    cache.close()


@pytest.fixture
def lock(tmp_path):
    """Return a function that locks the file as another process does, for so many seconds."""
    threads = []

    def hold(seconds, *, journal):
        connection = sqlite3.connect(
            tmp_path / "completions.sqlite", isolation_level=None, check_same_thread=False
        )
        connection.execute(f"PRAGMA journal_mode={journal}")
        connection.execute("BEGIN EXCLUSIVE")
        threads.append(threading.Timer(seconds, connection.close))
        threads[-1].start()

    yield hold
    for thread in threads:
        thread.join()


def test_a_cache_that_is_locked_when_it_is_opened_is_waited_for(tmp_path, lock, caplog):
    """Its first process switches WAL on and makes the table under a lock."""
    lock(0.4, journal="delete")
    begun = time.monotonic()
    cache = CompletionCache(tmp_path / "completions.sqlite")
    cache.put("key", COMPLETION)

    assert time.monotonic() - begun > 0.3
    assert cache.get("key") == COMPLETION
    assert caplog.records == []
    cache.close()


def test_a_cache_that_is_locked_while_it_is_used_is_waited_for(cache, lock, caplog):
    """Another process stores its completions; what is there can be read meanwhile."""
    cache.put("first", COMPLETION)
    lock(0.4, journal="wal")
    begun = time.monotonic()
    assert cache.get("first") == COMPLETION
    read = time.monotonic()
    cache.put("key", COMPLETION)

    assert read - begun < 0.3
    assert time.monotonic() - begun > 0.3
    assert cache.get("key") == COMPLETION
    assert caplog.records == []


def test_a_run_goes_on_without_a_cache_that_stays_locked(tmp_path, lock, caplog):
    """It says so once; the verb that prints or prunes the cache is refused."""
    lock(1.2, journal="delete")
    cache = CompletionCache(tmp_path / "completions.sqlite", max_wait_s=0.1)
    for key in "ab":
        cache.put(key, COMPLETION)
        assert cache.get(key) is None

    (said,) = [record.getMessage() for record in caplog.records]
    assert "the run goes on without it" in said
    for ask in (cache.summarize, lambda: cache.prune(1)):
        with pytest.raises(ConfigError, match="wait for them"):
            ask()
    cache.close()


def test_what_cannot_be_stored_is_still_found(tmp_path, lock, caplog):
    """A cache that stays locked for writing gives what it has, and says once that it adds nothing."""
    cache = CompletionCache(tmp_path / "completions.sqlite", max_wait_s=0.1)
    cache.put("first", COMPLETION)
    lock(2.5, journal="wal")
    for key in "ab":
        cache.put(key, COMPLETION)

    assert [cache.get(key) for key in ("first", "a")] == [COMPLETION, None]
    (said,) = [record.getMessage() for record in caplog.records]
    assert "completions are no longer added" in said
    cache.close()


def _keep(path, days_ago):
    """Store a completion under each key, with a date that many days ago."""
    cache = CompletionCache(path)
    for key in days_ago:
        cache.put(key, COMPLETION)
    cache.close()
    dating = sqlite3.connect(path)
    dating.executemany(
        "UPDATE completions SET stored = ? WHERE key = ?",
        [(time.time() - days * 86_400, key) for key, days in days_ago.items()],
    )
    dating.commit()
    dating.close()


def test_another_process_sees_stored_completions(cache, tmp_path):
    """A completion is on the disk when it is returned, not only when the run ends."""
    asyncio.run(CachedBackend(ScriptedBackend(lambda _: "4"), cache, SPEC).complete(REQUEST))
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1])\n"
        "print(c.execute('SELECT count(*) FROM completions').fetchone()[0])"
    )

    counted = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "completions.sqlite"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert counted.stdout.strip() == "1"
