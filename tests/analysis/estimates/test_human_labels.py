"""People's labels check and correct a judge, and are not mixed with its judgments."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from builders import JUDGE, a_run, graded_judgment, pairwise_judgment
from caution_lists import sentences
from numpy.testing import assert_allclose

from evalharness.analysis import ComparisonMetric, build_leaderboard, compare_models
from evalharness.domain import Vote, Winner
from evalharness.judge import collect_battles
from evalharness.report import Run, render_leaderboard_latex, render_leaderboard_markdown

TURNED = {
    Winner.MODEL_A: Winner.MODEL_B,
    Winner.MODEL_B: Winner.MODEL_A,
    Winner.TIE: Winner.TIE,
}


def with_votes(share=2, *, opposed=False, people=3):
    """Return a run with people's votes on every `share`-th battle, in the other order of models."""
    records = a_run(models=3, questions=24)
    votes = tuple(
        Vote(
            question_id=battle.question_id,
            turn=battle.turn,
            judge=f"human:{number % people}",
            model_a=battle.model_b,
            model_b=battle.model_a,
            winner=battle.winner if opposed else TURNED[battle.winner],
            digest=str(number),
        )
        for number, battle in enumerate(collect_battles(records)[::share])
    )
    return replace(records, votes=votes)


def with_grades(questions=12, *, severity=2.0):
    """Return a run in which a person graded all answers to the last questions, lower than the judge."""
    records = a_run(models=3, questions=24)
    chosen = {question.question_id for question in records.questions[-questions:]}
    grades = tuple(
        replace(
            grade,
            judge="human:ada",
            prompt="label",
            score=max(1.0, grade.score - severity),
            digest=f"human {grade.digest}",
        )
        for grade in records.graded
        if grade.question_id in chosen
    )
    return replace(records, graded=(*records.graded, *grades))


def board_of(records):
    """Return the leaderboard of a run."""
    return build_leaderboard(records, collect_battles(records))


def uncorrected(board):
    """Return the rows without the fields that people's labels add."""
    return [
        {name: value for name, value in asdict(row).items() if not name.startswith("corrected")}
        for row in board.rows
    ]


def test_votes_on_what_the_judge_settled_do_not_enter_its_table():
    """The table is the judge's, and a caution counts the excluded votes."""
    records = with_votes()

    board, without = board_of(records), board_of(replace(records, votes=()))

    assert uncorrected(board) == uncorrected(without)
    assert board.pairs == without.pairs
    assert "72 votes of people are on battles that the judge settled too" in sentences(board)[-1]
    assert without.corrected == ()


def test_gold_labels_on_what_the_judge_settled_do_not_enter_its_table_either():
    """They say how often the judge is right, and are no second judgment of the models."""
    records = with_votes()
    records = replace(records, votes=tuple(replace(vote, judge="gold") for vote in records.votes))

    board, without = board_of(records), board_of(replace(records, votes=()))

    assert uncorrected(board) == uncorrected(without)
    assert any(
        "72 votes of gold labels are on battles that the judge settled too" in sentence
        for sentence in sentences(board)
    )


def test_grades_of_people_make_no_panel_and_enter_no_score():
    """A person who graded some answers is not a second judge."""
    records = with_grades()

    board, without = board_of(records), board_of(a_run(models=3, questions=24))

    assert board.panel is None
    assert uncorrected(board) == uncorrected(without)
    assert "72 grades of people are on answers beside the judge's" in sentences(board)[-1]


def test_two_models_are_compared_without_the_labels_that_check_the_judge():
    """The difference equals that of the leaderboard."""
    records, pair = with_votes(opposed=True), ("vicuna-13b", "alpaca-7b")
    alone = replace(records, votes=())

    found, expected = (
        compare_models(each, collect_battles(each), *pair, metric=ComparisonMetric.RATING)
        for each in (records, alone)
    )

    assert found.difference == expected.difference


def test_labels_that_agree_with_the_judge_hardly_change_its_figures():
    """With equal votes in the other order, corrected and plain figures are close."""
    (found,) = board_of(with_votes()).corrected

    for correction in found.corrections:
        assert (correction.labels, correction.judged, correction.questions) == (72, 144, 24)
        assert correction.trust > 0.9
    for row in found.rows:
        assert abs(row.rating.value - row.rating.judge) < 30
        assert abs(row.win_rate.value - row.win_rate.judge) < 0.05
        assert row.rating.low < row.rating.value < row.rating.high
        assert row.rating.labels == 48


def test_labels_that_oppose_the_judge_reverse_its_ratings():
    """The corrected order is people's, also where only the judge judged."""
    (found,) = board_of(with_votes(opposed=True)).corrected

    plain = sorted(found.rows, key=lambda row: -row.rating.judge)
    assert [row.model for row in found.rows] == [row.model for row in reversed(plain)]
    assert [row.rank for row in found.rows] == [1, 2, 3]
    assert "saved none" in found.corrections[0].sentence


def test_grades_of_people_correct_scores():
    """A judge that is two points too generous is corrected by two points, on every model."""
    (found,) = board_of(with_grades()).corrected
    (correction,) = found.corrections

    assert correction.kind == "score"
    assert (correction.labels, correction.judged, correction.questions) == (72, 144, 12)
    for row in found.rows:
        assert row.score.value == pytest.approx(row.score.judge - 2, abs=0.3)
        assert row.score.low < row.score.value < row.score.high
        assert (row.rating, row.win_rate) == (None, None)
    assert [row.rank for row in found.rows] == [1, 2, 3]
    saved = 72 + correction.saved
    assert correction.sentence == (
        f"These 72 grades with the judge's 144 grades say as much as {saved} grades alone: "
        f"the judge saved {correction.saved} grades."
    )


def test_several_people_on_one_battle_are_one_label():
    """Their votes share its weight: a battle with three votes counts as much as any other."""
    records = with_votes()
    thrice = tuple(
        replace(vote, judge=f"human:{person}", digest=f"{person} {vote.digest}")
        for vote in records.votes
        for person in ("ada", "bea", "cal")
    )

    (once,), (found,) = (
        board_of(each).corrected for each in (records, replace(records, votes=thrice))
    )

    assert found.corrections[0].labels == 216
    for row, alike in zip(found.rows, once.rows, strict=True):
        assert_allclose(
            [row.rating.value, row.rating.high, row.win_rate.low],
            [alike.rating.value, alike.rating.high, alike.win_rate.low],
        )


def test_a_panel_is_corrected_as_one_judge():
    """The rows hold the panel's correction; each judge has a table of its own."""
    records = with_votes()
    second = tuple(
        replace(game, judge="claude", digest=f"claude {game.digest}") for game in records.games
    )
    board = board_of(replace(records, games=(*records.games, *second)))

    assert [table.judge for table in board.corrected] == ["panel", "claude", JUDGE]
    for row in board.corrected[0].rows:
        (placed,) = (each for each in board.rows if each.model == row.model)
        assert placed.corrected_rating == row.rating.value
        assert placed.corrected_win_rate_high == row.win_rate.high
        assert placed.corrected_rank_low == row.rank_low
        assert placed.corrected_score is None


def test_a_notebook_has_every_corrected_figure_with_the_judges_own():
    """One data frame has a row per model, one a row per kind of figure with the saving."""
    run = Run(replace(with_votes(), graded=with_grades().graded))

    columns = set(run.corrected.columns)
    assert {"judge", "model", "rank", "rating", "judge_rating_low", "score_high"} <= columns
    assert run.corrected.notna().all().all()
    assert list(run.corrections["kind"]) == ["rating", "win_rate", "score"]
    assert (run.corrections["label_factor"] >= 1).all()
    assert Run(a_run()).corrected.empty


def test_tables_say_what_the_judge_saved():
    """The sentence is below the table, the corrected figures next to the judge's."""
    board = board_of(with_grades())

    text = render_leaderboard_markdown(board)

    assert "Corrected score" in text
    assert "Corrected rating" not in text
    assert f"Scores of {JUDGE} as people would give them: These 72 grades with" in text
    assert "the judge saved" in render_leaderboard_latex(board)


def test_more_labels_narrow_only_what_comes_from_labels():
    """Four times the labels halve the part of the interval that comes from labels."""
    (found,) = board_of(with_votes(opposed=True)).corrected
    correction = found.corrections[1]
    saving = correction.saving

    assert correction.labels_for(correction.half_width) == pytest.approx(correction.labels)
    assert correction.labels_for(correction.half_width / 2) == pytest.approx(
        correction.labels
        * saving.labelled
        / (saving.together / 4 - (saving.together - saving.labelled))
    )
    assert "half of that takes about" in correction.outlook


def test_the_outlook_says_when_more_labels_cannot_help():
    """If people always agree with the judge, only more questions narrow the intervals."""
    (found,) = board_of(with_votes()).corrected

    assert found.corrections[0].labels_for(1.0) == float("inf")
    assert "more questions do" in found.corrections[0].outlook


def test_an_unscored_grade_of_the_judge_has_no_label():
    """An unreadable grade cannot be compared with people's."""
    records = with_grades()
    lost = next(grade for grade in records.graded if grade.judge == JUDGE)
    own = graded_judgment(
        lost.model, lost.question_id, turn=lost.turn, score=3.0, judge="human:ada", reply=""
    )
    graded = tuple(
        replace(grade, score=None, unscored="no_score") if grade is lost else grade
        for grade in records.graded
    )

    (found,) = board_of(replace(records, graded=(*graded, own))).corrected

    assert found.corrections[0].labels == 72
    assert found.corrections[0].judged == 141  # what every model was graded on


def test_a_judge_that_people_did_not_check_has_no_correction():
    """Votes on battles that it did not judge are no evidence about it."""
    games = tuple(pairwise_judgment(*pair, "999") for pair in (("a", "b"), ("b", "a")))
    vote = with_votes().votes[0]

    assert board_of(replace(a_run(graded=False), games=games, votes=(vote,))).corrected == ()
