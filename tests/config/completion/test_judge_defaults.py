"""A judge has its model's name, and its own sampling only where nobody set another."""

from __future__ import annotations

import pytest

from evalharness.config import load_settings

OTHER_SERVER = [
    "judge=gpt-4o",
    "judge.model.base_url=http://127.0.0.1:8000/v1",
    "judge.model.api_name=judge-70b",
]


def _judge(*overrides, config_dir=None):
    (judge,) = load_settings(["models=vicuna-13b", *overrides], config_dir).run.judges
    return judge


def test_a_judge_is_named_after_its_model():
    """Whoever chooses the model of the default judge does not read another's name."""
    judge = _judge("models@judge.model=vicuna-7b")

    assert judge.name == judge.model.name == "vicuna-7b"


def test_a_judge_at_another_server_is_what_is_asked_there():
    """With neither the prices nor the family of the model that its file describes."""
    judge = _judge(*OTHER_SERVER)

    assert (judge.name, judge.model.family, judge.model.prices.is_known) == (
        "judge-70b",
        None,
        False,
    )


def test_what_the_user_says_of_another_server_holds():
    """Name, family and prices, if they are set."""
    judge = _judge(
        *OTHER_SERVER,
        "judge.name=mine",
        "judge.model.family=llama",
        "judge.model.prices.input=1",
        "judge.model.prices.output=2",
    )

    assert (judge.name, judge.model.family) == ("mine", "llama")
    assert judge.model.prices.output == 2


def test_weights_that_are_served_keep_their_name_and_family():
    """The server runs the model that the file describes."""
    judge = _judge(
        "judge=vicuna-13b",
        "judge.model.backend=openai_compatible",
        "judge.model.base_url=http://127.0.0.1:8000/v1",
    )

    assert (judge.name, judge.model.family) == ("vicuna-13b", "vicuna")


def test_a_judge_is_asked_at_temperature_zero_where_its_model_leaves_it_open():
    """With room for an explanation, and without the model's own sampling as a candidate."""
    sampling = _judge("judge=vicuna-13b").model.sampling

    assert (sampling.temperature, sampling.top_p, sampling.max_tokens) == (0, None, 1024)


def test_a_model_that_takes_no_temperature_gets_none_as_a_judge():
    """Its file says null; and a thought needs more room than an explanation."""
    sampling = _judge("judge=gpt-6.1-sol").model.sampling

    assert (sampling.temperature, sampling.max_tokens, sampling.seedless) == (None, 16384, True)


def test_a_model_that_thinks_keeps_its_own_temperature_as_a_judge():
    """Makers warn of greedy decoding for them; half of a short context stays for the prompt."""
    sampling = _judge(
        "judge=vicuna-13b", "judge.model.thinks=true", "judge.model.context_length=8192"
    ).model.sampling

    assert (sampling.temperature, sampling.max_tokens) == (0.7, 4096)


@pytest.mark.parametrize("place", ["judge.sampling", "judge.model.sampling"])
def test_the_users_sampling_of_a_judge_wins(place):
    """In either place, for a model that thinks as well."""
    judge = _judge("judge=gpt-6.1-sol", f"{place}.temperature=0.2", f"{place}.max_tokens=500")

    assert (judge.model.sampling.temperature, judge.model.sampling.max_tokens) == (0.2, 500)


def test_the_users_file_of_a_judge_wins(tmp_path):
    """As files were written before judges had a sampling of their own."""
    (tmp_path / "judge").mkdir()
    (tmp_path / "judge/mine.yaml").write_text(
        "defaults:\n  - /models@model: gpt-6_1-sol\n  - /prompts@prompts.graded: graded\n"
        "  - _self_\nmodel:\n  sampling: {temperature: 0.1, max_tokens: 99}\n"
    )

    judge = _judge("judge=mine", "judging=graded", config_dir=tmp_path)

    assert (judge.model.sampling.temperature, judge.model.sampling.max_tokens) == (0.1, 99)
    assert judge.model.default_fields == ("top_p", "seed")
