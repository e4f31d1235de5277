"""A drift check asks the run's own judge, with the settings that overrides change."""

from __future__ import annotations

from evalharness.config import compose_config
from evalharness.runner.judge_checks.drift_judges import choose_judges

OTHER = "judge.model.base_url=http://10.0.0.7:8000/v1"


def _choose(*overrides):
    saved = compose_config(["models=vicuna-13b", "judge=claude-sonnet-5-5"])
    tree = compose_config(["models=vicuna-13b", *overrides])
    (judge,) = choose_judges(saved, tree, overrides)
    return judge.model


def test_the_runs_judge_keeps_its_own_key_at_home():
    """Another server is sent it only if the variable is named as well."""
    assert _choose().settings.api_key_env == "ANTHROPIC_API_KEY"
    assert _choose(OTHER).settings.api_key_env is None
    named = _choose(OTHER, "judge.model.api_key_env=OPENAI_API_KEY")
    assert named.settings.api_key_env == "OPENAI_API_KEY"


def test_the_runs_judge_keeps_its_secret_headers_at_home():
    """As it keeps its key; what is no secret goes along."""
    header = "judge.model.headers.X-Gateway='${oc.env:GATE_HEAD}'"
    title = "judge.model.headers.X-Title=eval"
    saved = compose_config(["models=vicuna-13b", "judge=claude-sonnet-5-5", header, title])
    for overrides, expected in [
        ([], {"X-Gateway", "X-Title"}),
        ([OTHER], {"X-Title"}),
        ([OTHER, header], {"X-Gateway", "X-Title"}),
    ]:
        tree = compose_config(["models=vicuna-13b", *overrides])
        (judge,) = choose_judges(saved, tree, overrides)
        assert set(judge.model.settings.headers) == expected


def test_a_default_of_judges_changes_the_model():
    """A saved judge has its sampling in its model."""
    assert _choose("judge.sampling.max_tokens=77").sampling.max_tokens == 77
