"""Sides of labelled pairs are no models: they have no ratings, and the judges have an accuracy."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import a_run, pairwise_judgment, question
from caution_lists import sentences

from evalharness.analysis import analyze_robustness, build_leaderboard, compare_models
from evalharness.domain import RunRecords, Verdict, Vote, Winner
from evalharness.errors import ConfigError
from evalharness.judge import collect_battles
from evalharness.report import render_leaderboard_markdown, render_page, summarize_ranking

SIDES = ("output_1", "output_2")


def games(question_id, judge, label, *, right):
    """Return both games of a pair: right in so many of the two orders; None cannot be read."""
    for number, (first, second) in enumerate((SIDES, SIDES[::-1])):
        wanted = Verdict.A if first == SIDES[label - 1] else Verdict.B
        other = Verdict.B if wanted is Verdict.A else Verdict.A
        verdict = None if right is None else wanted if number < right else other
        yield pairwise_judgment(
            first,
            second,
            question_id,
            judge=judge,
            verdict=verdict,
            unscored="no verdict" if right is None else None,
        )


def labelled_run():
    """Return 40 pairs in two sets: one judge is right in 85%, one in half, one in both orders never."""
    ids = [f"p{number}" for number in range(40)]
    labels = {name: 1 + number % 2 for number, name in enumerate(ids)}
    rows = []
    for number, name in enumerate(ids):
        rows += games(
            name, "able", labels[name], right=0 if number in {3, 9, 17, 20, 31, 38} else 2
        )
        rows += games(name, "biased", labels[name], right=1)
        rows += games(name, "mute", labels[name], right=None if number < 4 else 0)
    return RunRecords(
        name="labelled",
        questions=tuple(
            question(name, category="easy" if number < 20 else "hard", turns=("?",))
            for number, name in enumerate(ids)
        ),
        games=tuple(rows),
        votes=tuple(
            Vote(
                question_id=name,
                judge="gold",
                model_a=SIDES[0],
                model_b=SIDES[1],
                winner=Winner.MODEL_A if label == 1 else Winner.MODEL_B,
                digest=f"gold {name}",
            )
            for name, label in labels.items()
        ),
    )


def test_a_judge_has_an_accuracy_on_each_set_and_nothing_is_rated():
    """The judge that is right in 85% is not said to toss coins."""
    records = labelled_run()
    board = build_leaderboard(records, collect_battles(records))
    measured = {(each.judge, each.labelled_set): each for each in board.labelled_sets}

    assert board.labelled_sets[0].judge == "able"
    able = measured["able", "all sets"]
    assert (able.accuracy, able.verdicts, able.pairs) == (pytest.approx(0.85), 80, 40)
    assert 0.69 < able.low < 0.75
    assert 0.91 < able.high < 0.95
    assert measured["able", "easy"].accuracy == pytest.approx(34 / 40)
    assert measured["biased", "hard"].accuracy == pytest.approx(0.5)
    mute = measured["mute", "easy"]
    assert (mute.accuracy, mute.unscored, mute.verdicts) == (0.0, 8, 40)
    assert mute.high > 0
    assert all(row.rating is row.rank is row.win_rate is None for row in board.rows)
    assert (board.pairs, board.panel, board.separated) == ((), None, frozenset())
    assert not [each for each in sentences(board) if "coins" in each or "worse" in each]
    assert analyze_robustness(records, collect_battles(records), board) is None


def test_every_output_says_how_accurate_the_judges_are_and_ranks_nothing():
    """Headline, table and page."""
    records = labelled_run()
    battles = collect_battles(records)
    board = build_leaderboard(records, battles)
    page, table = render_page(records, battles, board), render_leaderboard_markdown(board)

    assert summarize_ranking(board).sentence.startswith(
        "Labelled pairs, so no model is ranked: able finds the label most often of the judges, in 85.0% ["
    )
    assert "Accuracy of able on hard: 85.0%" in table
    assert "Ratings" not in table
    assert "<h1>labelled pairs on 40 questions" in page
    assert "<h2>Accuracy by set" in page
    for section in ("panel", "leaderboard", "robustness", "pairs"):
        assert f'<section id="{section}"' not in page


def test_sides_are_not_compared_like_models():
    """The message says what they are."""
    records = labelled_run()

    with pytest.raises(ConfigError, match="places in a labelled set, not models"):
        compare_models(records, collect_battles(records), *SIDES)


def test_models_beside_labelled_pairs_are_ranked_without_them():
    """Only the pairs of the set are left out."""
    run, labelled = a_run(models=3, questions=8), labelled_run()
    alone = build_leaderboard(run, collect_battles(run))
    both = replace(
        run,
        questions=(*run.questions, *labelled.questions),
        games=(*run.games, *labelled.games),
        votes=labelled.votes,
    )
    board = build_leaderboard(both, collect_battles(both))

    ranked = [row for row in board.rows if row.rank is not None]
    assert [(row.model, row.rating) for row in ranked] == [
        (row.model, row.rating) for row in alone.rows
    ]
    assert len(board.labelled_sets) == 9


def test_a_label_of_known_truth_on_two_models_leaves_them_their_ratings():
    """`import labels` takes gold labels of a run's own models: they check its judge, no more."""
    records = a_run(models=2)
    label = Vote(
        question_id=records.questions[0].question_id,
        judge="gold",
        model_a=records.games[0].model_a,
        model_b=records.games[0].model_b,
        winner=Winner.MODEL_A,
        digest="gold",
    )
    labelled = replace(records, votes=(label,))

    board = build_leaderboard(labelled, collect_battles(labelled))

    assert board.labelled_sets == ()
    assert all(row.rating is not None and row.battles > 0 for row in board.rows)
