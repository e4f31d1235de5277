"""Models and judges that cannot be called are named before any work, with what to set."""

from __future__ import annotations

import pytest

from evalharness.config import load_settings
from evalharness.errors import ConfigError
from evalharness.planner import refuse_missing_models


def test_every_missing_key_is_named_at_once_with_its_place(monkeypatch):
    """Nobody sets one variable to be told of the next; a judge is no entry of `models`."""
    keys = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY")
    for key in keys:
        monkeypatch.delenv(key, raising=False)
    names = "models=[openai/gpt-6-luna,anthropic/claude-haiku-5-5]"
    spec = load_settings([names, "judge=google/gemini-4-argon"]).run

    with pytest.raises(ConfigError) as refusal:
        refuse_missing_models(spec)

    said, remedy = str(refusal.value).splitlines()
    for key, place in zip(
        keys, ("models.gpt-6-luna", "models.claude-haiku-5-5", "judge.model"), strict=True
    ):
        assert f"{key} is not set; {place} needs it in the environment" in said
    assert "models.gpt-6-luna.api_key_env" in remedy
