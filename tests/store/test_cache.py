"""Completions kept between runs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace

import pytest

from evalharness.backends.scripted import ScriptedBackend
from evalharness.domain import Message, ModelSpec, Request, Role, Sampling
from evalharness.errors import PermanentError
from evalharness.store.cache import CachedBackend, CompletionCache

SPEC = ModelSpec(name="m", backend="scripted")
REQUEST = Request(
    messages=(Message(role=Role.USER, content="2 + 2?"),),
    sampling=Sampling(temperature=0.7, seed=1),
)


@pytest.fixture
def cache(tmp_path):
    """An empty cache in a file of its own."""
    cache = CompletionCache(tmp_path / "completions.sqlite")
    yield cache
    cache.close()


async def test_the_same_request_is_asked_once(cache):
    """What is paid for is not paid for again, by whatever run."""
    backend = ScriptedBackend(lambda _: "4")
    first = await CachedBackend(backend, cache, SPEC).complete(REQUEST)
    second = await CachedBackend(backend, cache, SPEC).complete(REQUEST)

    assert (first, len(backend.requests)) == (second, 1)


@pytest.mark.parametrize(
    ("spec", "request_"),
    [
        (replace(SPEC, base_url=("http://127.0.0.1:1/v1",)), REQUEST),
        (replace(SPEC, template="{{ messages }}"), REQUEST),
        (SPEC, replace(REQUEST, sampling=Sampling(temperature=0.7, seed=2))),
        (SPEC, replace(REQUEST, messages=(Message(role=Role.USER, content="2 + 3?"),))),
        (SPEC, replace(REQUEST, sample=1)),
        (SPEC, replace(REQUEST, options=("4", "5"))),
        (SPEC, replace(REQUEST, schema={"type": "object"})),
    ],
)
async def test_anything_that_changes_the_text_is_asked_anew(cache, spec, request_):
    """A kept text of another model, prompt or seed would be a wrong result."""
    backend = ScriptedBackend(lambda _: "4")
    await CachedBackend(backend, cache, SPEC).complete(REQUEST)
    await CachedBackend(backend, cache, spec).complete(request_)

    assert len(backend.requests) == 2


async def test_price_and_speed_do_not_count_as_a_change(cache):
    """Raising the concurrency must not pay for everything again."""
    backend = ScriptedBackend(lambda _: "4")
    await CachedBackend(backend, cache, SPEC).complete(REQUEST)
    await CachedBackend(backend, cache, replace(SPEC, concurrency=64)).complete(REQUEST)

    assert len(backend.requests) == 1


async def test_a_failure_is_never_kept(cache):
    """What failed once is asked again."""
    replies = iter([PermanentError("no", reason="http_500"), "4"])
    backend = ScriptedBackend(lambda _: next(replies))
    cached = CachedBackend(backend, cache, SPEC)

    with pytest.raises(PermanentError):
        await cached.complete(REQUEST)

    assert (await cached.complete(REQUEST)).text == "4"


async def test_a_cache_that_is_only_read_stays_as_it_is(tmp_path):
    """`cache=read` uses what is there and adds nothing."""
    path = tmp_path / "completions.sqlite"
    backend = ScriptedBackend(lambda _: "4")
    reading = CompletionCache(path, writes=False)
    for _ in range(2):
        await CachedBackend(backend, reading, SPEC).complete(REQUEST)
    reading.close()

    assert len(backend.requests) == 2


def test_another_process_sees_what_was_kept(cache, tmp_path):
    """A completion is on the disk when it is returned, not when the run ends."""
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
