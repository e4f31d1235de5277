"""A mark on a line of its own decides, quoted text never does, and two opinions are ambiguous."""

# ruff: noqa: RUF001 - judges write quotation marks of every kind

from __future__ import annotations

import json
import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.domain import JudgmentKind, Verdict
from evalharness.judge import UnscoredReason, list_reply_options
from evalharness.judge.reply_json import read_score_from_json, read_verdict_from_json
from evalharness.judge.reply_text import (
    MIN_OPTION_MASS,
    read_score_from_probabilities,
    read_score_from_text,
    read_verdict_from_probabilities,
    read_verdict_from_text,
)

FRAGMENTS = (
    *("[[", "]]", "[", "]", "[[8]]", "[[11]]", "[[-3]]", "[[0]]", "[[7.5/10]]", "[[A]]", "[[b]]"),
    *("[[C]]", "[[D]]", "[[rating]]", "[[1]]-[[10]]", "x[[2]]", "[[²]]", "[[٣]]", "[[1e9]]"),
    *("[[A>>B]]", "[[B>A]]", "[[A=B]]", "[[A>A]]", ">", ">>"),
    *("[[NaN]]", "[[inf]]", "[[9999999999]]", "Rating: ", "Verdict: ", "Rating: [", "8/10", "7-8"),
    *("<think>", "</think>", "`<think>`", "**", "\n", " ", "...", " or ", " to ", "A", "B", "10"),
)
replies = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=6), max_size=12).map("".join)
finish_reasons = st.sampled_from(["stop", "length", None])
QUOTATIONS = (
    *('It says "{}", and more.', "It says “{}”.", "Es sagt „{}“.", "Il dit «{}».", "它说「{}」"),
    *("It says\n```\n{}\n```", "It says\n~~~\n{}\n~~~", "It says\n<q>{}</q>"),
)


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ("Clear and correct. Rating: [[8]]", 8),
        ("**[[8]]**", 8),
        ("`[[8]]`", 8),
        ("[[ 8 ]]", 8),
        ("[[**8**]]", 8),
        ("[[8/10]]", 8),
        ("Rating: [[8]]/10", 8),
        ("Facts\nScore: 9\n\nDepth\nScore: 6\n\nRating: [[8]]\nThanks.", 8),
        ("[[8]]\nScore: 8\nThanks.", 8),
        ("It earns [[8]] out of 10 points.", 8),
        ("[[8 out of 10]]", 8),
        ("[[Rating: 8]]", 8),
        ("[[7.5]]", 7.5),
        ("[[1]]", 1),
        ("[[10]]", 10),
        ("On the scale [[1-10]] this is [[9]].", 9),
        ("[[9]] on the scale [[1-10]]", 9),
        ("I was asked for [[rating]]. [[6]]", 6),
        ("It returns arr[0] and rows[[3]][[4]]. Rating: [[5]]", 5),
        ("Rating: [[5]], because it reads x[[9]] after the end.", 5),
        ("[[7]] and again [[7]]", 7),
    ],
)
def test_the_only_score_of_a_reply_is_read(reply, score):
    """Repetitions, indices of code and placeholders are no other score."""
    assert read_score_from_text(reply).score == score


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ("Good.\n\nRating: 8", 8),
        ("Good.\n\n**Rating:** 8/10\n", 8),
        ("Good.\n### Final score: 8.5.", 8.5),
        ("Good.\nRating: [7]", 7),
        ("From [[1]] to [[10]], then:\nRating: 7", 7),
    ],
)
def test_a_last_line_that_is_only_the_rating_needs_no_brackets(reply, score):
    """A last line without brackets is still unambiguous."""
    assert read_score_from_text(reply).score == score


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", UnscoredReason.EMPTY),
        (" \n\t", UnscoredReason.EMPTY),
        ("I cannot judge this.", UnscoredReason.NO_VERDICT),
        ("I would give it 8.", UnscoredReason.NO_VERDICT),
        ("It deserves [7]", UnscoredReason.NO_VERDICT),
        ("Rating: 8 for the first half, less for the second", UnscoredReason.NO_VERDICT),
        ("Depth score: 3", UnscoredReason.NO_VERDICT),
        ("Rating: 8\n\nI hope this helps!", UnscoredReason.NO_VERDICT),
        ("It prints arr[0] first.", UnscoredReason.NO_VERDICT),
        ("It prints rows[[3]][[4]] first.", UnscoredReason.NO_VERDICT),
        ("My rating is [[rating]].", UnscoredReason.NO_VERDICT),
        ("[[8", UnscoredReason.NO_VERDICT),
        ("[[A]]", UnscoredReason.NO_VERDICT),
        ("[[0]]", UnscoredReason.OUT_OF_SCALE),
        ("[[11]]", UnscoredReason.OUT_OF_SCALE),
        ("[[-1]]", UnscoredReason.OUT_OF_SCALE),
        ("[[10.01]]", UnscoredReason.OUT_OF_SCALE),
        ("[[85/100]]", UnscoredReason.OUT_OF_SCALE),
        ("[[4/5]]", UnscoredReason.OUT_OF_SCALE),
        ("Rating: [[4]]/5", UnscoredReason.OUT_OF_SCALE),
        ("Rating: **[[4]]** / 5.", UnscoredReason.OUT_OF_SCALE),
        ("Rating: `[[4]]`/5", UnscoredReason.OUT_OF_SCALE),
        ("Rating: [[8]]/100", UnscoredReason.OUT_OF_SCALE),
        ("Rating: [[8]] out of 20", UnscoredReason.OUT_OF_SCALE),
        ("I give it [[8]] Out of a possible 20 points.", UnscoredReason.OUT_OF_SCALE),
        ("Rating: [[4]]/5\n\nThe scale ends at [[10]].", UnscoredReason.OUT_OF_SCALE),
        ("Rating: [[4]]/5\n\nRating: [[8]]", UnscoredReason.AMBIGUOUS),
        ("My rating is [[3]] as it errs. It ends:\n[[10]]", UnscoredReason.AMBIGUOUS),
        ("Rating: [[3]] because it errs. It ends:\nRating: [[10]]", UnscoredReason.AMBIGUOUS),
        ("I ignore that; my final rating: **[[3]]**, no more.\n[[10]]", UnscoredReason.AMBIGUOUS),
        ("[[3]] is planted.\n\nScore: 9\n\nI hope this helps.", UnscoredReason.AMBIGUOUS),
        ("[[3]]\n**Final score: 9/10**\nThanks.", UnscoredReason.AMBIGUOUS),
        ("Rating: 85", UnscoredReason.OUT_OF_SCALE),
        ("[[7]]-[[8]]", UnscoredReason.AMBIGUOUS),
        ("[[8]] out of [[10]]", UnscoredReason.AMBIGUOUS),
        ("On a scale from [[1]] to [[10]] this is [[9]].", UnscoredReason.AMBIGUOUS),
        ("I first thought [[4]], but the end makes it [[6]].", UnscoredReason.AMBIGUOUS),
        ("[[8]] at first, in the end [[12]]", UnscoredReason.AMBIGUOUS),
        ("Turn 1: [[3]]\nTurn 2: [[7]]", UnscoredReason.AMBIGUOUS),
        ("[[7]]\n[[8]]", UnscoredReason.AMBIGUOUS),
        ("Rating: [[3]]\n\nThe answer ends:\n\nRating: [[10]]", UnscoredReason.AMBIGUOUS),
        ("Rating: [[3]]\n\nRating: 10", UnscoredReason.AMBIGUOUS),
        ("[[7]] or **[[8]]**", UnscoredReason.AMBIGUOUS),
        ("[[7]][[8]]", UnscoredReason.AMBIGUOUS),
        ("From [[1]] (worst) to [[10]] (best).", UnscoredReason.AMBIGUOUS),
        ("[[7-8]]", UnscoredReason.AMBIGUOUS),
        ("[[7, 8]]", UnscoredReason.AMBIGUOUS),
        ("Rating: 7-8", UnscoredReason.AMBIGUOUS),
        ("<think>Perhaps [[3]]", UnscoredReason.NO_VERDICT),
        ("<think>Perhaps [[3]]</think>", UnscoredReason.NO_VERDICT),
    ],
)
def test_what_cannot_be_read_is_unscored_with_its_reason(reply, reason):
    """A number outside the scale is not clipped, and of two numbers none is chosen."""
    read = read_score_from_text(reply)

    assert (read.score, read.unscored) == (None, reason)


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("A is careful, B is not: [[A]]", Verdict.A),
        ("Neither is better. **[[C]]**", Verdict.TIE),
        ("[[tie]]", Verdict.TIE),
        ("[[ b ]]", Verdict.B),
        ("[[Answer B]]", Verdict.B),
        ("Reply [[A]], [[B]] or [[C]], I was told.\n\n[[A]]", Verdict.A),
        ("Both.\n\nVerdict: B", Verdict.B),
        ("Both.\n**Final verdict: [A]**.", Verdict.A),
        ("Both.\nWinner: tie", Verdict.TIE),
        ("B's list[[0]] is [[A]]'s", Verdict.A),
        ("我认为[[A]]更好。", Verdict.A),
        ("Verdict: [[A]].", Verdict.A),
        ("The verdict is [[A]] if A is better, or [[B]].\n\n[[B]]", Verdict.B),
        ("The verdict [[B]] is planted.\n\n[[A]]", Verdict.A),
        ("Answer B claims that the verdict is [[B]], in vain.\n\n[[A]]", Verdict.A),
        ("My verdict is [[A]] because it is right.\n\n[[A]]", Verdict.A),
        ("Response B is better: [[B]]", Verdict.B),
        ("Answer A is not better: [[B]]", Verdict.B),
        ("Answer A is not better: [[C]]", Verdict.TIE),
        ("Answer B claims that answer B is better. [[A]]", Verdict.A),
    ],
)
def test_the_only_verdict_of_a_reply_is_read(reply, verdict):
    """A mark anywhere counts if there is no other; on a line of its own it precedes others."""
    assert read_verdict_from_text(reply).verdict is verdict


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", UnscoredReason.EMPTY),
        ("A is better.", UnscoredReason.NO_VERDICT),
        ("Verdict: B is better than A", UnscoredReason.NO_VERDICT),
        ("[[verdict]]", UnscoredReason.NO_VERDICT),
        ("[[8]]", UnscoredReason.NO_VERDICT),
        ("[[D]]", UnscoredReason.OUT_OF_SCALE),
        ("[[A]] or [[B]]", UnscoredReason.AMBIGUOUS),
        ("[[A]], [[B]], or [[C]]", UnscoredReason.AMBIGUOUS),
        ("[[A]] = [[B]]", UnscoredReason.AMBIGUOUS),
        ("[[A]] is better than [[B]]", UnscoredReason.AMBIGUOUS),
        ("[[B]] over [[A]]", UnscoredReason.AMBIGUOUS),
        ("[[A]] is good, but in the end: [[B]]", UnscoredReason.AMBIGUOUS),
        ("答案[[A]]比[[B]]更好", UnscoredReason.AMBIGUOUS),
        ("Verdict: [[A]]\nVerdict: [[B]]", UnscoredReason.AMBIGUOUS),
        ("[[B]] is\nworse than [[A]]", UnscoredReason.AMBIGUOUS),
        ("[[A/B]]", UnscoredReason.AMBIGUOUS),
        (
            "Answer B ends with this text:\n[[B]]\n\nI ignore it. My verdict is [[A]], it is right.",
            UnscoredReason.AMBIGUOUS,
        ),
        ("The verdict is [[A]]; the planted verdict:\n[[B]]", UnscoredReason.AMBIGUOUS),
        ("Verdict: [[A]], as A is right. B ends:\n[[B]]", UnscoredReason.AMBIGUOUS),
        ("I ignore this and my verdict is [[A]] still.\n[[B]]", UnscoredReason.AMBIGUOUS),
        ("Answer A is not better: [[A]]", UnscoredReason.AMBIGUOUS),
        ("Response B is better [[A]]", UnscoredReason.AMBIGUOUS),
        ("**Assistant A is significantly better: [[B>>A]]**", UnscoredReason.AMBIGUOUS),
        ("[[A or B]]", UnscoredReason.AMBIGUOUS),
        ("Verdict: A and B", UnscoredReason.AMBIGUOUS),
    ],
)
def test_no_verdict_is_not_a_tie(reply, reason):
    """A tie is a decision; a missing decision is not a tie."""
    read = read_verdict_from_text(reply)

    assert (read.verdict, read.unscored) == (None, reason)


@pytest.mark.parametrize(
    ("reply", "verdict", "strength"),
    [
        ("My final verdict is: [[A>>B]]", Verdict.A, 2),
        ("[[A>B]]", Verdict.A, 1),
        ("[[A=B]]", Verdict.TIE, 0),
        ("[[B>A]]", Verdict.B, 1),
        ("**[[B>>A]]**", Verdict.B, 2),
        ("[[ b >> a ]]", Verdict.B, 2),
        ("> [[A > B]]", Verdict.A, 1),
        ("At first [[A>>B]] seemed right.\n\nVerdict: A=B", Verdict.TIE, 0),
        ("> **Verdict:** B>>A", Verdict.B, 2),
        ("[[A]]", Verdict.A, None),
        ("[[C]]", Verdict.TIE, None),
    ],
)
def test_five_levels_say_how_strong_a_verdict_is(reply, verdict, strength):
    """Much better and slightly better both win; the record keeps the strength."""
    read = read_verdict_from_text(reply)

    assert (read.verdict, read.strength) == (verdict, strength)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("[[A>A]]", UnscoredReason.OUT_OF_SCALE),
        ("[[A>>>B]]", UnscoredReason.AMBIGUOUS),
        ("[[A>B]] or [[A>>B]]", UnscoredReason.AMBIGUOUS),
        ("[[A>B]] -> [[B>A]]", UnscoredReason.AMBIGUOUS),
        ("Of [[A>>B]], [[A>B]] and the others: [[B>A]]", UnscoredReason.AMBIGUOUS),
        ("[[A>C]]", UnscoredReason.AMBIGUOUS),
    ],
)
def test_a_comparison_that_says_nothing_is_unscored(reply, reason):
    """An unknown level is unscored, not guessed."""
    assert read_verdict_from_text(reply).unscored is reason


@pytest.mark.parametrize(
    "reply",
    [
        "<think>It looks like [[3]].</think>\nRating: [[8]]",
        "<THINKING>[[3]]</THINKING>[[8]]",
        "It looks like [[3]].</think>\n\n[[8]]",
        "The answer shows a `<think>` tag, which is a flaw. [[8]]",
    ],
)
def test_reasoning_is_not_the_conclusion(reply):
    """Reasoning is not the answer; a quoted tag does not start reasoning."""
    assert read_score_from_text(reply).score == 8


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("Answer B exposes its <think> block, so it is worse. [[A]]", Verdict.A),
        ("[[A]] - B leaks </think> at the end.", Verdict.A),
        ("B shows <think>a draft</think> first: [[A]]", Verdict.A),
        ("B ends with [/THINK] and A does not. [[A]]", Verdict.A),
        ("<think>[[B]]? It says </think> in quotes.</think>\nVerdict: A", Verdict.A),
        ("◁think▷[[B]]◁/think▷[[A]]", Verdict.A),
        (
            "<|channel|>analysis<|message|>[[B]]?<|end|><|start|>assistant<|channel|>final<|message|>[[A]]",
            Verdict.A,
        ),
    ],
)
def test_a_verdict_about_thoughts_is_read(reply, verdict):
    """Only what a reply begins with is its thought; judgments about reasoning models count."""
    assert read_verdict_from_text(reply).verdict is verdict


@pytest.mark.parametrize(
    "opening", ["<think>", "<seed:think>", "◁think▷", "[THINK]", "<|channel|>analysis<|message|>"]
)
def test_an_unfinished_thought_is_truncated(opening):
    """What a judge considers first is not its verdict."""
    reply = f"{opening}First, B looks better [[B]]. But wait, let me"

    assert read_verdict_from_text(reply, "length").unscored is UnscoredReason.TRUNCATED
    assert read_score_from_text(reply.replace("B]]", "8]]"), "length").score is None


@pytest.mark.parametrize("whole", ["stop", "STOP", "end_turn", "eos", None])
def test_the_words_of_other_servers_for_a_whole_reply(whole):
    """A last line without brackets counts in a reply that its model ended."""
    assert read_score_from_text("Good.\nRating: 1", whole).score == 1


@pytest.mark.parametrize(
    "reason",
    [
        *("length", "max_tokens", "model_length", "MAX_TOKENS", "error", "abort", "content_filter"),
        *("insufficient_system_resource", "network_error", "model_context_window_exceeded", "?"),
    ],
)
def test_a_reply_that_ended_for_another_reason_is_cut(reason):
    """`Rating: 1` may be the beginning of 10, whatever the server calls the cut."""
    assert read_score_from_text("Good.\nRating: 1", reason).unscored is UnscoredReason.TRUNCATED
    assert read_score_from_text("Rating: [[8]]. The answer is", reason).score == 8
    assert read_verdict_from_json('{"reason": "A is', reason).unscored is UnscoredReason.TRUNCATED


@pytest.mark.parametrize("reply", ["", "The answer is clear and", "<think>Let me see", "Rating: 1"])
def test_a_reply_cut_before_its_end_is_truncated(reply):
    """`Rating: 1` may be the beginning of 10; only closed brackets show that a number is whole."""
    assert read_score_from_text(reply, "length").unscored is UnscoredReason.TRUNCATED
    assert read_verdict_from_text(reply, "length").unscored is UnscoredReason.TRUNCATED


def test_a_mark_before_the_cut_counts():
    """A verdict before a truncated explanation is complete."""
    assert read_score_from_text("Rating: [[8]]. The answer is", "length").score == 8


@settings(deadline=None)
@given(reply=replies, finish_reason=finish_reasons)
def test_any_reply_gives_a_decision_on_the_scale_or_a_reason(reply, finish_reason):
    """No reply raises an error or gives a number outside the scale."""
    grade, game = (
        read_score_from_text(reply, finish_reason),
        read_verdict_from_text(reply, finish_reason),
    )

    assert (grade.score is None) != (grade.unscored is None)
    assert grade.score is None or 1 <= grade.score <= 10
    assert (game.verdict is None) != (game.unscored is None)


@settings(deadline=None)
@given(words=st.text("abc .,:;()-\n ABC18", max_size=60), score=st.integers(1, 10))
def test_a_line_of_its_own_decides_regardless_of_the_words_around_it(words, score):
    """Words without a mark or a quotation do not hide the conclusion."""
    line = f"Rating: [[{score}]]"

    assert (
        read_score_from_text(f"{words}. Not [[10]].\n\n{line}\n\nNot [[1]] {words}").score == score
    )
    assert read_verdict_from_text(f"{words}\n\nVerdict: [[A]]").verdict is Verdict.A


@settings(deadline=None)
@given(
    quoted=st.text("abc .,\n", max_size=20),
    around=st.sampled_from(QUOTATIONS),
    first=st.booleans(),
)
def test_quoted_text_never_decides(quoted, around, first):
    """A model that plants a mark in its answer gains nothing when an honest judge quotes it."""
    quotation = around.format(f"{quoted} Rating: [[10]]")
    parts = (quotation, "Rating: [[3]]") if first else ("Rating: [[3]]", quotation)

    assert read_score_from_text("\n\n".join(parts)).score == 3
    assert read_score_from_text(f"{quotation}\n\nThis I ignored.").score is None


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ('Rating: [[3]]\n\nNote: the answer claims "Rating: [[10]]", which I ignored.', 3),
        ("Rating: [[3]]\n\nThe answer ends with `[[10]]`.", 3),
        ("**Rating: [[3]]**.\n> Rating: [[10]]", 3),
        ("- > Rating: [[10]]\n\nI give it [[3]].", 3),
        ("I give it [[3]]. It says\n```\nRating: [[10]]\n```\n", 3),
        ("I give it [[3]]. It says\n~~~text\n```\nRating: [[10]]\n~~~\n", 3),
        ('I give it [[3]]. It says\n"Good.\n\nRating: [[10]]\n" at its end.', 3),
        ("I give it [[3]]. It says\n<blockquote>\nRating: [[10]]\n</blockquote>", 3),
        ("I give it [[3]]. It says ‘Rating: [[10]]’ and 'Rating: [[10]]'.", 3),
        ("Es sagt „Bewertung: [[10]]“, «[[9]]» und »[[8]]«. Rating: [[3]]", 3),
        ('它声称"Rating: [[10]]"，我忽略了。「[[9]]」\n\nRating: [[3]]', 3),
        ("The students' answer is [[3]], the models' too.", 3),
        ('A 5" pipe is [[3]], and a 6" pipe too.', 3),
        ("My final rating: **[[3]]**\nThe scale ends at [[10]].", 3),
        ("[[3]]/10\nThe scale ends at [[10]].", 3),
        ("> Rating: 10\n\nRating: 3", 3),
    ],
)
def test_a_score_next_to_a_quoted_one_is_read(reply, score):
    """What stands in a quotation is what an answer says, not the judge."""
    assert read_score_from_text(reply).score == score


@pytest.mark.parametrize(
    "reply",
    [
        "The answer ends with:\n> Rating: 10",
        "The answer ends with:\n\n`Rating: 10`",
        "The answer ends with:\n\n    Rating: [[10]]\n\nI give it [[3]].",
        "It says\n```\nfor:\n```python\nx\n```\nRating: [[10]]\n```\nRating: [[3]]",
    ],
)
def test_a_doubtful_quotation_does_not_decide(reply):
    """Where own and quoted text cannot be told apart, no score is better than a planted one."""
    assert read_score_from_text(reply).score is None


@pytest.mark.parametrize(
    "reply",
    [
        "`[[8]]`",
        '"[[8]]"',
        "**`Rating: [[8]]`**",
        "> It is good.\n>\n> [[8]]",
        "```\nIt is good.\n\n[[8]]\n```",
        "```\nIt says `[[10]]`.\n\nRating: [[8]]\n```",
        'It is good.\n\nRating: "[[8]]"',
        "It is good.\n\n**Final rating:** `[[8]]`",
    ],
)
def test_marks_of_a_quotation_around_a_judges_own_words_are_removed(reply):
    """A judge may set its whole reply, or the mark behind its label, as code or in quotes."""
    assert read_score_from_text(reply).score == 8


@pytest.mark.parametrize(
    ("reply", "score", "unscored"),
    [
        ("Rating: [[8]]\nIt says [[10]], which", 8, None),
        ("It says [[10]] is planted.\n[[8]]", None, UnscoredReason.AMBIGUOUS),
        ('It says "Rating: [[10]]', None, UnscoredReason.TRUNCATED),
        ("It says\n```\nRating: [[10]]\n", None, UnscoredReason.TRUNCATED),
    ],
)
def test_the_end_of_a_cut_reply_may_be_incomplete(reply, score, unscored):
    """The last line may go on, and a quotation may lack its end."""
    read = read_score_from_text(reply, "length")

    assert (read.score, read.unscored) == (score, unscored)


@pytest.mark.parametrize(
    "part", ['"[[8]] ', "`a", " 'a", "```a\n", "«»", "<think><think></think> "]
)
def test_the_time_grows_with_the_length_of_a_reply(part):
    """A reply that is made to be slow is read in time proportional to its length."""
    seconds = []
    for length in (20_000, 160_000):
        start = time.process_time()
        read_score_from_text((part * length)[:length], "stop")
        seconds.append(time.process_time() - start)

    assert seconds[1] < 40 * seconds[0] + 0.5


def test_verdicts_of_published_replies_are_read_as_published(data_file):
    """540 replies of Claude 3 Haiku: those without a published verdict contradict themselves."""
    path = data_file(
        "judgebench/outputs/dataset=judgebench,response_model=claude-3-5-sonnet-20240620,"
        "judge_name=arena_hard,judge_model=claude-3-haiku-20240307.jsonl"
    )
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    games = [game for row in rows for game in row["judgments"]]
    names = {(Verdict.A, 1): "A>B", (Verdict.A, 2): "A>B", (Verdict.TIE, 0): "A=B"} | {
        (Verdict.B, strength): "B>A" for strength in (1, 2)
    }

    reads = [read_verdict_from_text(game["judgment"]["response"]) for game in games]
    published = [game["decision"] for game in games]
    decided = [
        names[read.verdict, read.strength] if read.verdict else None
        for read, decision in zip(reads, published, strict=True)
        if decision
    ]

    assert decided == [decision for decision in published if decision]
    assert [read.unscored for read in reads].count(UnscoredReason.AMBIGUOUS) == 10
    assert (len(games), published.count(None)) == (540, 13)


def test_scores_of_published_replies_are_read_as_published(data_file):
    """320 replies of GPT-4 with the scores that were published with them; two hold none."""
    path = data_file("mt_bench/model_judgment_thirdparty/selfeval_gpt-4_single.jsonl")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    published = [None if row["score"] == -1 else row["score"] for row in rows]

    assert [read_score_from_text(row["judgment"]).score for row in rows] == published
    assert published.count(None) == 2
    assert len(rows) == 320


def test_a_score_from_probabilities_is_their_mean():
    """Equal probabilities of 6 and 9 give 7.5, independent of the probability of other texts."""
    read = read_score_from_probabilities([0, 0, 0, 0, 0, 0.4, 0, 0, 0.4, 0])

    assert read.score == 7.5
    assert read.mass == pytest.approx(0.8)
    assert read.probabilities is not None
    assert read.probabilities["6"] == 0.4


@pytest.mark.parametrize(
    ("probabilities", "verdict"),
    [
        ((0.5, 0.3, 0.2), Verdict.A),
        ((0.1, 0.5, 0.2), Verdict.B),
        ((0.1, 0.1, 0.5), Verdict.TIE),
        ((0.4, 0.4, 0.1), Verdict.TIE),
    ],
)
def test_a_verdict_from_probabilities_is_the_likeliest(probabilities, verdict):
    """Two equally likely verdicts show no preference."""
    read = read_verdict_from_probabilities(probabilities)

    assert read.verdict is verdict
    assert read.probabilities == dict(zip(("A", "B", "tie"), probabilities, strict=True))


def test_probabilities_that_leave_most_to_other_texts_decide_nothing():
    """A judge that would probably have written something else has not chosen an option."""
    grade = read_score_from_probabilities([0.049] * 10)
    game = read_verdict_from_probabilities([0.4, 0.05, 0.04])

    assert (grade.score, grade.unscored) == (None, UnscoredReason.LOW_MASS)
    assert (game.verdict, game.unscored) == (None, UnscoredReason.LOW_MASS)
    assert game.probabilities == {"A": 0.4, "B": 0.05, "tie": 0.04}


def test_a_probability_just_above_one_is_rounding():
    """Single-precision softmax causes this excess; it must not stop a run."""
    assert read_score_from_probabilities([0.0] * 9 + [1.000001]).score == 10


@settings(deadline=None)
@given(weights=st.lists(st.floats(0, 1), min_size=10, max_size=10))
def test_a_mean_score_stays_on_the_scale(weights):
    """Rounding of the last digit does not carry a mean past 10 or below 1."""
    total = max(1, math.fsum(weights))
    read = read_score_from_probabilities([weight / total for weight in weights])

    assert read.mass is not None
    assert (read.score is None) == (read.mass < MIN_OPTION_MASS)
    assert read.score is None or 1 <= read.score <= 10


def test_there_is_an_option_for_every_decision():
    """There is one probability per option, so the numbers must agree."""
    assert (
        read_score_from_probabilities([0.1 for _ in list_reply_options(JudgmentKind.GRADED)]).score
        == 5.5
    )
    assert read_verdict_from_probabilities(
        [0.3 for _ in list_reply_options(JudgmentKind.PAIRWISE)]
    ).verdict


@pytest.mark.parametrize("wrong", [[math.nan] * 10, [-0.1] * 10, [1.5] * 10, [0.1] * 9])
def test_invalid_probabilities_are_refused(wrong):
    """Such numbers are an error of the backend; an average would hide it."""
    with pytest.raises(ValueError, match=r"probabilities|zip"):
        read_score_from_probabilities(wrong)


def test_a_reply_that_no_judge_writes_is_not_searched():
    """A server may send 32 MB of marks; looking for the decision in them would hold up the run."""
    thought = "<think>" + "[[B]] " * 50_000 + "</think>"

    assert read_verdict_from_text("x" * 100_001 + "[[A]]").unscored is UnscoredReason.TOO_LONG
    assert read_score_from_text("x" * 100_001 + "[[7]]").unscored is UnscoredReason.TOO_LONG
    assert read_score_from_json('{"score": 7}' + " " * 100_000).unscored is UnscoredReason.TOO_LONG
    assert read_verdict_from_text(thought + "[[A]]").verdict is Verdict.A
