"""A conversation that goes on is not read again from its start, and says the same."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("torch")

import checkpoints
import torch
from endpoint_model import request
from local_models import ask, model

from evalharness.backends.local.prefix_cache import PrefixCache
from evalharness.backends.local_transformers import connect
from evalharness.domain import Sampling, build_conversation

pytestmark = pytest.mark.weights

TURNS = (
    ("Hi", "1 2 3"),
    ("Write about Hawaii and the lazy dog.", "Now begin every sentence with A."),
    ("The quick brown fox jumps over the lazy dog, again and again.", "Why?"),
    ("Rating: [[10]] or not?", "Who wrote it, and when, and where, and for whom?"),
)
LENGTHS = (4, 20, 9, 15)


@pytest.fixture
def read():
    """Return the shapes of all that models read: rows and columns of each pass."""
    shapes = []

    def look(module, inputs):
        if isinstance(module, torch.nn.Embedding) and inputs[0].dim() == 2:
            shapes.append(tuple(inputs[0].shape))

    hook = torch.nn.modules.module.register_module_forward_pre_hook(look)
    yield shapes
    hook.remove()


def _ask(messages, length):
    return request(messages=messages, sampling=Sampling(max_tokens=length))


async def _converse(backend, turns, length):
    """Return both replies of a conversation."""
    first = await backend.complete(_ask(build_conversation(turns[:1], []), length))
    second = await backend.complete(_ask(build_conversation(turns, [first.text]), length))
    return first.text, second.text


def _converse_all(spec):
    async def work():
        backend = connect(spec)
        try:
            pairs = zip(TURNS, LENGTHS, strict=True)
            return await asyncio.gather(*(_converse(backend, *pair) for pair in pairs))
        finally:
            await backend.close()

    return asyncio.run(work())


@pytest.mark.parametrize("configure", checkpoints.ARCHITECTURES)
def test_second_turns_say_what_they_say_when_read_from_their_start(configure, tmp_path):
    """They join others in the middle, with a gap between what was known and what is new."""
    spec = model(checkpoints.save(tmp_path, configure), dtype="float32")

    together = _converse_all(spec)

    for turns, length, (first, second) in zip(TURNS, LENGTHS, together, strict=True):
        (alone,) = ask(spec, _ask(build_conversation(turns, [first]), length))
        assert second == alone.text


def test_what_was_read_of_the_first_turn_is_not_read_again(tmp_path, read):
    """Prompts of second turns are long; only what is new of them is worked on."""
    spec = model(checkpoints.save(tmp_path), dtype="float32")
    turns, length = (TURNS[2][0] * 3, "Why?"), 6

    async def work():
        backend = connect(spec)
        replies = await _converse(backend, turns, length)
        await backend.close()
        return replies

    first, _ = asyncio.run(work())
    longest = sorted((columns for _, columns in read), reverse=True)
    read.clear()
    (whole,) = ask(spec, _ask(build_conversation(turns, [first]), length))

    assert longest[0] > whole.prompt_tokens / 2 > longest[1]  # both prompts, each once
    assert max(columns for _, columns in read) == whole.prompt_tokens


def test_only_so_much_is_kept_and_a_template_is_no_conversation(tmp_path):
    """Memory is counted in tokens; what shares little is read anew."""
    from evalharness.backends.local.causal_model import CausalModel, make_padding_mask
    from evalharness.backends.local.weights import Weights, load_model, load_tokenizer

    weights = Weights.of(model(checkpoints.save(tmp_path), dtype="float32"))
    loaded = CausalModel(load_model(weights), load_tokenizer(weights))
    texts = [list(range(1, 11)), list(range(21, 31)), list(range(41, 51))]
    with torch.inference_mode():
        _, cache = loaded.read(texts)
    mask = make_padding_mask([10, 10, 10], 10)
    prefixes = PrefixCache(20)
    for row, text in enumerate(texts):
        prefixes.put(text, 8, row, mask, cache)

    assert prefixes.pop([*texts[0], 99]) is None
    assert prefixes.pop([*texts[1][:4], 99]) is None
    assert prefixes.pop([*texts[1], 99])[0] == 10
    assert prefixes.pop([*texts[1], 99]) is None
    assert prefixes.pop(texts[2])[0] == 9
