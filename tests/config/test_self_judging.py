"""Families of several names, and judges that are among the models that they judge."""

from __future__ import annotations

import pytest

from evalharness.config import load_settings
from evalharness.errors import ConfigError
from evalharness.judge import find_own_family_models

SERVER = "http://127.0.0.1:8000/v1"
LOCAL = ("models=[vicuna-13b,alpaca-7b]", "judge=gpt-4", "models@judge.model=vicuna-13b")
SERVED = (
    "models=[vicuna-13b,alpaca-7b]",
    *(f"models.{name}.backend=openai_compatible" for name in ("vicuna-13b", "alpaca-7b")),
    *(f"models.{name}.base_url={SERVER}" for name in ("vicuna-13b", "alpaca-7b")),
    "models.vicuna-13b.api_name=judge-70b",
    "judge=gpt-4",
    "judge.model.api_name=judge-70b",
)


def _cautions(*overrides: str) -> list[str]:
    said = load_settings(list(overrides)).run.cautions
    return [each for each in said if "is the same model as" in each]


@pytest.mark.parametrize(
    "overrides",
    [
        LOCAL,
        (*SERVED, f"judge.model.base_url={SERVER}"),
        (*SERVED, f"judge.model.base_url=[http://127.0.0.1:9000/v1,{SERVER}]"),
        (
            "models=[vicuna-13b,alpaca-7b]",
            "judge=gpt-4",
            f"judge.model.base_url={SERVER}",
            "judge.model.api_name=lmsys/vicuna-13b-v1.5",
        ),
    ],
    ids=["weights", "server", "one of several servers", "weights behind a server"],
)
def test_a_judge_that_is_a_candidate_is_a_caution(overrides):
    """Models tend to prefer their own answers."""
    (said,) = _cautions(*overrides)

    assert "is the same model as vicuna-13b, which it judges" in said


@pytest.mark.parametrize(
    "overrides",
    [
        ("models=[vicuna-13b,alpaca-7b]", "judge=gpt-4"),
        (*SERVED, "judge.model.base_url=http://127.0.0.1:9000/v1"),
        (*LOCAL, "judge=[gpt-4,scripted]", "judging.exclude_own_family=true"),
        ("models=[smollm2-135m-chat]", "judge=embedded"),
    ],
    ids=["another model", "another server", "excluded", "a judge with its own caution"],
)
def test_other_judges_are_not(overrides):
    """Two servers may each call a model of theirs by the same name."""
    assert _cautions(*overrides) == []


def test_any_common_family_counts():
    """A distilled model has the family of its weights and that of its teacher."""
    run = load_settings(
        [
            "models=[deepseek-r1-distill-qwen-7b,qwen3-8b,alpaca-7b]",
            "models.alpaca-7b.family=[deepseek,llama]",
            "judge=[gpt-4,scripted]",
            "judge.model.family=qwen",
            "judging.exclude_own_family=true",
        ]
    ).run

    assert find_own_family_models(run.judges[0], run.models, run.judging) == {
        "deepseek-r1-distill-qwen-7b",
        "qwen3-8b",
    }


def test_one_family_in_a_list_is_its_name():
    """It changes no key."""
    plain, listed = (
        load_settings(["models=[vicuna-13b]", f"models.vicuna-13b.family={family}"]).run.models[0]
        for family in ("vicuna", "[vicuna]")
    )

    assert plain.identity() == listed.identity()
    assert plain.families == {"vicuna"}


def test_a_family_that_is_no_name_is_refused():
    """It would be compared with nothing."""
    with pytest.raises(ConfigError, match=r"models.vicuna-13b.family=.*: must be a name"):
        load_settings(["models=[vicuna-13b]", "models.vicuna-13b.family={a: b}"])
