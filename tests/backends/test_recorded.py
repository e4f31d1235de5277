"""Answers from files: a run's own, and MT-bench's."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import msgspec
import pytest
from builders import answer, model_spec
from endpoint_model import request

from evalharness.backends import find_backend
from evalharness.domain import ModelSpec
from evalharness.errors import ConfigError, InputError, PermanentError

MT_BENCH = {
    "question_id": 81,
    "answer_id": "cV4zXygaNP6CXEsgdHMEqz",
    "model_id": "vicuna-13b-v1.3",
    "choices": [
        {"index": 0, "turns": ["Aloha.", "A day on the beach."]},
        {"index": 1, "turns": ["Mahalo.", "A night on the beach."]},
    ],
    "tstamp": 1687228728.1,
}


def _spec(path, **settings):
    return model_spec("recorded", name="vicuna-13b", answers=str(path), **settings)


def _reply(path, question_id, **settings):
    backend = find_backend("recorded").connect(_spec(path))
    return asyncio.run(backend.complete(request(question_id=question_id, **settings)))


@pytest.fixture
def file(tmp_path):
    """A file that a test fills."""
    return tmp_path / "answers.jsonl"


def test_a_runs_answers_come_back_as_they_were_given(file):
    """A run can be judged anew without asking its models again."""
    rows = [
        answer("alpaca-7b", texts=("No.", "No.")),
        answer("vicuna-13b", texts=("Aloha.", "A day on the beach."), finish_reason="length"),
        answer("vicuna-13b", texts=("Mahalo.", "Bye."), sample=1),
    ]
    file.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))

    second = _reply(file, "81", turn=2)

    assert second.text == "A day on the beach."
    assert second.finish_reason == "length"
    assert second.completion_tokens == rows[1].turns[1].usage.completion_tokens
    assert _reply(file, "81", sample=1).text == "Mahalo."


def test_mt_bench_answers_are_found_whatever_their_model_id_says(file):
    """There the file's name tells the model, and choices are samples."""
    file.write_text(json.dumps(MT_BENCH))

    assert _reply(file, "81", turn=2).text == "A day on the beach."
    assert _reply(file, "81", turn=1, sample=1).text == "Mahalo."


def test_the_later_of_two_answers_holds(file):
    """Files that were appended to read as their own tools read them."""
    rows = [answer(texts=("Draft.",)), answer(texts=("Final.", "Done."))]
    file.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))

    assert _reply(file, "81").text == "Final."


def _fingerprint(path, **settings):
    return find_backend("recorded").compute_fingerprint(_spec(path, **settings))


def test_what_a_file_says_of_a_model_is_what_the_model_is(file):
    """The order of the lines and other models' answers make no difference, any other text does."""
    rows = [answer("vicuna-13b", name, texts=("Aloha.", "Bye.")) for name in ("1", "2")]
    others = [answer("alpaca-7b", "1")]

    def write(*content):
        file.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in content))
        return _fingerprint(file)

    before = write(*rows, *others)
    said = rows[1].turns[0]
    changed = [
        dataclasses.replace(rows[1], turns=(dataclasses.replace(said, **new), rows[1].turns[1]))
        for new in ({"text": "Aloha!"}, {"reasoning": "Hm."}, {"finish_reason": "length"})
    ]

    assert write(*reversed(rows)) == before
    assert write(rows[0]) != before
    assert len({before, *(write(rows[0], row) for row in changed)}) == 4
    assert _fingerprint(file.with_name("absent")) is None


def test_the_thoughts_in_recorded_answers_are_apart(file):
    """Files of other tools hold them in the text."""
    thoughtful = MT_BENCH | {"choices": [{"turns": ["<think>Hm.</think>\n\nAloha.", "Bye."]}]}
    file.write_text(json.dumps(thoughtful))

    first = _reply(file, "81")

    assert (first.text, first.reasoning) == ("Aloha.", "Hm.")
    assert _reply(file, "81", turn=2).reasoning is None


@pytest.mark.parametrize("asked", [{"question_id": "82"}, {"turn": 3}, {"sample": 2}])
def test_what_was_not_recorded_is_refused(file, asked):
    """A missing answer is a failure, not an empty text."""
    file.write_text(json.dumps(MT_BENCH))

    with pytest.raises(PermanentError) as caught:
        _reply(file, **{"question_id": "81", **asked})

    assert caught.value.reason == "not_recorded"


def test_recorded_answers_have_no_probabilities(file):
    """They cannot serve as a judge that is read by them."""
    file.write_text(json.dumps(MT_BENCH))

    with pytest.raises(PermanentError, match="probabilities"):
        _reply(file, "81", options=("A", "B"))


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b'{"question_id": 81, "choi', ":2: "),
        (b'{"question_id": 81, "choices": [{"turns": [1]}]}', ":2: "),
        (b'{"question_id": 81}', ":2: .*choices"),
        (b'{"choices": []}', ":2: .*question_id"),
        (b'{"question_id": 81, "choices": [{"turns": ["\xff"]}]}', ":2: "),
    ],
)
def test_a_line_that_cannot_be_read_is_named(file, content, place):
    """Half a file is never taken for the whole."""
    file.write_bytes(json.dumps(MT_BENCH).encode() + b"\n" + content)

    with pytest.raises(InputError, match=place):
        _reply(file, "81")


def test_a_byte_order_mark_is_read_and_utf_16_is_refused_with_the_remedy(file):
    """Editors that add a mark do not show it."""
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(MT_BENCH).encode())
    marked = _reply(file, "81")
    file.write_bytes(json.dumps(MT_BENCH).encode())

    assert marked == _reply(file, "81")
    file.write_bytes(json.dumps(MT_BENCH).encode("utf-16"))
    with pytest.raises(InputError, match="UTF-16; save it as UTF-8"):
        _reply(file, "81")


def test_a_file_of_other_models_says_whose_it_is(file):
    """The name to set is in the message."""
    file.write_bytes(msgspec.json.encode(answer("alpaca-7b")))

    with pytest.raises(InputError, match="it holds alpaca-7b"):
        _reply(file, "81")


def test_a_file_that_is_not_there_is_missing_before_the_run(tmp_path, file):
    """`plan` and `run` say it before anything is done."""
    recorded = find_backend("recorded")
    file.write_text(json.dumps(MT_BENCH))

    assert "names no file" in recorded.explain_missing(
        ModelSpec(name="vicuna-13b", backend="recorded")
    )
    assert "there is no file" in recorded.explain_missing(_spec(tmp_path / "none.jsonl"))
    assert recorded.explain_missing(_spec(file)) is None
    with pytest.raises(ConfigError):
        recorded.connect(_spec(tmp_path / "none.jsonl"))
