"""A provider is one small file, and its mistakes are named with the file."""

from __future__ import annotations

import pytest

from evalharness.backends import list_backends
from evalharness.config import list_providers
from evalharness.config.names.families import guess_family, usually_thinks
from evalharness.errors import ConfigError, InputError


def test_every_provider_of_ours_has_what_its_models_need():
    """An address or another backend, a description, and HTTPS wherever a key is sent."""
    for provider in list_providers():
        backend = provider.settings.get("backend", "openai_compatible")
        assert backend in list_backends()
        assert provider.base_url or backend != "openai_compatible"
        assert provider.description
        if provider.api_key_env:
            assert provider.base_url.startswith(("https://", "${oc.env:"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("base_ulr: http://x/v1\n", "providers/mine.yaml: unknown key 'base_ulr'.*base_url"),
        ("- 1\n", "providers/mine.yaml: must be settings"),
        ("a: [\n", r"providers/mine.yaml:2: not YAML: "),
    ],
)
def test_a_malformed_file_is_refused_with_its_name(tmp_path, text, words):
    """Before anything is composed."""
    (tmp_path / "providers").mkdir()
    (tmp_path / "providers/mine.yaml").write_text(text)

    with pytest.raises((ConfigError, InputError), match=words):
        list_providers(tmp_path)


@pytest.mark.parametrize(
    ("model_id", "family", "thinks"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "llama", False),
        ("Qwen/Qwen3-8B", "qwen", True),
        ("Qwen/Qwen3-4B-Instruct-2507", "qwen", False),
        ("Qwen/Qwen3-4B-Thinking-2507", "qwen", True),
        ("openai/gpt-oss-20b", "openai", True),
        ("gpt-4.1", "openai", False),
        ("claude-haiku-5-5", "claude", False),
        ("EleutherAI/gpt-j-6b", "gpt-j", False),
        ("somebody/new-thing", "somebody", False),
        ("new-thing", None, False),
    ],
)
def test_the_family_and_the_thoughts_of_a_model_are_guessed_from_its_id(model_id, family, thinks):
    """A guess only for models that no file describes."""
    assert (guess_family(model_id), usually_thinks(model_id)) == (family, thinks)
