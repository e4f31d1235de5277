"""What is found wrong with an endpoint's settings before anything is asked."""

from __future__ import annotations

import socket

import pytest
from endpoint_model import KEY, model

from evalharness.backends.openai_compatible import connect, explain_missing
from evalharness.errors import ConfigError


@pytest.fixture(autouse=True)
def key(monkeypatch):
    """Every test has a key, unless it takes it away."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def test_a_server_that_listens_is_not_missing():
    """`plan` is content with an open port, and asks the model nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"

        assert explain_missing(model(url)) is None


def test_an_address_where_nobody_listens_is_missing():
    """A forgotten server is found before anything is paid for."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://user:{KEY}@127.0.0.1:{unused.getsockname()[1]}/v1"

        found = explain_missing(model(url))

    assert "no server answers at http://127.0.0.1" in found
    assert KEY not in found


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (model(), "OPENAI_API_KEY is not set"),
        (model("https://api.openai.com/v1"), "OPENAI_API_KEY is not set"),
        (model("https://us.api.openai.com/v1"), "OPENAI_API_KEY is not set"),
        (
            model("https://mine.openai.azure.com", api_version="1"),
            "AZURE_OPENAI_API_KEY is not set",
        ),
        (model("http://127.0.0.1:1/v1", api_key_env="JUDGE_KEY"), "JUDGE_KEY is not set"),
        (model("http://127.0.0.1:1/v1", endpoint="text"), "chat or completions"),
        (model("http://127.0.0.1:1/v1", endpoint="completions"), "models.vicuna-13b.template"),
        (model("127.0.0.1:1/v1"), "should begin with http"),
        (model(api_version="2024-10-21"), "models.vicuna-13b.base_url"),
        (model(stop=("a", "b", "c", "d", "e")), "stop has 5 texts"),
    ],
)
def test_a_setting_that_cannot_work_is_said_before_the_run(monkeypatch, spec, words):
    """The message names the setting or the variable to change."""
    monkeypatch.delenv("OPENAI_API_KEY")

    assert words in explain_missing(spec)
    with pytest.raises(ConfigError, match=words):
        connect(spec)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/v1", "http://[::1]:8000", "http://10.1.2.3/v1", "http://vllm/v1"]
)
def test_a_server_of_ones_own_needs_no_key(monkeypatch, url):
    """A local vLLM or llama.cpp runs without one."""
    monkeypatch.delenv("OPENAI_API_KEY")

    assert connect(model(url)) is not None


def test_a_server_behind_a_proxy_is_not_looked_for_here(monkeypatch):
    """Behind a proxy, a name that cannot be looked up here is no sign of a missing server."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    assert explain_missing(model("https://models.invalid/v1")) is None
