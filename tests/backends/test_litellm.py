"""Models through LiteLLM, with its own mock replies and a real server on the loopback.

The package is large, so it is not installed with the other test tools.
"""

from __future__ import annotations

import asyncio

import pytest
from builders import model_spec
from endpoint_model import request
from server import Behavior, Server

from evalharness.backends import litellm as backend_module
from evalharness.backends.litellm import connect, explain_missing
from evalharness.domain import Sampling
from evalharness.errors import ConfigError, ContextLengthError, PermanentError, TransientError

# The warnings of a package of others fail no test of ours.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def package():
    """Skip where LiteLLM is not installed."""
    return pytest.importorskip("litellm", reason="LiteLLM is not installed")


def _spec(**settings):
    defaults = {"name": "claude", "api_name": "anthropic/claude-haiku-5-5"}
    return model_spec("litellm", **{**defaults, **settings})


async def _ask(spec, **fields):
    waits = []

    async def record_wait(seconds):
        waits.append(seconds)
        await asyncio.sleep(0)

    backend = connect(spec, sleep=record_wait, clock=lambda: sum(waits))
    try:
        return await backend.complete(request(**fields))
    finally:
        await backend.close()


def test_a_missing_package_says_how_to_install_it(monkeypatch):
    """It is an extra, as few need it."""
    monkeypatch.setattr(backend_module.importlib.util, "find_spec", lambda _name: None)

    assert "pip install 'evalharness[litellm]'" in explain_missing(_spec())
    with pytest.raises(ConfigError, match="litellm"):
        connect(_spec())


@pytest.mark.usefixtures("package")
def test_a_named_key_that_is_not_there_is_said_before_the_run(monkeypatch):
    """Other keys are LiteLLM's to find."""
    monkeypatch.delenv("MY_KEY", raising=False)

    assert "MY_KEY is not set" in explain_missing(_spec(api_key_env="MY_KEY"))
    assert explain_missing(_spec()) is None


@pytest.mark.usefixtures("package")
async def test_a_mock_reply_is_read_with_its_usage_and_model():
    """No provider is asked."""
    spec = _spec(extra_body={"mock_response": "Aloha"})
    found = await _ask(spec, sampling=Sampling(temperature=None, max_tokens=5))

    assert (found.text, found.finish_reason) == ("Aloha", "stop")
    assert found.prompt_tokens
    assert found.served == "claude-haiku-5-5"
    assert found.sent == ("max_tokens",)


@pytest.mark.usefixtures("package")
async def test_a_default_that_a_provider_does_not_take_is_learned_and_left_out():
    """LiteLLM refuses it itself, so nothing is paid for the refusal."""
    spec = _spec(extra_body={"mock_response": "Aloha"}, default_fields=("temperature",))
    found = await _ask(spec)

    assert found.text == "Aloha"
    assert "temperature" not in found.sent


@pytest.mark.usefixtures("package")
async def test_what_the_user_set_is_never_dropped():
    """The refusal says what is not supported."""
    with pytest.raises(PermanentError, match="temperature"):
        await _ask(_spec(extra_body={"mock_response": "Aloha"}))


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("mock", "kind"),
    [
        ("litellm.RateLimitError", TransientError),
        ("litellm.InternalServerError", TransientError),
        ("litellm.ContextWindowExceededError", ContextLengthError),
    ],
)
async def test_errors_are_translated(mock, kind):
    """What may pass is asked again, what cannot is not."""
    spec = _spec(api_name="openai/gpt-6-luna", extra_body={"mock_response": mock}, max_attempts=2)
    with pytest.raises(kind) as caught:
        await _ask(spec, sampling=Sampling(temperature=None))

    assert caught.value.attempts == (2 if kind is TransientError else 1)


@pytest.mark.usefixtures("package")
async def test_another_address_is_sent_no_key_of_the_environment(monkeypatch):
    """LiteLLM would send OPENAI_API_KEY to any address of the OpenAI kind."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-the-key-for-openai")
    async with Server([Behavior.RATE_LIMITED_MS]) as server:
        spec = _spec(api_name="openai/qwen3-8b", api_base=server.url)
        found = await _ask(spec)

    assert found.text
    assert (found.attempts, len(server.calls)) == (2, 2)
    assert server.calls[1].model == "qwen3-8b"
    assert "sk-the-key-for-openai" not in str(server.calls[1].headers)
