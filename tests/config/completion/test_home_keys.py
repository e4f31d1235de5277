"""A provider's key is not sent to a server that the user puts in the provider's place."""

from __future__ import annotations

import pytest

from evalharness.config import load_settings


def _judge_key(*overrides, config_dir=None):
    settings = load_settings(["models=[vicuna-13b]", *overrides], config_dir=config_dir)
    return settings.run.judges[0].model.settings.api_key_env


@pytest.mark.parametrize(
    "judge", ["gpt-6_1-sol", "gpt-4o", "openai/gpt-6-luna", "claude-sonnet-5-5"]
)
def test_another_server_is_not_sent_the_key_of_a_models_provider(judge):
    """The address alone was set, so nobody said that the key is for it."""
    assert _judge_key(f"judge={judge}") is not None
    assert _judge_key(f"judge={judge}", "judge.model.base_url=http://10.0.0.7:8000/v1") is None
    assert _judge_key(f"judge={judge}", "judge.model.base_url=[https://gateway.example/v1]") is None


@pytest.mark.parametrize(
    ("judge", "url", "variable"),
    [
        ("claude-sonnet-5-5", "https://api.anthropic.com/v1/other", "ANTHROPIC_API_KEY"),
        ("gpt-4o", "https://api.openai.com/v1", "OPENAI_API_KEY"),
    ],
)
def test_the_providers_own_address_keeps_the_key(judge, url, variable):
    """It is at home there."""
    assert _judge_key(f"judge={judge}", f"judge.model.base_url={url}") == variable


def test_a_key_that_the_user_names_goes_where_the_user_says():
    """A gateway may take OpenAI's key."""
    overrides = [
        "judge=gpt-4o",
        "judge.model.base_url=https://gateway.example/v1",
        "judge.model.api_key_env=OPENAI_API_KEY",
    ]

    assert _judge_key(*overrides) == "OPENAI_API_KEY"


def test_the_same_holds_for_models(tmp_path):
    """And for a file of the user's own that names both."""
    settings = load_settings(
        ["models=[gpt-4o]", "models.gpt-4o.base_url=http://10.0.0.7:8000/v1", "judge=gpt-4o"]
    )
    assert settings.run.models[0].settings.api_key_env is None
    assert settings.run.judges[0].model.settings.api_key_env == "OPENAI_API_KEY"

    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.yaml").write_text(
        "# @package models.mine\ndefaults:\n  - /sampling@sampling: mt_bench\n  - _self_\n"
        "name: mine\n"
        "backend: openai_compatible\nbase_url: https://gateway.example/v1\napi_key_env: OPENAI_API_KEY\n"
    )
    settings = load_settings(["models=[mine]"], config_dir=tmp_path)
    assert settings.run.models[0].settings.api_key_env == "OPENAI_API_KEY"
