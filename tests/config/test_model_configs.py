"""Every model that can be named has a complete configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from evalharness.backends import render_chat_template
from evalharness.config import load_settings
from evalharness.config.schema import RootConf
from evalharness.domain import TOKENIZER_TEMPLATE, Sampling, build_conversation

CONF = Path(__file__).parents[2] / "conf"
STEMS = {path.stem for path in CONF.glob("models/*.yaml")}
PROMISED = {
    *("vicuna-7b", "vicuna-13b", "alpaca-7b", "alpaca-13b"),
    *("llama-7b", "llama-13b", "llama-30b", "llama-65b"),
    *("falcon-7b-instruct", "falcon-40b-instruct", "gpt-j-6b"),
    *("dolly-v2-3b", "dolly-v2-7b", "dolly-v2-12b"),
    *("chatgpt", "gpt-4", "text-davinci-003", "bard"),
    *("gpt-6_1-sol", "gpt-6-luna", "claude-sonnet-5-5", "gemini-4-argon", "deepseek-flash"),
    *("gpt-oss-20b", "gpt-oss-120b", "gemma-4-31b-it", "smollm3-3b", "phi-4-mini-instruct"),
    *("smollm2-135m-chat", "smollm2-135m-sampled", "smollm2-135m-plain"),
}
ROOM_TO_THINK = 8192
# lm-sys/FastChat, fastchat/llm_judge/common.py, `temperature_config`
MT_BENCH = {
    "writing": 0.7,
    "roleplay": 0.7,
    "extraction": 0.0,
    "math": 0.0,
    "coding": 0.0,
    "reasoning": 0.0,
    "stem": 0.1,
    "humanities": 0.1,
}


@pytest.fixture(scope="module")
def models():
    """Return all models, composed at once as for a run."""
    ConfigStore.instance().store("schema", RootConf)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", overrides=[f"models=[{','.join(sorted(STEMS))}]", "~judge"])
    return OmegaConf.to_container(config.models, resolve=True, throw_on_missing=True)


@pytest.mark.parametrize("stem", sorted(STEMS | PROMISED))
def test_a_model_is_complete(models, stem):
    """A model that an override names needs only its weights or its key."""
    model = models[stem]

    assert model["name"] == stem.replace("_", ".")
    assert model["family"]
    assert "." not in stem
    match model["backend"]:
        case "recorded":
            return
        case "local_transformers":
            assert model["weights"] == "embedded" or model["weights"].count("/") == 1
            assert model["dtype"] in ("float16", "bfloat16", "float32")
            assert model["template"]
        case "openai_compatible":
            assert model["base_url"].startswith("https://")
            assert model["api_name"]
            assert model["api_key_env"].endswith("_API_KEY")
            assert (model["endpoint"] == "completions") == bool(model["template"])
    sampling = model["sampling"]
    assert 0 < sampling["max_tokens"] < model["context_length"]
    by_category = {name: own["temperature"] for name, own in sampling["by_category"].items()}
    assert by_category in ({}, MT_BENCH)
    assert bool(model["retired"]) == bool(model["successor"])
    if model["thinks"]:
        assert sampling["max_tokens"] >= ROOM_TO_THINK
    if model["template"] not in (None, TOKENIZER_TEMPLATE):
        assert model["stop"]
        assert (
            render_chat_template(model["template"], build_conversation(["Hi!"], []))
            .rstrip()
            .endswith(":")
        )


def test_the_default_judge_is_alive():
    """A run whose judge was shut down fails after its answers were paid for."""
    (judge,) = load_settings(["models=[vicuna-13b]"]).run.judges

    assert judge.name == "gpt-6.1-sol"
    assert judge.model.retired is None
    assert judge.model.sampling == Sampling(temperature=None, max_tokens=16384, seedless=True)


@pytest.mark.parametrize("judge", ["gpt-6-luna", "claude-sonnet-5-5", "gemini-4-argon"])
def test_judges_that_think_have_room_and_no_temperature(judge):
    """Their servers refuse a temperature, and a thought takes more than a verdict."""
    (spec,) = load_settings(["models=[vicuna-13b]", f"judge={judge}"]).run.judges

    assert spec.name == judge
    assert spec.model.thinks
    assert spec.model.sampling.temperature is None
    assert spec.model.sampling.max_tokens >= ROOM_TO_THINK


def test_successors_can_be_named(models):
    """The line that says that a model is retired names one to use."""
    names = {model["name"]: model["retired"] for model in models.values()}

    successors = {model["successor"] for model in models.values() if model["retired"]}
    assert successors
    assert [names[each] for each in successors] == [None] * len(successors)


@pytest.mark.parametrize(
    "path", sorted((CONF / "models").glob("*.yaml")), ids=lambda path: path.stem
)
def test_a_model_that_is_sampled_as_a_thinker_is_marked_as_one(path):
    """A judge on such a model keeps its own sampling, and has room for the thought."""
    text = path.read_text(encoding="utf-8")

    if "/sampling@sampling: reasoning" in text:
        assert "thinks: true" in text
