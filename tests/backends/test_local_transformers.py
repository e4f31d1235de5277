"""Text from local weights: what a batch changes (nothing), and how a reply ends."""

from __future__ import annotations

import asyncio
import json

import pytest

pytest.importorskip("torch")

import checkpoints
import torch
from endpoint_model import request
from local_models import TEMPLATE, ask, model
from transformers import AutoModelForCausalLM, AutoTokenizer

from evalharness.backends import render_chat_template
from evalharness.backends.local_transformers import _shared_engines, connect, name_memory
from evalharness.domain import Sampling, build_conversation
from evalharness.errors import ContextLengthError, PermanentError

pytestmark = pytest.mark.weights

TURNS = (
    ("Hi", "1 2 3"),
    ("Write about Hawaii and the lazy dog.", "Now begin every sentence with A."),
    ("The quick brown fox jumps over the lazy dog, again and again.", "Why?"),
    ("Rating: [[10]] or not?", "Who wrote it, and when, and where, and for whom?"),
    ("0 1 2 3 4 5 6 7 8 9", "Go on."),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder of a LLaMA."""
    return checkpoints.save(tmp_path_factory.mktemp("llama"))


def _greedy(messages, max_tokens=24):
    return request(messages=messages, sampling=Sampling(max_tokens=max_tokens))


def _by_generate(folder, messages, max_tokens=24):
    """Return the greedy reply of transformers' own loop, one conversation at a time."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    weights = AutoModelForCausalLM.from_pretrained(folder)
    prompt = tokenizer(render_chat_template(TEMPLATE, messages), return_tensors="pt")
    written = weights.generate(
        **prompt, max_new_tokens=max_tokens, do_sample=False, pad_token_id=tokenizer.eos_token_id
    )
    reply = written[0, prompt["input_ids"].shape[1] :]
    return tokenizer.decode(reply, skip_special_tokens=True).strip()


@pytest.mark.parametrize("configure", checkpoints.ARCHITECTURES)
def test_a_batch_says_what_each_conversation_says_alone(configure, tmp_path):
    """Padding, joining and leaving a batch change no token, over two turns."""
    folder = checkpoints.save(tmp_path, configure)
    first = [build_conversation(turns[:1], []) for turns in TURNS]
    replies = [each.text for each in ask(model(folder), *map(_greedy, first))]
    second = [
        build_conversation(turns, [reply]) for turns, reply in zip(TURNS, replies, strict=True)
    ]
    lengths = (4, 24, 9, 1, 17)
    answers = ask(model(folder), *map(_greedy, second, lengths))

    assert replies == [_by_generate(folder, messages) for messages in first]
    assert [each.text for each in answers] == list(
        map(_by_generate, [folder] * len(second), second, lengths)
    )
    assert all(
        each.completion_tokens == length
        for each, length in zip(answers, lengths, strict=True)
        if each.finish_reason == "length"
    )


def test_a_seed_draws_the_same_text_in_any_company(folder):
    """An answer can be drawn again, whatever was asked beside it."""
    sampling = Sampling(temperature=0.9, top_p=0.95, max_tokens=24, seed=7)
    drawn = request("Write about Hawaii.", sampling=sampling)
    others = [
        request(turns[0], sampling=Sampling(temperature=1.3, max_tokens=30, seed=number))
        for number, turns in enumerate(TURNS)
    ]
    other_seed = request(
        "Write about Hawaii.", sampling=Sampling(temperature=0.9, max_tokens=24, seed=8)
    )
    (alone,) = ask(model(folder), drawn)
    *_, among_others, differently = ask(model(folder), *others, drawn, other_seed)

    assert among_others.text == alone.text
    assert differently.text != alone.text


def test_top_p_near_zero_is_greedy(folder):
    """However small top_p is, the likeliest token can be drawn, and then only it."""
    greedy = request(sampling=Sampling(max_tokens=24))
    drawn = request(sampling=Sampling(temperature=1.0, top_p=1e-9, max_tokens=24, seed=1))
    expected, found = ask(model(folder), greedy, drawn)

    assert found.text == expected.text


def test_a_stop_text_ends_the_reply_and_is_cut(folder):
    """A stop text is found across tokens, and what follows it is not said."""
    (whole,) = ask(model(folder), _greedy(build_conversation(["Go on."], []), 40))
    stop = whole.text[10:14]
    (stopped,) = ask(model(folder, stop=(stop,)), _greedy(build_conversation(["Go on."], []), 40))

    tokenizer = AutoTokenizer.from_pretrained(folder)
    pieces = map(tokenizer.decode, tokenizer(whole.text)["input_ids"])
    assert not any(stop in piece for piece in pieces)
    assert whole.finish_reason == "length"
    assert stopped.finish_reason == "stop"
    assert stopped.text == whole.text[: whole.text.index(stop)].strip()
    assert stopped.completion_tokens < whole.completion_tokens


def test_every_end_token_of_the_checkpoint_ends_the_reply(tmp_path):
    """Chat models often have several; a token that only the checkpoint names ends it too."""
    folder = checkpoints.save(tmp_path)
    messages = build_conversation(["Go on."], [])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    (whole,) = ask(model(folder), _greedy(messages))
    prompt = tokenizer(render_chat_template(TEMPLATE, messages), return_tensors="pt")
    written = AutoModelForCausalLM.from_pretrained(folder).generate(
        **prompt, max_new_tokens=6, do_sample=False, pad_token_id=tokenizer.eos_token_id
    )
    sixth = int(written[0, -1])
    settings = folder / "generation_config.json"
    content = json.loads(settings.read_text())
    settings.write_text(json.dumps(content | {"eos_token_id": [content["eos_token_id"], sixth]}))
    (ended,) = ask(model(folder), _greedy(messages))

    assert ended.finish_reason == "stop"
    assert ended.completion_tokens <= 6
    assert whole.text.startswith(ended.text)


def test_a_conversation_that_does_not_fit_is_refused_with_the_numbers(folder):
    """Nothing is cut silently; the shorter of the configured and the model's limit holds."""
    fits, refused = ask(
        model(folder, context_length=64),
        _greedy(build_conversation(["Hi"], []), 8),
        _greedy(build_conversation(["Hi"], []), 60),
    )
    (beyond_model,) = ask(model(folder), _greedy(build_conversation(["Hi"], []), 1000))

    assert fits.completion_tokens == 8
    assert isinstance(refused, ContextLengthError)
    assert "the reply may have 60" in str(refused)
    assert "64" in str(refused)
    assert str(checkpoints.POSITIONS) in str(beyond_model)


@pytest.fixture
def memory():
    """Give a function that lets memory run out wherever a batch has a refused shape."""
    hooks = []

    def limit(is_refused):
        def refuse(module, inputs):
            if isinstance(module, torch.nn.Embedding) and is_refused(*inputs[0].shape):
                raise torch.OutOfMemoryError

        hooks.append(torch.nn.modules.module.register_module_forward_pre_hook(refuse))

    yield limit
    for hook in hooks:
        hook.remove()


@pytest.mark.parametrize(
    "is_refused",
    [
        pytest.param(lambda rows, columns: rows > 2 and columns > 1, id="reading"),
        pytest.param(lambda rows, columns: rows > 2 and columns == 1, id="writing"),
    ],
)
def test_when_memory_runs_out_smaller_batches_say_the_same(folder, memory, is_refused):
    """A batch that is too large costs time and no answer, drawn or greedy."""
    requests = [
        request(turns[0], sampling=Sampling(temperature=number % 2, max_tokens=20, seed=number))
        for number, turns in enumerate((*TURNS, *TURNS))
    ]
    expected = ask(model(folder), *requests)
    memory(is_refused)
    found = ask(model(folder), *requests)

    assert [each.text for each in found] == [each.text for each in expected]


def test_what_does_not_fit_in_memory_alone_fails_and_nothing_else(folder, memory):
    """The conversation is named by its length, and the shorter one is answered."""
    sampling = Sampling(max_tokens=4)
    long, short = request(TURNS[2][0] * 2, sampling=sampling), request("Hi", sampling=sampling)
    memory(lambda _rows, columns: columns > 30)
    failed, answered = ask(model(folder), long, short)

    assert answered.completion_tokens == 4
    assert isinstance(failed, PermanentError)
    assert failed.reason == "out_of_memory"


def test_models_with_the_same_weights_share_them_until_the_last_is_closed(folder):
    """Variants of one model, and a judge that runs on it, take its memory once."""
    first, second = model(folder), model(folder, name="alpaca-7b", template="tokenizer")

    async def ask_both():
        one, other = connect(first), connect(second)
        assert one._engine is other._engine
        await one.close()
        try:
            return await other.complete(_greedy(build_conversation(["Hi"], []), 3))
        finally:
            await other.close()

    assert asyncio.run(ask_both()).completion_tokens == 3
    assert name_memory(first) == name_memory(second)
    assert name_memory(first) != name_memory(model(folder, dtype="bfloat16"))
    assert len(_shared_engines) == 0


def test_a_request_that_is_given_up_leaves_the_others_alone(folder):
    """An interrupted conversation frees its place."""

    async def ask_both():
        backend = connect(model(folder))
        given_up = asyncio.ensure_future(
            backend.complete(_greedy(build_conversation(["Go on."], []), 200))
        )
        kept = asyncio.ensure_future(backend.complete(_greedy(build_conversation(["Hi"], []), 5)))
        await asyncio.sleep(0)
        given_up.cancel()
        try:
            return (await kept).completion_tokens
        finally:
            await backend.close()

    assert asyncio.run(ask_both()) == 5


def test_a_checkpoint_that_cannot_be_loaded_fails_with_its_name(tmp_path):
    """Nobody reads a traceback to learn which model is broken."""
    (tmp_path / "config.json").write_text('{"model_type": "nonesuch"}')
    (tmp_path / "model.safetensors").touch()
    (failed,) = ask(model(tmp_path), request())

    assert isinstance(failed, PermanentError)
    assert str(tmp_path) in str(failed)
    assert "\n" not in str(failed)
