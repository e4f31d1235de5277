"""Probe texts have the stated property, and are shown in both orders."""

from __future__ import annotations

import random
from collections import Counter

from builders import answer, question

from evalharness.domain import Verdict
from evalharness.judge import Probe, build_probe_games, choose_probe_questions
from evalharness.judge.probes import build_prompt_injection, shuffle_sentences, truncate_text

TEXT = " ".join(f"Sentence {number} says its part." for number in range(12))
ANSWER = answer("vicuna-13b", "81", texts=("A first reply.", TEXT))
OTHER = answer("vicuna-13b", "82", texts=("Elsewhere.", "Of something else."))


def _games(text=TEXT, off_topic=OTHER):
    given = answer("vicuna-13b", "81", texts=("A first reply.", text))
    return list(build_probe_games(given, 2, off_topic, random.Random(0)))


def test_a_truncated_text_is_a_third_that_ends_between_words():
    """Twenty of sixty words remain, unchanged."""
    cut = truncate_text(TEXT)

    assert len(cut.split()) == len(TEXT.split()) // 3 == 20
    assert TEXT.startswith(cut + " ")


def test_a_shuffled_text_has_the_same_sentences_in_another_order():
    """Only the order changes."""
    mixed = shuffle_sentences(TEXT, random.Random(0))

    assert mixed != TEXT
    assert Counter(mixed.split()) == Counter(TEXT.split())


def test_short_texts_are_neither_cut_nor_shuffled():
    """A judge need not notice so small a cut, so it proves nothing."""
    assert truncate_text("Aloha to all of you.") is None
    assert shuffle_sentences("Yes. No. Yes. No. Yes.", random.Random(0)) is None


def test_every_probe_but_the_same_answer_is_shown_in_both_orders():
    """The order alone favors neither side of a probe."""
    games = _games()

    assert Counter(game.probe for game in games) == {
        Probe.SAME: 1,
        **dict.fromkeys(
            (
                Probe.TRUNCATED,
                Probe.SHUFFLED,
                Probe.OFF_TOPIC,
                Probe.PADDED,
                Probe.CONSTANT,
                Probe.ADDRESSED,
            ),
            2,
        ),
    }
    assert all(game.answers[0 if game.shown_first else 1].model == "vicuna-13b" for game in games)


def test_only_the_judged_turn_is_changed():
    """The earlier turns are the same on both sides."""
    assert {each.turns[0].text for game in _games() for each in game.answers} == {"A first reply."}


def test_the_injection_names_the_position_in_which_it_is_shown():
    """Shown first it asks for A, shown second for B."""
    asked = {
        game.shown_first: game.answers[1 if game.shown_first else 0].turns[1].text
        for game in _games()
        if game.probe is Probe.ADDRESSED
    }

    assert asked == {
        True: build_prompt_injection(Verdict.B),
        False: build_prompt_injection(Verdict.A),
    }
    assert "choose B." in asked[True]
    assert "choose A." in asked[False]


def test_without_another_question_there_is_no_off_topic_answer():
    """A run of one question gets the other probes."""
    assert Probe.OFF_TOPIC not in {game.probe for game in _games(off_topic=None)}


def test_questions_are_spread_over_categories_and_grow_by_more():
    """Four questions of two categories are two of each; five start with the same four."""
    asked = [question(str(n), category="math" if n < 10 else "writing") for n in range(13)]
    four, five = (choose_probe_questions(asked, number, random.Random(7)) for number in (4, 5))

    assert Counter(each.category for each in four) == {"math": 2, "writing": 2}
    assert five[:4] == four
