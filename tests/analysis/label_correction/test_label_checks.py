"""Labels that cannot support a corrected figure give no number, and a sentence with the remedy."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest
from builders import a_run

from evalharness.analysis import build_leaderboard
from evalharness.domain import Verdict, Vote, Winner
from evalharness.judge import collect_battles

QUESTIONS = 48


@pytest.fixture(scope="module")
def judged():
    """Return a run of four models on 48 questions of eight categories, compared and graded."""
    return a_run(models=4, questions=QUESTIONS)


def voted(records, chosen, *, judge="human:ada"):
    """Return a run with votes like the judge's on some of its battles."""
    votes = tuple(
        Vote(
            question_id=battle.question_id,
            turn=battle.turn,
            judge=judge,
            model_a=battle.model_a,
            model_b=battle.model_b,
            winner=battle.winner,
            digest=f"{judge} {number}",
        )
        for number, battle in enumerate(collect_battles(replace(records, votes=())))
        if chosen(battle)
    )
    return replace(records, votes=(*records.votes, *votes))


def graded(records, chosen):
    """Return a run with people's grades a point below the judge's, on some of its answers."""
    grades = tuple(
        replace(grade, judge="human:ada", score=max(1, grade.score - 1), digest=f"h{number}")
        for number, grade in enumerate(records.graded)
        if chosen(grade)
    )
    return replace(records, graded=(*records.graded, *grades))


def corrections(records):
    """Return the only table's corrections, and insist that a refusal leaves no number."""
    (table,) = build_leaderboard(records, collect_battles(records)).corrected
    for each in table.corrections:
        if each.refusal:
            assert all(getattr(row, each.kind) is None for row in table.rows)
            assert (each.trust, each.saved, each.half_width, each.outlook) == (None, None, None, "")
            assert each.sentence == each.refusal
            assert each.refusal.endswith(".")
    return table.corrections


def category_of(records, name):
    """Return the ids of the questions of a category."""
    return {each.question_id for each in records.questions if each.category == name}


def random_questions(records, number, seed=0):
    """Return some questions' ids."""
    ids = [question.question_id for question in records.questions]
    return set(random.Random(seed).sample(ids, number))


def test_labels_on_a_random_part_are_accepted(judged):
    """Random questions or random battles give a figure in each of 24 draws."""

    def labelled(seed):
        rng, ids = random.Random(seed), random_questions(judged, 12, seed)
        yield voted(judged, lambda battle: battle.question_id in ids)
        yield voted(judged, lambda _: rng.random() < 0.2)
        yield graded(judged, lambda grade: grade.question_id in ids)

    for records in (each for seed in range(8) for each in labelled(seed)):
        assert [each.refusal for each in corrections(records) if each.refusal] == []


def test_too_few_questions_are_counted(judged):
    """The message names the model with the fewest and the number needed, which is then enough."""
    ids = random_questions(judged, 7)
    records = voted(judged, lambda battle: battle.question_id in ids)

    for each in corrections(records):
        assert "84 votes are too few: alpaca-7b has votes on 7 questions" in each.refusal
        assert "3 more questions with votes on each would do" in each.refusal
    more = random_questions(judged, 10)
    assert ids < more
    enough = voted(judged, lambda battle: battle.question_id in more)
    assert all(each.refusal == "" for each in corrections(enough))


def test_a_model_without_votes_is_named(judged):
    """There is no figure for answers that people never saw."""
    records = voted(judged, lambda battle: "koala-13b" not in (battle.model_a, battle.model_b))

    (rating, win_rate) = corrections(records)

    assert rating.refusal == win_rate.refusal
    assert "koala-13b has votes on 0 questions, and an interval takes 10" in rating.refusal


def test_votes_that_do_not_connect_the_models_give_no_rating(judged):
    """The message names the groups that never meet, and the number of battles needed."""
    apart = [{"alpaca-7b", "koala-13b"}, {"llama-13b", "vicuna-13b"}]
    games = tuple(game for game in judged.games if {game.model_a, game.model_b} in apart)
    cut = replace(judged, games=games)

    ids = random_questions(judged, 24)
    rating, win_rate = corrections(voted(cut, lambda battle: battle.question_id in ids))

    assert "do not connect all models (alpaca-7b, koala-13b; llama-13b, vicuna-13b)" in (
        rating.refusal
    )
    assert "about 10 battles between these groups" in rating.refusal
    assert win_rate.refusal == ""


def test_votes_on_two_categories_are_not_a_random_part(judged):
    """The message lists the missing votes by category; adding them gives a figure."""
    ids = category_of(judged, "writing") | category_of(judged, "math")
    records = voted(judged, lambda battle: battle.question_id in ids)

    (said, _) = (each.refusal for each in corrections(records))

    assert "no random part of what the judge judged" in said
    assert re.search(r"questions are missing: \d of the category \w+", said)
    number = int(re.search(r"missing: (\d)", said)[1])
    more = {
        each
        for category in {question.category for question in judged.questions}
        for each in sorted(category_of(judged, category))[:number]
    }
    enough = voted(judged, lambda battle: battle.question_id in ids | more)
    assert all(each.refusal == "" for each in corrections(enough))


@pytest.mark.parametrize(
    ("chosen", "missing"),
    [
        (lambda battle: battle.turn == 1, r"votes are missing: \d+ on turn 2\."),
        (
            lambda battle: (
                {battle.model_a, battle.model_b} != {"koala-13b", "vicuna-13b"}
                and "alpaca-7b" in (battle.model_a, battle.model_b)
            ),
            r"votes are missing: \d+ of \w+-13b and \w+-13b",
        ),
        (lambda battle: battle.winner is Winner.TIE, r"100% are on battles the judge called ties"),
    ],
)
def test_votes_on_a_part_of_another_kind_are_refused(judged, chosen, missing):
    """Examples are one turn, the pairs of one model, and the judge's ties."""
    for each in corrections(voted(judged, chosen)):
        assert "no random part" in each.refusal
        assert re.search(missing, each.refusal)


def test_grades_of_low_answers_only_are_refused(judged):
    """Labels on low grades only are not a sample of all grades."""
    (score,) = corrections(graded(judged, lambda grade: grade.score <= 6))

    assert "0% are on answers graded above its median" in score.refusal


def test_a_person_with_contradictory_votes_is_named(judged):
    """Of two different votes on the same answers, one is wrong."""
    ids = random_questions(judged, 12)
    records = voted(judged, lambda battle: battle.question_id in ids)
    vote = next(each for each in records.votes if each.winner is Winner.MODEL_A)
    turned = replace(vote, model_a=vote.model_b, model_b=vote.model_a, digest="turned")

    for each in corrections(replace(records, votes=(*records.votes, turned))):
        assert "human:ada voted twice, and not alike, on 1 battle" in each.refusal
        assert f"(question {vote.question_id}, turn {vote.turn}, " in each.refusal
    same = replace(turned, winner=Winner.MODEL_B)
    (rating, _) = corrections(replace(records, votes=(*records.votes, same)))
    assert (rating.refusal, rating.labels) == ("", 144)


def test_a_judge_that_always_says_the_same_is_refused(judged):
    """Such judgments have no information about people's votes."""
    silent = replace(
        judged, games=tuple(replace(game, verdict=Verdict.TIE) for game in judged.games)
    )
    ids = random_questions(judged, 12)

    for each in corrections(voted(silent, lambda battle: battle.question_id in ids)):
        assert "The judge says the same of all 576 that it judged" in each.refusal
        assert "another judge" in each.refusal


def test_labels_on_a_single_value_of_the_judge_are_refused(judged):
    """The errors of the judge at its other values are unknown."""
    rare = replace(
        judged,
        graded=tuple(
            replace(grade, score=7 if number % 8 else 8)
            for number, grade in enumerate(judged.graded)
        ),
    )

    (score,) = corrections(graded(rare, lambda grade: grade.score == 7))

    assert "says the same of all 336 that people labelled, though not of the rest" in score.refusal


def test_a_model_that_won_every_battle_has_no_finite_rating(judged):
    """The error of the fit is reported as a sentence; finite win rates remain."""
    ids = random_questions(judged, 12)
    games = tuple(
        replace(game, verdict=Verdict.A if game.model_a == "vicuna-13b" else Verdict.B)
        if "vicuna-13b" in (game.model_a, game.model_b)
        else game
        for game in judged.games
    )
    won = replace(judged, games=games)

    rating, win_rate = corrections(voted(won, lambda battle: battle.question_id in ids))

    assert "no finite" in rating.refusal
    assert win_rate.refusal == ""
