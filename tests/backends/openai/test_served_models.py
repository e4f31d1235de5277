"""The list of models that a server serves, from a real server on the loopback."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp import web
from endpoint_model import KEY, KEY_VARIABLE, model
from server import Server

from evalharness.backends import find_backend
from evalharness.backends.openai.served_models import build_list_options, list_served_models
from evalharness.errors import PermanentError, TransientError


@pytest.fixture(autouse=True)
def key(monkeypatch):
    """The server is sent its own key; OpenAI's is for OpenAI."""
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-the-key-for-openai")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-mine")


async def _list_from(reply: object, *, status: int = 200) -> tuple[str, ...] | None:
    """Return what is read from a server with this reply."""

    async def answer(_request: web.Request) -> web.Response:
        if isinstance(reply, str):
            return web.Response(text=reply, status=status)
        return web.json_response(reply, status=status)

    application = web.Application()
    application.router.add_get("/v1/models", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        return await asyncio.to_thread(list_served_models, model(url))
    finally:
        await runner.cleanup()


async def test_a_server_is_asked_what_it_serves_and_sent_its_own_key_only():
    """A wrong name is found before anything is paid for, and no stranger sees our account."""
    async with Server() as server:
        server.model_names = ("llama-3.1-8b", "qwen3-8b")
        hook = find_backend("openai_compatible").list_served_models
        found = await asyncio.to_thread(hook, model(server.url))

    assert found == ("llama-3.1-8b", "qwen3-8b")
    [headers] = server.list_headers
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert "OpenAI-Organization" not in headers


async def test_a_list_of_several_pages_proves_nothing():
    """The name may be on a later page."""
    assert await _list_from({"data": [{"id": "a"}], "has_more": True}) is None
    assert await _list_from({"data": [{"id": "a"}], "has_more": False}) == ("a",)


def test_anthropics_list_has_the_key_in_its_own_header():
    """It refuses the header that its completions take; no other server is sent it."""
    sent = build_list_options("https://api.anthropic.com/v1", KEY)

    assert sent["extra_headers"] == {"x-api-key": KEY, "anthropic-version": "2023-06-01"}
    assert build_list_options("https://api.anthropic.com.example.com/v1", KEY) == {}


async def test_a_name_that_holds_the_key_is_not_shown():
    """A server that echoes what it was sent would have it in messages."""
    assert await _list_from({"data": [{"id": "a"}, {"id": f"b {KEY}"}]}) == ("a",)


async def test_a_server_without_a_key_is_sent_none(monkeypatch):
    """Neither OpenAI's key nor a made-up one goes to a stranger."""
    monkeypatch.delenv(KEY_VARIABLE)
    async with Server() as server:
        server.model_names = ("qwen3-8b",)
        await asyncio.to_thread(list_served_models, model(server.url))

    assert "Authorization" not in server.list_headers[0]


async def test_a_server_without_a_list_is_no_error():
    """Not every server has one."""
    async with Server() as server:
        server.model_names = None
        assert await asyncio.to_thread(list_served_models, model(server.url)) is None


@pytest.mark.parametrize(
    ("reply", "names"),
    [
        ([{"id": "b", "type": "chat"}, {"id": "a"}], ("a", "b")),  # Together
        ({"data": [{"id": "models/gemini-4-argon"}]}, ("gemini-4-argon",)),  # Google
        ({"models": [{"name": "llama3.3:latest"}]}, ("llama3.3:latest",)),
        ({"data": []}, None),
        ("<html>hello</html>", None),
    ],
)
async def test_a_list_is_read_in_every_form_that_servers_send(reply, names):
    """Some send a bare list, or names with a prefix that requests do not need."""
    assert await _list_from(reply) == names


async def test_a_refused_key_is_said_in_the_servers_words():
    """It would be refused for every completion as well."""
    with pytest.raises(PermanentError, match="Incorrect key") as error:
        await _list_from({"error": {"message": f"Incorrect key {KEY}"}}, status=401)

    assert error.value.reason == "http_401"
    assert KEY not in str(error.value)


def test_a_server_that_cannot_be_reached_is_an_error():
    """It is told from one that has no list."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"

        with pytest.raises(TransientError, match="connection failed"):
            list_served_models(model(url))
