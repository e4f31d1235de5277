"""Planted copies, names and repetitions are flagged; chance overlap is not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import answer, question
from random_runs import a_run, prose, with_texts

from evalharness.analysis import FlagKind, find_flags, list_flag_cautions
from evalharness.domain import Answer, RunRecords

COPY = prose("a text that is copied", 60)


def kinds(found):
    """Return the flags without their excerpts."""
    return [(flag.kind, flag.model, flag.question_id, flag.turn) for flag in found.flags]


def test_nothing_is_flagged_where_nothing_is_shared():
    """There are no cautions either."""
    found = find_flags(a_run())

    assert found.flags == found.twins == ()
    assert list(list_flag_cautions(found)) == []
    assert {row.share for row in found.overlaps} == {0.0}


def test_a_run_without_answers_has_no_flags():
    """It holds benchmarks only, or nothing yet."""
    assert find_flags(RunRecords(name="new")).flags == ()
    assert find_flags(replace(a_run(), answers=())).flags == ()


def test_an_answer_that_repeats_the_reference_is_flagged():
    """Changed case and punctuation and surrounding text do not hide the copy."""
    records = a_run()
    reference = records.questions[3].references[0]
    text = f"Sure! Here it is:\n\n**{reference.upper()}**\n\nAnything else?"
    found = find_flags(with_texts(records, {("two", "q3", 1): text}))
    (flag,) = found.flags

    assert kinds(found) == [(FlagKind.ANSWER_IN_REFERENCE, "two", "q3", 1)]
    assert (flag.words, flag.source) == (80, "reference")
    assert flag.share > 0.8
    assert flag.excerpt.startswith(reference.split()[0].upper())
    (row,) = [row for row in found.overlaps if row.model == "two"]
    assert (row.longest, row.typical, row.chance) == (80, 0, 0)
    assert row.share == pytest.approx(flag.share / 24, rel=0.1)  # of 24 turns


@pytest.mark.parametrize(
    "said",
    [
        "x = 12, so 12 apples are left",
        "C. A group of four girls has surrounded another girl and appears to have taken her bag",
        "No, the question does not contain any clues to determine where the White House is",
    ],
)
def test_a_right_answer_that_is_short_is_no_copy(said):
    """The question allows few other answers."""
    asked = question("q", turns=("How many?",), references=(said,))
    models = [answer(model, "q", texts=(said,)) for model in ("one", "two")]

    assert find_flags(RunRecords(name="r", questions=(asked,), answers=tuple(models))).flags == ()


def test_text_of_the_question_may_be_repeated():
    """This holds for answers of every model and for references."""
    asked = question("q", turns=(f"Correct this: {COPY}",), references=(f"Corrected: {COPY}",))
    models = [answer(model, "q", texts=(f"Here: {COPY}",)) for model in ("one", "two")]

    assert find_flags(RunRecords(name="r", questions=(asked,), answers=tuple(models))).flags == ()


def test_common_phrases_are_no_copies():
    """Examples are a refusal, a disclaimer and a closing phrase."""
    records = a_run()
    texts = {
        (own.model, own.question_id, 1): f"{COPY} {prose((own.model, own.question_id))}"
        for own in records.answers
    }

    assert find_flags(with_texts(records, texts)).flags == ()


def test_two_names_of_one_model_are_reported_with_their_share():
    """Answers are identical, alike, or share long runs; each pair has one record."""
    records = a_run()
    texts = {}
    for number in range(8):
        same = prose(("same", number))
        texts["one", f"q{number}", 1] = same
        texts["three", f"q{number}", 1] = (
            same if number < 5 else same.upper() if number < 7 else f"{same} {prose('more', 20)}"
        )
    found = find_flags(with_texts(records, texts))
    (pair,) = found.twins

    assert (pair.model_a, pair.model_b) == ("one", "three")
    assert (pair.compared, pair.identical, pair.alike, pair.overlapping) == (24, 5, 2, 1)
    assert pair.share == pytest.approx(8 / 24)
    assert {flag.kind for flag in found.flags} == {FlagKind.SAME_ANSWER}
    assert len(found.flags) == 8
    assert list(list_flag_cautions(found)) == []


def test_models_with_mostly_equal_answers_bring_a_caution():
    """A reader must know it before comparing their ratings."""
    records = a_run()
    texts = {
        ("two", own.question_id, turn): own.turns[turn - 1].text
        for own in records.answers
        if own.model == "one" and own.question_id != "q0"
        for turn in (1, 2)
    }
    (said,) = list_flag_cautions(find_flags(with_texts(records, texts)))

    assert said.startswith("one and two gave the same answer in 92% of 24 turns")


def test_three_models_alike_are_three_pairs():
    """Of equal answers the first stands for all; the pairs are counted in full."""
    records = a_run()
    texts = {
        (model, own.question_id, 1): prose(("all", own.question_id))
        for own in records.answers
        for model in ("one", "two", "three")
    }
    found = find_flags(with_texts(records, texts))

    assert [(pair.identical, pair.compared) for pair in found.twins] == [(12, 24)] * 3
    assert len(found.flags) == 24  # each beside the first


def test_a_few_answers_alike_are_what_questions_bring_about():
    """A list that the question determines, in two turns of twenty-four."""
    records = a_run()
    texts = {(model, f"q{n}", 1): prose(n) for n in (1, 2) for model in ("one", "two")}

    assert find_flags(with_texts(records, texts)).flags == ()


def test_one_reply_to_several_questions_is_flagged():
    """A cached endpoint causes it; the letter of a multiple-choice answer is no such reply."""
    records = a_run()
    texts = {("one", f"q{number}", 1): "Sorry, I cannot help." for number in range(4)}
    texts |= {("two", f"q{number}", 2): COPY for number in range(2)}
    texts |= {("three", f"q{number}", 1): "D" for number in range(9)}
    found = find_flags(with_texts(records, texts))

    assert {(kind, model) for kind, model, *_ in kinds(found)} == {
        (FlagKind.SAME_REPLY, "one"),
        (FlagKind.SAME_REPLY, "two"),
    }
    assert [flag.source for flag in found.flags] == ["4 questions"] * 4 + ["2 questions"] * 2
    assert list(list_flag_cautions(found)) == [
        "one gave the same reply to several questions in 4 of 24 turns"
    ]


def test_one_reply_to_questions_of_equal_text_is_no_flag():
    """A greedy model says the same when it is asked the same; data sets repeat questions."""
    asked = {"1": "Add these.", "2": "Add these.", "3": "Multiply these."}

    def list_sources(*question_ids):
        records = RunRecords(
            name="run",
            questions=tuple(question(each, turns=(asked[each],)) for each in question_ids),
            answers=tuple(answer("one", each, texts=(COPY,)) for each in question_ids),
        )
        return [(flag.kind, flag.source) for flag in find_flags(records).flags]

    assert list_sources("1", "2") == []
    assert list_sources("1", "2", "3") == [(FlagKind.SAME_REPLY, "2 questions")] * 3


def test_empty_answers_are_flagged():
    """A judge grades empty answers like any other."""
    found = find_flags(with_texts(a_run(), {("two", "q5", 1): " \n", ("two", "q6", 2): ""}))

    assert kinds(found) == [(FlagKind.EMPTY, "two", "q5", 1), (FlagKind.EMPTY, "two", "q6", 2)]


def test_a_name_is_its_own_or_anothers_by_the_configuration():
    """By the model's name, and by its family where the name says nothing."""
    mine = {"name": "mine", "family": "vicuna"}
    records = a_run(models=("gpt-4", "mine", "alpaca-7b"), mine=mine)
    said = "I am ChatGPT, a large language model trained by OpenAI."
    texts = {(model, "q1", 1): f"{prose(model)} {said}" for model in ("gpt-4", "alpaca-7b")}
    texts["mine", "q2", 2] = "You can call me Vicuna, as I am an AI assistant."
    found = find_flags(with_texts(records, texts))

    assert kinds(found) == [
        (FlagKind.NAMES_ITSELF, "gpt-4", "q1", 1),
        (FlagKind.NAMES_ANOTHER, "alpaca-7b", "q1", 1),
        (FlagKind.NAMES_ITSELF, "mine", "q2", 2),
    ]
    assert [flag.excerpt for flag in found.flags[:2]] == [said, said]
    assert [flag.source for flag in found.flags] == ["ChatGPT", "ChatGPT", "Vicuna"]


@pytest.mark.parametrize("loop", ["a ", "it goes on and on and ", "I am ", "my name is the "])
def test_looping_answers_take_little_time_and_memory(loop):
    """Every place of a loop is equal to every other, in each of the answers."""
    endless = {(model, "q1", 1): f"{model} {loop * 30_000}" for model in ("one", "two")}

    assert find_flags(with_texts(a_run(), endless)).flags == ()


def test_a_lone_surrogate_can_be_written():
    """JSON can contain it, a UTF-8 file cannot."""
    said = "I am ChatGPT \ud83d by OpenAI."
    (flag,) = find_flags(with_texts(a_run(), {("one", "q1", 1): said})).flags

    assert flag.excerpt == "I am ChatGPT ? by OpenAI."


def test_only_equal_samples_are_compared():
    """Answers to questions that the run does not hold are searched too."""
    texts = [prose("x"), prose("y")]
    answers = tuple(
        Answer(
            question_id=f"gone{number}",
            model=model,
            sample=sample,
            turns=answer(texts=(f"{texts[0]} {number}",)).turns,
            digest=f"{model}{number}{sample}",
        )
        for number in range(3)
        for model, sample in (("one", 0), ("two", 1))
    )

    assert not [
        f for f in find_flags(RunRecords(name="r", answers=answers)).flags if f.model == "two"
    ]
