"""A key that a file names does not follow the model to another server."""

from __future__ import annotations

import pytest

from evalharness.config import load_settings

OTHER = "http://127.0.0.1:1/v1"


def _key_variable(place, *overrides):
    settings = load_settings(["models=gpt-4.1,vicuna-13b", "judge=claude-sonnet-5-5", *overrides])
    run = settings.run
    model = run.models[0] if place == "models.gpt-4.1" else run.judges[0].model
    return model.settings.api_key_env


@pytest.mark.parametrize(
    ("place", "variable"),
    [("models.gpt-4.1", "OPENAI_API_KEY"), ("judge.model", "ANTHROPIC_API_KEY")],
)
def test_another_server_is_sent_the_key_that_the_user_names_or_none(place, variable):
    """The key of our file is for the address of our file."""
    assert _key_variable(place) == variable
    assert _key_variable(place, f"{place}.base_url={OTHER}") is None
    assert (
        _key_variable(place, f"{place}.base_url={OTHER}", f"{place}.api_key_env={variable}")
        == variable
    )


def test_the_same_address_keeps_its_key():
    """With a slash at its end, too."""
    same = "models.gpt-4.1.base_url=https://api.openai.com/v1/"

    assert _key_variable("models.gpt-4.1", same) == "OPENAI_API_KEY"


def test_a_variant_at_another_server_has_no_key():
    """Its settings are as good as overrides."""
    (model,) = load_settings([f"models=openai/zz?base_url={OTHER}", "judge=scripted"]).run.models

    assert model.settings.base_url == (OTHER,)
    assert model.settings.api_key_env is None
