"""Replies made up: by a test's function, or from a hash."""

from __future__ import annotations

import asyncio
import json

import pytest
from endpoint_model import request

from evalharness.backends import ScriptedBackend, find_backend
from evalharness.domain import Completion, JudgePrompt, JudgmentKind, ModelSpec, Sampling
from evalharness.errors import PermanentError
from evalharness.judge import FIVE_LEVEL_MARKS, build_reply_schema

PAIRWISE = "Give your verdict as [[A]], [[B]] or [[C]]."
GRADED = "Grade the answer. Give your grade as [[n]]."


def _connected(name="vicuna-13b"):
    return find_backend("scripted").connect(ModelSpec(name=name, backend="scripted"))


def _ask(backend, *requests):
    async def ask_all():
        return [await backend.complete(each) for each in requests]

    return asyncio.run(ask_all())


def test_a_function_decides_what_is_replied_and_every_request_is_kept():
    """Tests say in one line what a model does, and count what it was asked."""
    completion = Completion(text="cut", finish_reason="length")
    replies = iter(["Aloha.", completion, PermanentError("no", reason="http_404")])
    backend = ScriptedBackend(lambda _request: next(replies))
    first, second, third = request("one"), request("two"), request("three")

    assert _ask(backend, first, second) == [Completion(text="Aloha."), completion]
    with pytest.raises(PermanentError):
        _ask(backend, third)
    assert backend.requests == [first, second, third]


def test_the_configured_backend_replies_the_same_to_the_same():
    """A run without any model can be repeated."""
    assert _ask(_connected(), request("one")) == _ask(_connected(), request("one"))


def test_models_questions_seeds_and_samples_differ():
    """What would differ between real models differs here, or a test of it would prove nothing."""
    texts = [
        _ask(_connected("vicuna-13b"), request("one"))[0].text,
        _ask(_connected("alpaca-7b"), request("one"))[0].text,
        _ask(_connected(), request("two"))[0].text,
        _ask(_connected(), request("one", sampling=Sampling(seed=1)))[0].text,
        _ask(_connected(), request("one", sample=1))[0].text,
    ]

    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("prompt", "marks"),
    [
        (PAIRWISE, {"[[A]]", "[[B]]", "[[C]]"}),
        (
            "[[A>>B]], [[A>B]], [[A=B]], [[B>A]] or [[B>>A]]; double brackets",
            {"[[A>>B]]", "[[A>B]]", "[[A=B]]", "[[B>A]]", "[[B>>A]]"},
        ),
        ('"[[A]]" if A is better, "[[B]]" if B is better', {"[[A]]", "[[B]]"}),
        (GRADED, {f"[[{score}]]" for score in range(1, 11)}),
        ('in this format: "[[rating]]", for example: "Rating: [[5]]"', None),
        ("Reply with the rating in double brackets.", None),
    ],
)
def test_a_judges_prompt_is_given_every_verdict_that_it_allows_and_no_other(prompt, marks):
    """A run judged by this backend has something to rate, and nothing unscored."""
    asked = [request(f"{prompt} {number}") for number in range(200)]

    found = {reply.text.rpartition(": ")[2] for reply in _ask(_connected(), *asked)}

    assert found == (marks or {f"[[{score}]]" for score in range(1, 11)})


def test_other_prompts_are_given_no_verdict():
    """Lists inside lists are no reason to grade."""
    [reply] = _ask(_connected(), request("Flatten [[1, 2], [3]] in Python."))

    assert "[[" not in reply.text


def test_a_schema_gets_json_that_matches_it():
    """A judge asked for JSON gives every decision there is, and nothing unreadable."""
    prompt = JudgePrompt(
        name="p", kind=JudgmentKind.PAIRWISE, system="", template="", five_levels=True
    )
    asked = [request(f"{number}", schema=build_reply_schema(prompt)) for number in range(100)]

    replies = [json.loads(reply.text) for reply in _ask(_connected(), *asked)]

    assert all(reply.keys() == {"reasons", "verdict"} for reply in replies)
    assert {reply["verdict"] for reply in replies} == set(FIVE_LEVEL_MARKS)


def test_options_get_probabilities_and_agree_with_the_text():
    """Both ways to read a judge lead to the same decision."""
    options = ("A", "B", "C")
    [read, written] = _ask(_connected(), request(PAIRWISE, options=options), request(PAIRWISE))

    likeliest = options[read.option_probabilities.index(max(read.option_probabilities))]
    assert sum(read.option_probabilities) == pytest.approx(0.95)
    assert written.text.endswith(f"[[{likeliest}]]")
