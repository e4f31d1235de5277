"""Calls through a batch endpoint: one batch, every line's own fate, and nothing sent twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from endpoint_model import KEY, KEY_VARIABLE, model, request
from server import Behavior, Server
from server_rules import SERVER_RULES

from evalharness.backends.openai_compatible import connect, connect_batch
from evalharness.errors import BackendError, PermanentError

if TYPE_CHECKING:
    from evalharness.domain import Backend


@pytest.fixture(autouse=True)
def key(monkeypatch):
    """Every test has a key that must not be seen anywhere."""
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)


BATCHED = "batch /v1/chat/completions"


@asynccontextmanager
async def batching(server: Server, journal, *, place: str = "", **settings):
    """Give a model that is asked in batches, and that never really waits."""

    async def at_once(_seconds: float) -> None:
        await asyncio.sleep(0)

    url = server.root if "api_version" in settings else server.url
    spec = model(url + place, batch=True, **settings)
    backend = connect_batch(spec, journal, sleep=at_once)
    try:
        yield backend
    finally:
        await backend.close()


async def _ask(backend: Backend, count: int) -> list:
    calls = [backend.complete(request(f"question {number}")) for number in range(count)]
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_what_is_asked_together_is_one_batch(tmp_path):
    """Every reply finds the request that it belongs to."""
    async with Server() as server:
        async with batching(server, tmp_path / "batches.jsonl") as backend:
            batched = await _ask(backend, 20)
        live = connect(model(server.url))
        alone = await live.complete(request("question 7"))
        await live.close()

    assert server.batches.created == 1
    assert len(server.calls) == 20 + 1
    assert [call.path for call in server.calls[:2]] == ["/v1/chat/completions", BATCHED]
    assert [completion.batch for completion in batched] == [False] + [True] * 19
    assert batched[7].text == alone.text
    assert len({completion.text for completion in batched}) == 20
    assert batched[7].prompt_tokens == alone.prompt_tokens


async def test_azure_has_its_own_address_and_header(tmp_path):
    """Files and batches stand beside the deployments."""
    async with Server() as server:
        settings = {"api_version": "2024-10-21", "api_name": "gpt-4o"}
        async with batching(server, tmp_path / "batches.jsonl", **settings) as backend:
            (found,) = await _ask(backend, 1)

    assert found.text
    assert server.calls[0].headers["api-key"] == KEY
    assert server.calls[0].model == "gpt-4o"


async def test_each_line_that_fails_fails_alone_and_is_asked_anew_after(tmp_path):
    """One bad line costs one row, and a later run sends that one again."""
    bad = {"question 1": Behavior.CONTEXT_LENGTH, "question 3": Behavior.SERVER_ERROR}

    def choose(call):
        return bad.get(call.body["messages"][0]["content"], Behavior.OK)

    async with Server(choose) as server:
        async with batching(server, tmp_path / "batches.jsonl") as backend:
            found = await _ask(backend, 5)
        bad.clear()
        async with batching(server, tmp_path / "batches.jsonl") as backend:
            again = await backend.complete(request("question 3"))

    reasons = [each.reason if isinstance(each, BackendError) else None for each in found]
    assert reasons == [None, "context_length", None, "http_500", None]
    assert again.text
    assert (server.batches.created, len(server.calls)) == (2, 6)


@pytest.mark.parametrize("ends_as", ["failed", "expired", "cancelled"])
async def test_a_batch_that_ends_badly_is_everybodys_failure(tmp_path, ends_as):
    """Nothing waits for replies that will never come."""
    async with Server() as server:
        server.batches.ends_as = ends_as
        async with batching(server, tmp_path / "batches.jsonl") as backend:
            found = await _ask(backend, 3)

    if ends_as == "failed":
        first, *others = found  # the first request is a live call
        assert first.text
        assert {each.reason for each in others} == {"batch_failed"}
        assert "Enqueued token limit" in str(others[0])
    else:  # what was done until then is kept
        assert all(each.text for each in found)


async def test_a_torn_line_is_one_requests_failure(tmp_path):
    """What else came in the file is paid for, and kept."""
    async with Server() as server:
        server.batches.tears = True
        async with batching(server, tmp_path / "batches.jsonl") as backend:
            found = await _ask(backend, 3)

    lost = [each for each in found if isinstance(each, BackendError)]
    assert [each.reason for each in lost] == ["batch_completed"]
    assert sum(bool(getattr(each, "text", "")) for each in found) == 2


@pytest.mark.parametrize("knows_its_id", [True, False])
async def test_a_batch_is_found_again_by_who_comes_after_a_kill(tmp_path, knows_its_id):
    """Killed after sending, with or without having noted the id: nothing is sent twice."""
    journal = tmp_path / "batches.jsonl"
    async with Server() as server:
        async with batching(server, journal) as backend:
            asking = asyncio.create_task(_ask(backend, 5))
            await server.batches.has_one.wait()
            lines = journal.read_bytes().splitlines(keepends=True)
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
        journal.write_bytes(b"".join(lines if knows_its_id else lines[:1]))

        async with batching(server, journal) as backend:
            found = await _ask(backend, 7)

    assert all(completion.text for completion in found)
    assert server.batches.created == 2  # the second has what is new
    assert len(server.calls) == 7 + 1  # the live call of the first session was not kept


@pytest.mark.parametrize("page_size", [1, 2, None])
async def test_a_lost_batch_is_found_on_whichever_page_of_the_list(tmp_path, page_size):
    """A team's account has hundreds of batches; a server without pages is not asked for ever."""
    journal = tmp_path / "batches.jsonl"
    async with Server() as server:
        async with batching(server, journal) as backend:
            asking = asyncio.create_task(_ask(backend, 3))
            await server.batches.has_one.wait()
            first = journal.read_bytes().splitlines(keepends=True)[0]
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
        for number in range(4):
            async with batching(server, tmp_path / f"{number}.jsonl") as backend:
                await _ask(backend, 2)  # a live call, and a batch of one
        journal.write_bytes(first)
        server.batches.page_size = page_size

        async with batching(server, journal) as backend:
            found = await _ask(backend, 3)
        journal.write_bytes(first.replace(b'"token":"', b'"token":"another'))
        async with batching(server, journal) as backend:
            await _ask(backend, 1)

    assert all(completion.text for completion in found)
    # The live call of the first session was not kept here, as a run keeps it.
    assert server.batches.created == 1 + 4 + 1 + 1
    assert len(server.calls) == 3 + 4 * 2 + 1 + 1


async def test_a_busy_batch_endpoint_is_asked_again(tmp_path):
    """The attempts and waits are ours, not the package's."""
    async with Server() as server, batching(server, tmp_path / "batches.jsonl") as backend:
        server.batches.failures = [503, 429, 500]
        found = await _ask(backend, 2)

    assert all(completion.text for completion in found)
    assert server.batches.created == 1


async def test_a_batch_whose_replies_are_taken_is_closed(tmp_path):
    """The same question asked later on purpose is asked anew."""
    async with Server() as server:
        for _ in range(2):
            async with batching(server, tmp_path / "batches.jsonl") as backend:
                await _ask(backend, 3)

    assert server.batches.created == 2


async def test_a_server_without_batches_is_told_at_once(tmp_path):
    """The server's own words, for every call."""
    async with (
        Server() as server,
        batching(server, tmp_path / "batches.jsonl", place="/elsewhere") as backend,
    ):
        found = await _ask(backend, 3)

    assert {type(each) for each in found} == {PermanentError}
    assert {each.reason for each in found} == {"http_404"}


async def test_no_file_is_larger_than_servers_take(tmp_path, monkeypatch):
    """A large run becomes several batches."""
    monkeypatch.setattr("evalharness.backends.openai.batch_backend.MAX_BATCH_REQUESTS", 4)
    async with Server() as server, batching(server, tmp_path / "batches.jsonl") as backend:
        found = await _ask(backend, 10)

    assert all(completion.text for completion in found)
    assert (server.batches.created, len(server.calls)) == (3, 10)


async def test_the_key_is_in_no_journal_and_no_error(tmp_path):
    """What is written can be shown to others."""
    journal = tmp_path / "batches.jsonl"
    async with Server(Behavior.UNAUTHORIZED) as server, batching(server, journal) as backend:
        found = await _ask(backend, 2)

    assert server.calls[0].headers["Authorization"].endswith(KEY)
    assert KEY not in journal.read_text() + "".join(map(repr, found))


async def test_what_a_live_call_learns_holds_for_the_batch(tmp_path):
    """A batch of 50,000 refused lines would cost a day."""
    settings = {"default_fields": ("temperature", "max_tokens")}
    async with (
        Server(refuse=SERVER_RULES["openai_reasoning"]) as server,
        batching(server, tmp_path / "batches.jsonl", **settings) as backend,
    ):
        found = await _ask(backend, 4)

    assert all(completion.text for completion in found)
    assert len(server.refused) == 2
    assert server.batches.created == 1
    assert {completion.sent for completion in found} == {("max_completion_tokens",)}


async def test_a_rule_that_only_the_batch_endpoint_has_is_learned_from_its_lines(tmp_path):
    """The refused lines are sent once more, in a batch of their own."""

    def refuse(body):
        return SERVER_RULES["anthropic"](body) if len(server.calls) > 1 else None

    settings = {"default_fields": ("temperature",)}
    async with (
        Server(refuse=refuse) as server,
        batching(server, tmp_path / "batches.jsonl", **settings) as backend,
    ):
        found = await _ask(backend, 4)

    assert all(completion.text for completion in found)
    assert [completion.sent for completion in found[1:]] == [("max_tokens",)] * 3
    assert server.batches.created == 2


async def test_a_server_that_takes_batches_only_is_asked_in_one_batch(tmp_path):
    """Deployments for batches refuse live calls; the first request then goes with the others."""

    def choose(call):
        return Behavior.OK if call.path == BATCHED else Behavior.NOT_FOUND

    async with (
        Server(choose) as server,
        batching(server, tmp_path / "batches.jsonl") as backend,
    ):
        found = await _ask(backend, 4)

    assert all(completion.batch for completion in found)
    assert (server.batches.created, len(server.calls)) == (1, 5)


async def test_a_model_whose_batches_are_known_is_sent_no_live_call_again(tmp_path):
    """What is cheaper in a batch stays in a batch."""
    async with Server() as server:
        for number in range(2):
            async with batching(server, tmp_path / "batches.jsonl") as backend:
                await asyncio.gather(
                    *[backend.complete(request(f"{number}, {each}")) for each in range(3)]
                )

    assert Counter(call.path for call in server.calls) == {"/v1/chat/completions": 1, BATCHED: 5}
