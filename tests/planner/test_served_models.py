"""Names that a server does not serve are refused before anything is paid for."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from builders import model_spec
from server import Server

from evalharness.domain import JudgeSpec, JudgingSpec, RunSpec
from evalharness.errors import ConfigError
from evalharness.planner import find_missing, refuse_missing_models
from evalharness.planner.served_models import find_unserved

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LISTED = ("gpt-6-luna", "gpt-6-sol", "llama3.3:latest", "claude-sonnet-5-5-20260801")


def _model(url: str, name: str, **settings):
    return model_spec("openai_compatible", name=name, base_url=(url,), **settings)


def _run_of(*models, judges=()) -> RunSpec:
    return RunSpec(name="run", models=models, judges=judges, questions=(), judging=JudgingSpec())


async def _find(url: str, *names: str) -> dict[str, str]:
    models = {name: _model(url, name) for name in names}
    return await asyncio.to_thread(find_unserved, models)


async def test_a_wrong_name_is_refused_with_what_is_served_and_no_call_is_made():
    """A model that does not exist fails after everything else was paid for."""
    async with Server() as server:
        server.model_names = LISTED
        spec = _run_of(_model(server.url, "gtp-6-luna"), _model(server.url, "gpt-6-sol"))
        with pytest.raises(ConfigError) as refusal:
            await asyncio.to_thread(refuse_missing_models, spec)
        missing = await asyncio.to_thread(find_missing, spec)

    first, second = str(refusal.value).splitlines()
    assert "gtp-6-luna" in first
    assert "it serves gpt-6-luna, gpt-6-sol, claude" in first
    assert "models.gtp-6-luna.api_name=NAME" in second
    assert list(missing) == ["gtp-6-luna"]
    assert server.calls == []


async def test_each_server_is_asked_once_for_all_its_models():
    """Twenty models of one server are no twenty requests."""
    async with Server() as server, Server() as other:
        server.model_names = other.model_names = ("a", "b", "judge")
        judge = JudgeSpec(name="judge", model=_model(server.url, "judge"), prompts={})
        models = (_model(server.url, "a"), _model(server.url, "b"), _model(other.url, "z"))
        missing = await asyncio.to_thread(find_missing, _run_of(*models, judges=(judge,)))

    assert list(missing) == ["z"]
    assert len(server.list_headers) == len(other.list_headers) == 1


@pytest.mark.parametrize(
    "name",
    [
        "gpt-6-luna",
        "GPT-6-Luna",
        "openai/gpt-6-luna",
        "llama3.3",
        "gpt-6-luna:free",
        "claude-sonnet-5-5",
    ],
)
async def test_short_and_long_forms_of_a_listed_name_are_served(name):
    """Servers take more names than they list."""
    async with Server() as server:
        server.model_names = LISTED
        assert await _find(server.url, name) == {}


@pytest.mark.parametrize("names", [None, (), ("openai/*",)], ids=["no list", "any", "wildcard"])
async def test_a_list_that_proves_nothing_refuses_nothing(names):
    """A server without a list, with any name, or with wildcards may have the model."""
    async with Server() as server:
        server.model_names = names
        assert await _find(server.url, "mine") == {}


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [{"id": "/models/tiny.gguf", "owned_by": "llamacpp"}],
        [{"id": "tiny", "owned_by": "organization_owner"}],
        [{"id": "SomeOrg/tiny", "owned_by": "SomeOrg"}],
    ],
    ids=["empty", "llama.cpp", "lm studio", "transformers serve"],
)
async def test_servers_that_take_other_names_refuse_none(entries):
    """They load a model on demand, or answer to every name."""
    async with _listing({"data": entries}) as url:
        assert await _find(url, "mine") == {}


@pytest.mark.parametrize(
    ("status", "words", "is_refused"),
    [
        (401, "Incorrect API key provided", True),
        (401, "You have insufficient permissions. Missing scopes: api.model.read", False),
        (401, "x-api-key header is required", False),
        (403, "Your key may not list models", False),
        (500, "broken", False),
        (404, "no such page", False),
    ],
)
async def test_a_wrong_key_is_refused_and_one_that_may_not_list_is_not(status, words, is_refused):
    """A key that is restricted to calls is a good key."""
    async with _listing({"error": {"message": words}}, status) as url:
        found = await _find(url, "mine")

    assert bool(found) == is_refused
    if is_refused:
        assert "refuses the key" in found["mine"]
        assert words in found["mine"]


@asynccontextmanager
async def _listing(content: object, status: int = 200) -> AsyncIterator[str]:
    """Serve a list with this content at the address that is given."""

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(content, status=status)

    application = web.Application()
    application.router.add_get("/v1/models", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()
