"""The sentences of refusals, in the forms of servers, and the place in the request they are about."""

from __future__ import annotations

import json

import pytest

from evalharness.backends.openai.error_reply import summarize_error_reply
from evalharness.backends.openai.refusals.sentences import iterate_sentences

EXTRA = {"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs", "input": "i"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"detail": [EXTRA]}, [("Extra inputs", ("seed",))]),
        ({"object": "error", "message": {"detail": [EXTRA]}}, [("Extra inputs", ("seed",))]),
        ({"error": {"message": {"detail": [EXTRA]}}}, [("Extra inputs", ("seed",))]),
        ({"message": [EXTRA]}, [("Extra inputs", ("seed",))]),
        ({"error": {"message": json.dumps({"detail": [EXTRA]})}}, [("Extra inputs", ("seed",))]),
        ({"error": {"message": repr([EXTRA])}}, [("Extra inputs", ("seed",))]),
        (
            {"error": {"message": f"BadRequestError - {json.dumps({'error': EXTRA})}"}},
            [("BadRequestError -", ()), ("Extra inputs", ("seed",))],
        ),
        (
            {"error": {"message": "Wrong", "metadata": {"raw": json.dumps({"error": EXTRA})}}},
            [("Wrong", ()), ("Extra inputs", ("seed",))],
        ),
        (
            {"error": {"message": "One. Two.", "param": "messages[0].role"}},
            [("One.", ("messages", "0", "role")), ("Two.", ("messages", "0", "role"))],
        ),
        ({"error": {"code": "bad", "param": "seed"}}, [("seed", ("seed",))]),
        ({"errors": {"seed": ["is not allowed"]}}, [("is not allowed", ("seed",))]),
        (
            {"errors": [{"detail": "No such field", "source": {"pointer": "/seed"}}]},
            [("No such field", ("seed",))],
        ),
        (
            [{"error": {"details": [{"fieldViolations": [{"field": "a.seed", "description": "D"}]}]}}],
            [("D", ("a", "seed"))],
        ),
        (
            {"message": "1 validation error\nseed\n  Extra inputs [type=extra_forbidden]"},
            [
                ("1 validation error", ()),
                ("seed", ("seed",)),
                ("Extra inputs [type=extra_forbidden]", ("seed",)),
            ],
        ),
        ({"error": "Bad Request", "path": "/v1/chat"}, [("Bad Request", ())]),
        ({"message": "expected {'a': 1}"}, [("expected {'a': 1}", ())]),
        ("plain words", [("plain words", ())]),
        ({"request": {"message": "ours", "seed": "is not allowed"}}, []),
    ],
)  # fmt: skip
def test_words_and_places_are_found_in_every_form(said, expected):
    """What a server repeats of our request is not among them."""
    content = said.encode() if isinstance(said, str) else json.dumps(said).encode()

    assert [tuple(sentence) for sentence in iterate_sentences(content)] == expected


def test_a_sentence_without_the_name_of_its_field_is_quoted_with_it():
    """The user reads which field is meant."""
    place = {"loc": ["body", "response_format", "type"], "msg": "Input should be 'text'"}
    other = {"loc": ["body", "seed"], "msg": "The seed is unknown"}
    content = json.dumps({"detail": [place, other]}).encode()

    texts = [str(sentence) for sentence in iterate_sentences(content)]

    assert texts == ["response_format.type: Input should be 'text'", "The seed is unknown"]


@pytest.mark.parametrize(
    "content", [b"[" * 5000, b'{"message":' * 5000, b"\xff [{'a", b"", b"null"]
)
def test_a_reply_that_is_no_structure_is_no_crash(content):
    """The failure of the call is what the user is to see."""
    assert len(list(iterate_sentences(content))) <= 1
    assert summarize_error_reply(content, None) is not None
