"""How probable texts are as the start of a reply: read from one pass over the prompt."""

from __future__ import annotations

import random
from itertools import permutations

import pytest

pytest.importorskip("torch")

import checkpoints
import torch
from endpoint_model import request
from local_models import ask, model
from transformers import AutoModelForCausalLM, AutoTokenizer

from evalharness.domain import Sampling
from evalharness.errors import ContextLengthError

pytestmark = pytest.mark.weights

GRADES = tuple(f"{grade}]]" for grade in range(1, 11))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder of a LLaMA."""
    return checkpoints.save(tmp_path_factory.mktemp("llama"))


def _grading(text="Hi", **settings):
    defaults = {"prefill": " Rating: [[", "options": GRADES}
    return request(text, **{**defaults, **settings})


def _naive(folder, prompt, option, *, given):
    """Return an option's probability from a pass over prompt and option, after `given` tokens."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    weights = AutoModelForCausalLM.from_pretrained(folder)
    tokens = tokenizer(prompt + option, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        logs = weights(tokens).logits[0].log_softmax(dim=-1)
    places = range(given, tokens.shape[1])
    return float(sum(logs[place - 1, tokens[0, place]] for place in places).exp())


@pytest.mark.parametrize("configure", checkpoints.ARCHITECTURES)
def test_options_of_several_tokens_have_the_probability_of_all_of_them(configure, tmp_path):
    """Grades are compared as the model would write them, digits and brackets."""
    folder = checkpoints.save(tmp_path, configure)
    (found,) = ask(model(folder), _grading())
    prompt = "USER: Hi ASSISTANT: Rating: [["
    given = len(AutoTokenizer.from_pretrained(folder)(prompt)["input_ids"])
    expected = [_naive(folder, prompt, option, given=given) for option in GRADES]

    assert found.option_probabilities == pytest.approx(expected, rel=1e-4)
    assert found.text == GRADES[expected.index(max(expected))]
    assert found.prompt_tokens == given
    assert found.completion_tokens == 0


def test_a_token_across_the_end_of_the_prompt_counts_for_the_option(folder):
    """`[` and `[` are one token when the model writes them, so they are read as one."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompt, options = "USER: Hi ASSISTANT: Verdict: [", ("[A", "B")
    tokens, merged = (tokenizer(text)["input_ids"] for text in (prompt, prompt + options[0]))
    given = next(place for place, token in enumerate(tokens) if token != merged[place])
    (found,) = ask(model(folder), _grading(prefill=" Verdict: [", options=options))
    expected = [_naive(folder, prompt, option, given=given) for option in options]

    assert found.option_probabilities == pytest.approx(expected, rel=1e-4)
    assert found.prompt_tokens == given < len(tokens)


def test_what_prompts_share_is_read_once_and_changes_nothing(folder):
    """The judge's instruction and the question begin many prompts."""
    texts = ("Write about Hawaii. Aloha!", "Write about Hawaii. The dog.", "Write about it.")
    together = ask(model(folder), *map(_grading, texts), _grading(texts[0]))
    alone = [ask(model(folder), _grading(text))[0] for text in texts]

    for among, by_itself in zip(together, alone, strict=False):
        assert among.option_probabilities == pytest.approx(by_itself.option_probabilities, rel=1e-4)
    assert sorted(each.cached_tokens > 0 for each in together) == [False, True, True, True]
    assert all(each.cached_tokens == 0 for each in alone)


def test_prompts_are_read_in_the_order_in_which_they_share_most(folder):
    """Every pair of four answers in both orders: no beginning that two prompts share is read twice.

    Nor does it matter to the probabilities, to the precision in which they are computed.
    """
    answers = ("Aloha!", "The dog jumps over it.", "It lies far out.", "Rating: 9 times.")
    texts = [f"Write about Hawaii. A: {a} B: {b}" for a, b in permutations(answers, 2)]
    random.Random(0).shuffle(texts)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompts = [tokenizer(f"USER: {text} ASSISTANT: Rating: [[")["input_ids"] for text in texts]
    together = ask(model(folder), *map(_grading, texts))
    alone = [ask(model(folder), _grading(text))[0] for text in texts]

    beginnings = {tuple(prompt[:end]) for prompt in prompts for end in range(1, len(prompt) + 1)}
    read = sum(each.prompt_tokens - each.cached_tokens for each in together)
    assert read == len(beginnings) < 0.6 * sum(map(len, prompts))
    for among, by_itself in zip(together, alone, strict=True):
        assert among.option_probabilities == pytest.approx(by_itself.option_probabilities, abs=1e-5)


def test_options_that_exclude_each_other_have_at_most_all_the_probability(folder):
    """The figures are absolute: what goes to other texts is missing from them."""
    (found,) = ask(model(folder), _grading(options=("A", "B", "C")))

    assert 0 < sum(found.option_probabilities) < 1


def test_text_and_options_can_be_asked_at_once(folder):
    """A judge that shares the candidates' weights does not disturb them."""
    writing = request(sampling=Sampling(max_tokens=20))
    (read,), (written,) = ask(model(folder), _grading()), ask(model(folder), writing)
    *several, graded = ask(model(folder), writing, writing, _grading())

    assert [each.text for each in several] == [written.text] * 2
    assert graded.option_probabilities == pytest.approx(read.option_probabilities, rel=1e-4)


def test_a_prompt_that_does_not_fit_is_refused(folder):
    """A judge that saw half an answer would judge another answer."""
    (refused,) = ask(model(folder, context_length=32), _grading("Write about Hawaii. " * 20))

    assert isinstance(refused, ContextLengthError)
