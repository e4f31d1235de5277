"""Which fields of a model's sampling are defaults of ours, and which the user set."""

from __future__ import annotations

import pytest

from evalharness.config import load_settings
from evalharness.domain import ModelSpec, list_neutral_fields

ALL = ("temperature", "top_p", "max_tokens", "seed")


def _default_fields(*overrides, config_dir=None):
    run = load_settings(["judge=scripted", *overrides], config_dir).run
    return run.models[0].default_fields


@pytest.mark.parametrize(
    ("overrides", "ours"),
    [
        ([], ALL),
        (["models.vicuna-13b.sampling.temperature=0.7"], ("top_p", "max_tokens", "seed")),
        (["++models.vicuna-13b.sampling.seed=null"], ("temperature", "top_p", "max_tokens")),
        (["models.vicuna-13b.sampling={top_p: 0.5, max_tokens: 9}"], ("temperature", "seed")),
        (
            ["models.vicuna-13b.sampling.by_category.math.temperature=0.1"],
            ("top_p", "max_tokens", "seed"),
        ),
        (["sampling@models.vicuna-13b.sampling=reasoning"], ("seed",)),
        (["models.vicuna-13b.system=hi"], ALL),
    ],
)
def test_a_field_that_an_override_sets_is_the_users(overrides, ours):
    """Also where it repeats our value, for one category, or chooses a whole file."""
    assert _default_fields("models=vicuna-13b", *overrides) == ours


def test_a_field_of_the_users_files_is_the_users(tmp_path):
    """In a model, an experiment, or a sampling of --config-dir that takes part."""
    for group, name, text in (
        ("sampling", "warm", "temperature: 1.0\n"),
        (
            "models",
            "mine",
            (
                "# @package models.mine\ndefaults:\n  - /sampling@sampling: warm\n  - _self_\n"
                "name: mine\nbackend: scripted\nsampling: {top_p: 0.9}\n"
            ),
        ),
        ("experiment", "try", "# @package _global_\nmodels: {mine: {sampling: {seed: 4}}}\n"),
        (
            "experiment",
            "other",
            "# @package _global_\nmodels: {mine: {sampling: {max_tokens: 4}}}\n",
        ),
    ):
        (tmp_path / group).mkdir(exist_ok=True)
        (tmp_path / group / f"{name}.yaml").write_text(text)

    ours = _default_fields("models=mine", "experiment=try", config_dir=tmp_path)

    assert ours == ("max_tokens",)


def test_a_field_of_our_files_is_ours():
    """The demo's experiment sets lengths."""
    run = load_settings(["experiment=demo"]).run

    assert {model.default_fields for model in run.models} == {ALL}
    assert run.judges[0].model.default_fields == ALL


def test_who_set_a_field_is_in_no_key():
    """Results are those of the values."""
    plain = load_settings(["models=vicuna-13b", "judge=scripted"])
    said = load_settings(
        ["models=vicuna-13b", "judge=scripted", "models.vicuna-13b.sampling.temperature=0.7",
         "models.vicuna-13b.sampling.by_category.writing.temperature=0.7"]
    )  # fmt: skip

    assert "default_fields" in list_neutral_fields(ModelSpec)
    assert plain.run.models[0].identity()["sampling"] == said.run.models[0].identity()["sampling"]
    assert "default_fields" in plain.tree["models"]["vicuna-13b"]
