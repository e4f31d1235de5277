"""A LoRA adapter is loaded on top of weights, and is part of what the model is."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

import checkpoints
import torch
from endpoint_model import request
from local_models import ask, model
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from evalharness.backends.local.adapter import read_adapter_rank
from evalharness.backends.local.weights import Weights, load_model, load_tokenizer
from evalharness.backends.local_transformers import explain_missing
from evalharness.domain import Sampling, compute_digest

pytestmark = [
    pytest.mark.weights,
    # peft asks transformers by a name that is about to change.
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning"),
]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A checkpoint."""
    return checkpoints.save(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def adapter(base, tmp_path_factory):
    """An adapter that changes what the checkpoint says, as peft saves it."""
    torch.manual_seed(3)
    weights = AutoModelForCausalLM.from_pretrained(base, dtype="float32")
    config = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    tuned = get_peft_model(weights, config)
    for name, parameter in tuned.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    folder = tmp_path_factory.mktemp("adapter")
    tuned.save_pretrained(folder)
    return folder


def _logits(weights, tokenizer):
    tokens = tokenizer("Aloha! The islands", return_tensors="pt").input_ids
    with torch.no_grad():
        return weights(tokens).logits


def test_the_logits_are_those_of_peft_itself(base, adapter):
    """And not those of the base."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    plain = AutoModelForCausalLM.from_pretrained(base, dtype="float32").eval()
    before = _logits(plain, tokenizer)
    right = _logits(PeftModel.from_pretrained(plain, adapter).eval(), tokenizer)

    loaded = load_model(Weights.of(model(base, adapter=str(adapter), dtype="float32")))

    assert torch.allclose(_logits(loaded, tokenizer), right, atol=1e-4)
    assert not torch.allclose(before, right, atol=1e-2)


def test_a_base_and_its_tune_answer_side_by_side(base, adapter):
    """Each is a model of its own: with other replies, and another key."""
    plain, tuned = model(base), model(base, adapter=str(adapter))
    asked = request("Write about Hawaii.", sampling=Sampling(max_tokens=12))

    (of_plain,), (of_tuned,) = ask(plain, asked), ask(tuned, asked)

    assert of_plain.text != of_tuned.text
    assert compute_digest(plain.identity()) != compute_digest(tuned.identity())


def test_an_adapter_with_new_tokens_brings_its_tokenizer(base, adapter, tmp_path):
    """The embeddings grow before the adapter is put on them."""
    folder = tmp_path / "tune"
    folder.mkdir()
    for file in adapter.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.add_tokens(["<|mine|>"])
    tokenizer.save_pretrained(folder)
    weights = Weights.of(model(base, adapter=str(folder)))

    loaded = load_model(weights)

    assert len(load_tokenizer(weights)) == len(tokenizer)
    assert loaded.get_input_embeddings().num_embeddings >= len(tokenizer)


def test_a_folder_without_an_adapter_is_said_before_work(base, tmp_path):
    """With what is missing in it."""
    assert "has no adapter_config.json" in (
        explain_missing(model(base, adapter=str(tmp_path))) or ""
    )
    assert "there is no folder ./nope" in (explain_missing(model(base, adapter="./nope")) or "")


def test_the_rank_of_an_adapter_is_read_from_its_file(adapter):
    """Engines reserve memory by it."""
    assert read_adapter_rank(str(adapter)) == 4
    assert read_adapter_rank("org/name") == 8
