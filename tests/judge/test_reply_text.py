"""Replies are read by their last statement; a decision off the scale is unscored."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.domain import JudgmentKind, Verdict
from evalharness.judge import UnscoredReason, list_reply_options
from evalharness.judge.reply_json import read_verdict_from_json
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


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ("Clear and correct. Rating: [[8]]", 8),
        ("**[[8]]**", 8),
        ("`[[8]]`", 8),
        ("[[ 8 ]]", 8),
        ("[[**8**]]", 8),
        ("[[8/10]]", 8),
        ("[[8 out of 10]]", 8),
        ("[[Rating: 8]]", 8),
        ("[[7.5]]", 7.5),
        ("[[1]]", 1),
        ("[[10]]", 10),
        ("On a scale from [[1]] to [[10]] this is [[9]].", 9),
        ("scale [[1]]-[[10]] ... [[9]]", 9),
        ("On the scale [[1-10]] this is [[9]].", 9),
        ("[[9]] on the scale [[1-10]]", 9),
        ("I first thought [[4]], but the second half makes it [[6]].", 6),
        ("I was asked for [[rating]]. [[6]]", 6),
        ("It returns arr[0] and rows[[3]][[4]]. Rating: [[5]]", 5),
        ("Rating: [[5]], because it reads x[[9]] after the end.", 5),
        ("Turn 1: [[3]]\nTurn 2: [[7]]", 7),
        ("[[7]] and again [[7]]", 7),
        ("[[7]]\n[[8]]", 8),
    ],
)
def test_the_last_mark_is_the_score(reply, score):
    """A judge may mention numbers earlier; the last one counts."""
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
        ("[[8]] at first, in the end [[12]]", UnscoredReason.OUT_OF_SCALE),
        ("Rating: 85", UnscoredReason.OUT_OF_SCALE),
        ("[[7]]-[[8]]", UnscoredReason.AMBIGUOUS),
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
        ("[[A]] is good, but in the end: [[B]]", Verdict.B),
        ("Neither is better. **[[C]]**", Verdict.TIE),
        ("[[tie]]", Verdict.TIE),
        ("[[ b ]]", Verdict.B),
        ("[[Answer B]]", Verdict.B),
        ("Reply [[A]], [[B]] or [[C]], I was told.\n\n[[A]]", Verdict.A),
        ("Both.\n\nVerdict: B", Verdict.B),
        ("Both.\n**Final verdict: [A]**.", Verdict.A),
        ("Both.\nWinner: tie", Verdict.TIE),
        ("B's list[[0]] is [[A]]'s", Verdict.A),
    ],
)
def test_the_last_mark_is_the_verdict(reply, verdict):
    """Most explanations mention both answers; the conclusion is at the end."""
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
        ("[[A/B]]", UnscoredReason.AMBIGUOUS),
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
        ("Of [[A>>B]], [[A>B]] and the others I choose: [[B>A]]", Verdict.B, 1),
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
@given(reply=replies.filter(lambda text: "<think" not in text), score=st.integers(1, 10))
def test_a_clear_last_line_decides_regardless_of_earlier_text(reply, score):
    """Brackets in an explanation do not hide the conclusion."""
    assert read_score_from_text(f"{reply}\n\nRating: [[{score}]]").score == score
    assert read_verdict_from_text(f"{reply}\n\nVerdict: [[A]]").verdict is Verdict.A


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
