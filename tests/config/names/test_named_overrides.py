"""Models and judges are named as people name them, and overrides of their settings follow."""

from __future__ import annotations

import json

import pytest

from evalharness.config import load_model_spec, load_settings
from evalharness.errors import ConfigError


def _folder(path, **content):
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps({"model_type": "llama", **content}))
    return path


def test_a_providers_model_needs_no_file():
    """The provider's file says where it is; the id is what is sent and shown."""
    (model,) = load_settings(
        ["models=together/meta-llama/Llama-9-70B", "judge=scripted"]
    ).run.models

    assert model.name == model.settings.api_name == "meta-llama/Llama-9-70B"
    assert model.settings.base_url == ("https://api.together.xyz/v1",)
    assert model.settings.api_key_env == "TOGETHER_API_KEY"
    assert model.family == "llama"
    assert model.sampling_for("writing").temperature == 0.7


def test_a_providers_model_that_has_a_file_is_the_files():
    """So the same model has the same key, however it is written."""
    spec = load_model_spec("openai/gpt-6.1-sol", [])

    assert spec == load_model_spec("gpt-6_1-sol", []) == load_model_spec("gpt-6.1-sol", [])


@pytest.mark.parametrize(
    ("written", "option"),
    [
        ("gpt-4.1", "gpt-4_1"),
        ("gpt-3.5-turbo", "chatgpt"),
        ("Qwen/Qwen3-8B", "qwen3-8b"),
        ("qwen/qwen3-8b", "qwen3-8b"),
        ("llama-3.1-8b-instruct", "llama-3_1-8b-instruct"),
        ("openai/gpt-oss-20b", "gpt-oss-20b"),
    ],
)
def test_other_names_of_a_configured_model_mean_it(written, option):
    """Dots, a hub id, and what the server calls the model."""
    assert list(load_settings([f"models={written}", "judge=scripted"]).tree["models"]) == [option]


def test_a_list_keeps_its_order_whatever_its_names_are(tmp_path, monkeypatch):
    """Files, providers, the hub and folders stand side by side."""
    monkeypatch.chdir(tmp_path)
    _folder(tmp_path / "my-tune")

    models = load_settings(
        ["models=ollama/zz:70b,vicuna-13b,hf/Org/Name@v2,./my-tune", "judge=scripted"]
    ).run.models

    assert [model.name for model in models] == ["zz:70b", "vicuna-13b", "Name@v2", "my-tune"]
    assert [model.get_setting("weights") for model in models[2:]] == ["Org/Name", "./my-tune"]
    assert models[2].settings.revision == "v2"
    assert {model.template for model in models[2:]} == {"tokenizer"}


def test_checkpoints_come_in_the_order_of_their_numbers(tmp_path, monkeypatch):
    """checkpoint-2 before checkpoint-10, and other folders are none."""
    monkeypatch.chdir(tmp_path)
    for number in (10, 2, 100):
        _folder(tmp_path / f"out/checkpoint-{number}")
    (tmp_path / "out/checkpoint-notes").mkdir()

    models = load_settings(["models=./out/checkpoint-*", "judge=scripted"]).run.models

    assert [model.settings.weights for model in models] == [
        "./out/checkpoint-2",
        "./out/checkpoint-10",
        "./out/checkpoint-100",
    ]
    assert models[0].name == "out/checkpoint-2"


def test_an_adapter_is_put_on_the_model_that_is_named(tmp_path, monkeypatch):
    """On a folder, on a configured model, or on the base that the adapter names itself."""
    monkeypatch.chdir(tmp_path)
    _folder(tmp_path / "base")
    (tmp_path / "tune").mkdir()
    (tmp_path / "tune/adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": "Qwen/Qwen3-8B"})
    )

    models = load_settings(
        ["models=./base+./tune,qwen3-8b+./tune,./tune", "judge=scripted"]
    ).run.models

    assert [(each.settings.weights, each.settings.adapter) for each in models] == [
        ("./base", "./tune"),
        ("Qwen/Qwen3-8B", "./tune"),
        ("Qwen/Qwen3-8B", "./tune"),
    ]
    assert [each.name for each in models] == ["base+tune", "qwen3-8b+tune", "tune"]


def test_variants_of_a_model_are_several_candidates():
    """Each has its settings in place, and a name that shows them."""
    settings = load_settings(
        [
            "models=[openai/zz?reasoning_effort=low,openai/zz?reasoning_effort=high&temperature=1]",
            "models.openai/zz?reasoning_effort=low.system=short",
            "judge=scripted",
        ]
    )
    low, high = settings.run.models

    assert (low.name, high.name) == (
        "zz (reasoning_effort=low)",
        "zz (reasoning_effort=high, temperature=1)",
    )
    assert (low.settings.reasoning_effort, high.settings.reasoning_effort) == ("low", "high")
    assert (low.system, high.system) == ("short", None)
    assert low.default_fields == ("temperature", "top_p", "max_tokens", "seed")
    assert high.default_fields == ("top_p", "max_tokens", "seed")
    assert " " not in settings.run.name


def test_a_variants_sampling_holds_in_every_category():
    """As an override's does."""
    (model,) = load_settings(["models=vicuna-13b?temperature=0.3", "judge=scripted"]).run.models

    assert {model.sampling_for(each).temperature for each in ("math", "writing")} == {0.3}


@pytest.mark.parametrize(
    "spelling", ["gpt-4_1", "gpt-4.1", "openai/gpt-4.1", "+models.gpt-4.1", "++models.gpt-4.1"]
)
def test_a_setting_is_overridden_by_any_name_of_the_model(spelling):
    """With the name as it is written or shown, and with the key."""
    prefix = "" if spelling.startswith("+") else "models."
    (model,) = load_settings(
        ["models=openai/gpt-4.1", f"{prefix}{spelling}.system=hi", "judge=scripted"]
    ).run.models

    assert model.system == "hi"


@pytest.mark.parametrize("baseline", ["gpt-4.1", "gpt-4_1", "openai/gpt-4.1"])
def test_the_baseline_is_any_name_of_a_model(baseline):
    """What is kept is the name in tables."""
    settings = load_settings(
        ["models=openai/gpt-4.1,vicuna-13b", f"judging.baseline={baseline}", "judge=scripted"]
    )

    assert settings.run.judging.baseline == settings.run.models[0].name == "gpt-4.1"


def test_two_providers_of_one_model_are_told_apart(monkeypatch):
    """By their names, where the ids alone are equal."""
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://mine.openai.azure.com")

    models = load_settings(["models=azure/zz,openai/zz", "judge=scripted"]).run.models

    assert [model.name for model in models] == ["azure/zz", "openai/zz"]


def test_two_providers_of_one_judge_are_told_apart(monkeypatch):
    """As candidates are."""
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://mine.openai.azure.com")

    judges = load_settings(["models=vicuna-13b", "judge=[azure/zz,openai/zz,gpt-4.1]"]).run.judges

    assert [judge.name for judge in judges] == ["azure/zz", "openai/zz", "gpt-4.1"]


def test_any_model_may_judge_under_its_own_name():
    """A configured model, a provider's, and a panel of both."""
    one, other = load_settings(
        [
            "models=vicuna-13b",
            "judge=[vicuna-13b,openai/zz]",
            "panel.openai/zz.model.sampling.temperature=0.3",
        ]
    ).run.judges

    assert (one.name, other.name) == ("vicuna-13b", "zz")
    assert one.model.sampling.temperature == 0
    assert other.model.sampling.temperature == 0.3
    assert set(one.prompts) == set(other.prompts)


def test_a_variant_may_judge_and_extends_files_and_nodes():
    """Of a configured model or a provider's, as the judge or as a judge's model."""
    (judge,) = load_settings(["models=vicuna-13b", "judge=openai/zz?temperature=0.4"]).run.judges
    (other,) = load_settings(
        ["models=vicuna-13b", "models@judge.model=gpt-4.1?temperature=0.3&system=be brief"]
    ).run.judges

    assert (judge.name, judge.model.sampling.temperature) == ("zz (temperature=0.4)", 0.4)
    assert (other.model.sampling.temperature, other.model.system) == (0.3, "be brief")
    assert other.model.settings.api_name == "gpt-4.1"


def test_the_model_of_a_judge_is_named_the_same_way():
    """And a file of conf/judge keeps its other settings."""
    (judge,) = load_settings(["models=vicuna-13b", "models@judge.model=google/gemini-9"]).run.judges

    assert judge.name == "gemini-9"
    assert judge.model.settings.api_key_env == "GEMINI_API_KEY"
    assert judge.model.sampling.seedless


def test_a_judge_of_the_users_wins_over_a_model_of_that_name(tmp_path):
    """--config-dir has judges of the user's own."""
    (tmp_path / "judge").mkdir()
    (tmp_path / "judge/vicuna-13b.yaml").write_text(
        "defaults:\n  - /models@model: vicuna-13b\n  - /prompts@prompts.graded: rubric\n  - _self_\n"
        "name: strict\n"
    )

    (judge,) = load_settings(
        ["models=alpaca-7b", "judge=vicuna-13b", "judging=graded"], tmp_path
    ).run.judges

    assert judge.name == "strict"
    assert [prompt.name for prompt in judge.prompts.values()] == ["rubric"]


def test_a_provider_of_the_users_is_named_like_ours(tmp_path):
    """What its file sets of the sampling is the user's, and never left out."""
    (tmp_path / "providers").mkdir()
    (tmp_path / "providers/lab.yaml").write_text(
        "base_url: http://lab:8000/v1\nsampling: {temperature: 0.4}\n"
    )

    (model,) = load_settings(["models=lab/our-70b", "judge=scripted"], tmp_path).run.models

    assert model.settings.base_url == ("http://lab:8000/v1",)
    assert model.sampling.temperature == 0.4
    assert model.default_fields == ("top_p", "max_tokens", "seed")


def test_the_users_files_name_models_the_same_way(tmp_path, monkeypatch):
    """An experiment that a team shares, and a judge with prompts of its own."""
    monkeypatch.chdir(tmp_path)
    _folder(tmp_path / "my-tune")
    for place, text in (
        (
            "experiment/ours.yaml",
            (
                "# @package _global_\ndefaults:\n"
                "  - override /models: [openai/zz, gpt-4.1, ./my-tune, 'openai/zz?temperature=0.1']\n"
                "  - override /judge: strict\n"
            ),
        ),
        (
            "judge/strict.yaml",
            (
                "defaults:\n  - /models@model: anthropic/yy\n  - /prompts@prompts.graded: rubric\n"
                "  - /prompts@prompts.pairwise: pairwise\n  - _self_\n"
            ),
        ),
    ):
        path = tmp_path / "own" / place
        path.parent.mkdir(parents=True)
        path.write_text(text)

    run = load_settings(["experiment=ours", "models.openai/zz.system=hi"], tmp_path / "own").run

    assert [model.name for model in run.models] == [
        "zz",
        "gpt-4.1",
        "my-tune",
        "zz (temperature=0.1)",
    ]
    assert run.models[0].system == "hi"
    assert "temperature" not in run.models[3].default_fields
    assert (run.judges[0].name, run.judges[0].model.settings.api_key_env) == (
        "yy",
        "ANTHROPIC_API_KEY",
    )


@pytest.mark.parametrize(
    ("override", "words"),
    [
        (
            "models=vicuna-13x",
            "models=vicuna-13x.*did you mean vicuna-13b or vicuna-33b or vicuna-7b",
        ),
        ("models=opena/gpt-6", "no provider opena; did you mean openai/gpt-6"),
        ("models=openai/", "the model is missing; write openai/MODEL"),
        ("models=Qwen/Qwen3-99B", "did you mean Qwen/Qwen3.*\n.*write hf/Qwen/Qwen3-99B"),
        ("models=hf/x", "hf/ORGANIZATION/NAME"),
        ("models=gpt-4.1,gpt-4_1", "twice"),
        ("models=embedded", "several models.*smollm2-135m-chat"),
        ("models=./nope", "no such folder"),
        ("models=./*-nope", "no such folder with a config.json"),
        ("models=azure/x", "AZURE_OPENAI_ENDPOINT is not set"),
        ("judge=gpt-4.2", "judge=gpt-4.2.*did you mean gpt-4"),
        ("models@judge.model=vicuna-13x", "models@judge.model=vicuna-13x.*vicuna-13b"),
    ],
)
def test_a_name_that_means_nothing_is_refused_with_close_matches(override, words):
    """In at most two lines: three names are suggested, not all."""
    with pytest.raises(ConfigError, match=f"(?s){words}") as refusal:
        load_settings([override])

    assert len(str(refusal.value).splitlines()) <= 2
    assert len(str(refusal.value)) < 400


def test_a_folder_without_a_model_is_refused_before_anything_starts(tmp_path):
    """With the hint that its checkpoints hold some."""
    _folder(tmp_path / "out/checkpoint-1")

    with pytest.raises(
        ConfigError, match=r"holds no model \(config.json is missing\), but its folders"
    ):
        load_settings([f"models={tmp_path}/out"])


def test_a_users_variant_of_a_model_is_not_what_its_plain_id_means(tmp_path):
    """Its file has the id, but a name and settings of its own."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models/aaa-low.yaml").write_text(
        "# @package models.aaa-low\nname: aaa-low\nbackend: openai_compatible\n"
        "base_url: https://api.openai.com/v1\napi_name: gpt-6-luna\nreasoning_effort: low\n"
    )

    (model,) = load_settings(["models=openai/gpt-6-luna", "judge=scripted"], tmp_path).run.models

    assert (model.name, model.settings.reasoning_effort) == ("gpt-6-luna", None)


def test_ids_that_differ_in_signs_that_no_key_has_are_two_models():
    """A dot and an underscore, a slash, or letters that a key cannot have."""
    settings = load_settings(["models=[openai/a.b,openai/a_b,openai/ü,openai/ö]", "judge=scripted"])

    assert [model.name for model in settings.run.models] == ["a.b", "a_b", "ü", "ö"]
    assert len(settings.tree["models"]) == 4


def test_one_folder_under_two_names_is_one_model(tmp_path, monkeypatch):
    """It would be compared with itself."""
    monkeypatch.chdir(tmp_path)
    _folder(tmp_path / "base")

    with pytest.raises(ConfigError, match=r"twice \(\./base, .*/base\); name it once"):
        load_settings([f"models=[./base,{tmp_path}/base]", "judge=scripted"])


@pytest.fixture
def own_providers(tmp_path):
    """Two providers of the user's own, which serve models of the same names."""
    (tmp_path / "providers").mkdir()
    for number, name in enumerate(("lab", "lab2")):
        (tmp_path / f"providers/{name}.yaml").write_text(
            f"base_url: http://127.0.0.1:{9 + number}/v1\n"
        )
    return tmp_path


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("lab/j?temperature=0.1", ["j (temperature=0.1)"]),
        ("[lab/j?temperature=0.1,lab/j]", ["j (temperature=0.1)", "j"]),
        ("[lab/j,lab2/j]", ["lab/j", "lab2/j"]),
    ],
)
def test_judges_of_the_users_own_providers_are_named_like_candidates(own_providers, written, names):
    """The address in a provider's file is no other server."""
    judges = load_settings(["models=alpaca-7b", f"judge={written}"], own_providers).run.judges

    assert [judge.name for judge in judges] == names


def test_a_name_that_two_models_have_sets_neither(own_providers):
    """One of them would be asked with other settings, unseen."""
    models = "models=[lab/a,lab2/a]"

    with pytest.raises(ConfigError, match=r"models\.a"):
        load_settings([models, "judge=scripted", "models.a.top_k=1"], own_providers)
    with pytest.raises(ConfigError, match=r"models\.a"):
        load_settings(
            [models, "judge=scripted", "models.a.sampling.temperature=0.3"], own_providers
        )
