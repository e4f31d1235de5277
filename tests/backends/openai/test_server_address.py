"""Which server is sent which key: recorded requests on the loopback, and rules without a network."""

from __future__ import annotations

import pytest
from aiohttp import web
from endpoint_model import backend_of, model, request
from server import Server

from evalharness.backends.openai.azure_tokens import has_azure_login
from evalharness.backends.openai.request_body import build_request_url
from evalharness.backends.openai.server_address import (
    find_key,
    find_key_variable,
    find_origin,
    find_proxy,
    is_private,
    list_address_problems,
    list_server_urls,
)
from evalharness.errors import PermanentError

OPENAI_KEY = "sk-the-key-for-openai"


@pytest.fixture(autouse=True)
def variables(monkeypatch):
    """The environment of a user of OpenAI."""
    for name in ("OPENAI_BASE_URL", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", OPENAI_KEY)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "azure-key")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-mine")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-mine")


async def _ask(spec):
    async with backend_of(spec) as (backend, _):
        return await backend.complete(request())


async def test_a_strangers_server_is_sent_no_key_and_no_account():
    """All 460 requests to a plain server carried OpenAI's key before."""
    async with Server() as server:
        await _ask(model(server.url))

    [call] = server.calls
    sent = " ".join(call.headers.values())
    assert "Authorization" not in call.headers
    assert all(word not in sent for word in (OPENAI_KEY, "azure-key", "org-mine", "proj-mine"))


async def test_another_server_is_sent_the_key_that_is_named_for_it(monkeypatch):
    """And no account of OpenAI's."""
    monkeypatch.setenv("GATEWAY_KEY", "the-key-of-the-gateway")
    async with Server() as server:
        await _ask(model(server.url, api_key_env="GATEWAY_KEY"))

    [call] = server.calls
    assert call.headers["Authorization"] == "Bearer the-key-of-the-gateway"
    assert "OpenAI-Organization" not in call.headers


@pytest.mark.parametrize(
    "named", [(), ("https://api.openai.com/v1",), ("https://api.openai.com/v1/",)]
)
async def test_openais_address_can_be_moved_by_its_variable(monkeypatch, named):
    """The key, the organization and the project move with it; the model's identity does not."""
    async with Server() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        spec = model(*named)
        await _ask(spec)

    [call] = server.calls
    assert call.headers["Authorization"] == f"Bearer {OPENAI_KEY}"
    assert call.headers["OpenAI-Organization"] == "org-mine"
    assert call.headers["OpenAI-Project"] == "proj-mine"
    assert spec.identity() == model(*named).identity()
    assert server.url not in str(spec.identity())


async def test_a_redirect_carries_no_key_elsewhere():
    """A redirect is an error that names its target, and is not followed."""
    async with Server() as target:

        async def redirect(_request):
            place = f"{target.url}/chat/completions"
            raise web.HTTPTemporaryRedirect(place)

        application = web.Application()
        application.router.add_post("/v1/chat/completions", redirect)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        try:
            with pytest.raises(PermanentError, match="redirects to"):
                await _ask(model(url, api_key_env="OPENAI_API_KEY"))
        finally:
            await runner.cleanup()

    assert not target.calls


@pytest.mark.parametrize(
    ("spec", "variable"),
    [
        (model(), "OPENAI_API_KEY"),
        (model("https://api.openai.com/v1"), "OPENAI_API_KEY"),
        (model("https://eu.api.openai.com/v1"), "OPENAI_API_KEY"),
        (model("https://api.openai.com.evil.example/v1"), None),
        (model("https://evilapi.openai.com.example/v1"), None),
        (model("https://api.example.com/v1"), None),
        (model("https://api.openai.com/v1", "https://api.example.com/v1"), None),
        (model("https://mine.openai.azure.com", api_version="2024-10-21"), "AZURE_OPENAI_API_KEY"),
        (model("https://mine.openai.azure.com/openai/v1"), "AZURE_OPENAI_API_KEY"),
        (model("https://api.example.com/v1", api_key_env="MINE"), "MINE"),
    ],
)
def test_a_key_belongs_to_an_address(spec, variable):
    """No key goes to a server that it was not made for."""
    assert find_key_variable(spec) == variable


@pytest.mark.parametrize(
    "url",
    [
        "http://api.openai.com/v1",
        "http://203.0.114.7/v1",
        "http://models.example.com/v1",
        "http://134744072/v1",
        "http://0x8080808/v1",
        "http://[::ffff:8.8.8.8]/v1",
    ],
)
def test_a_key_is_not_sent_unencrypted_over_the_internet(url):
    """Anyone on the way could read it."""
    [problem] = list_address_problems(model(url, api_key_env="OPENAI_API_KEY"))

    assert "without encryption" in problem
    assert OPENAI_KEY not in problem


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/v1",
        "http://localhost:8000/v1",
        "http://10.1.2.3/v1",
        "http://192.168.1.4/v1",
        "http://169.254.1.1/v1",
        "http://[fe80::1]/v1",
        "http://[::1]:8000/v1",
        "http://vllm:8000/v1",
        "https://models.example.com/v1",
    ],
)
def test_a_key_is_sent_inside_the_own_network_and_encrypted(url):
    """A server of the team's own usually has no certificate."""
    assert not list(list_address_problems(model(url, api_key_env="OPENAI_API_KEY")))


def test_an_empty_name_of_a_key_is_no_key(monkeypatch):
    """Not even Azure's, where `api_version` alone would mean it; nor a login there."""
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "token-of-azure")
    azure = model("http://127.0.0.1:1", api_version="2024-10-21")
    none = model("http://127.0.0.1:1", api_version="2024-10-21", api_key_env="")

    assert (find_key(azure), find_key(none)) == ("azure-key", None)
    assert (has_azure_login(azure), has_azure_login(none)) == (True, False)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://API.openai.com/v1", "https://api.openai.com:443"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000"),
        ("http://host/a", "http://host:80"),
        ("http://host:many/a", "http://host:many/a"),
    ],
)
def test_a_server_is_a_scheme_a_host_and_a_port(url, origin):
    """A port that is no number is reported elsewhere."""
    assert find_origin(url) == origin


def test_a_server_without_a_key_may_be_anywhere():
    """There is nothing to protect."""
    assert not list(list_address_problems(model("http://models.example.com/v1")))


@pytest.mark.parametrize("key", ["sk-abc\ndef", "sk-abc\r\nX-Other: 1", "sk-äöü"])
def test_a_key_with_a_line_break_is_refused_in_words(monkeypatch, key):
    """It was a traceback, and could have been a second header."""
    monkeypatch.setenv("OPENAI_API_KEY", key)
    [problem] = list_address_problems(model())

    assert "OPENAI_API_KEY has a line break" in problem
    assert "abc" not in problem


def test_a_line_break_at_the_end_of_a_key_is_no_part_of_it(monkeypatch):
    """Keys are often read from files."""
    monkeypatch.setenv("OPENAI_API_KEY", f"{OPENAI_KEY}\n")

    assert find_key(model()) == OPENAI_KEY


@pytest.mark.parametrize("variable", ["ALL_PROXY", "HTTPS_PROXY", "https_proxy"])
def test_a_proxy_is_read_from_each_usual_variable(monkeypatch, variable):
    """Curl and other clients read ALL_PROXY as well."""
    monkeypatch.setenv(variable, "http://proxy.example:3128")

    assert find_proxy("https://api.openai.com/v1") == "http://proxy.example:3128"
    assert find_proxy("http://127.0.0.1:8000/v1") is None


def test_a_socks_proxy_is_refused_in_words(monkeypatch):
    """It was "Server disconnected" for each call."""
    monkeypatch.setenv("ALL_PROXY", "socks5h://user:secret@127.0.0.1:1080")
    [problem] = list_address_problems(model())

    assert "SOCKS" in problem
    assert "HTTPS_PROXY" in problem
    assert "secret" not in problem


def test_a_wrong_address_in_the_environment_is_named(monkeypatch):
    """The message says which variable to change."""
    monkeypatch.setenv("OPENAI_BASE_URL", "api.example.com/v1")

    assert "OPENAI_BASE_URL is" in next(list_address_problems(model()))
    assert list_server_urls(model()) == ("api.example.com/v1",)


@pytest.mark.parametrize("url", ["http://[::1/v1", "http://host:99999/v1", "http://host:port"])
def test_an_address_that_cannot_be_taken_apart_is_named(monkeypatch, url):
    """It was a ValueError, in a thread or not."""
    monkeypatch.setenv("OPENAI_BASE_URL", url)

    assert list(list_address_problems(model())) == [
        "OPENAI_BASE_URL is no address; check its host and port"
    ]


@pytest.mark.parametrize(
    ("base_url", "settings", "expected"),
    [
        ("http://h/v1", {}, "http://h/v1/chat/completions"),
        ("http://h/v1/", {}, "http://h/v1/chat/completions"),
        ("http://h/v1?team=a&x=1", {}, "http://h/v1/chat/completions?team=a&x=1"),
        ("http://h/v1/?team=a", {"endpoint": "completions"}, "http://h/v1/completions?team=a"),
        (
            "http://h?team=a",
            {"api_version": "v1"},
            "http://h/openai/deployments/vicuna-13b/chat/completions?team=a&api-version=v1",
        ),
    ],
)
def test_a_query_in_an_address_stays_a_query(base_url, settings, expected):
    """Gateways identify their users by it."""
    assert build_request_url(model(base_url, **settings), base_url) == expected


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("http://gpu.cluster.local/v1", True),
        ("http://x.localhost/v1", True),
        ("http://vllm./v1", True),
        ("http://8.8.8.8/v1", False),
        ("http://example.com./v1", False),
    ],
)
def test_a_private_address_is_known_by_its_form(url, private):
    """No name is looked up for it."""
    assert is_private(url) is private
