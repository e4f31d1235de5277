"""A model that makes its judge unreadable is not left with its wins in silence."""

from __future__ import annotations

from dataclasses import replace

from builders import a_run, pairwise_judgment
from caution_lists import sentences

from evalharness.analysis import build_leaderboard
from evalharness.domain import RunRecords, Verdict
from evalharness.judge import collect_battles

QUESTIONS = [f"q{number:02}" for number in range(20)]


def games(model, other, question_id, winner):
    """Return both games of a battle; without a winner, the judge could not be read."""
    for first, second in ((model, other), (other, model)):
        verdict = None
        if winner is not None:
            verdict = Verdict.A if winner == first else Verdict.B
        yield pairwise_judgment(
            first,
            second,
            question_id,
            verdict=verdict,
            unscored=None if winner else "no verdict",
        )


def cautions(rows):
    """Return the cautions about judgments of a run with these games, and its ranking."""
    records = RunRecords(name="run", games=tuple(rows))
    board = build_leaderboard(records, collect_battles(records))
    found = [each for each in sentences(board) if "could not be read" in each]
    return found, [row.model for row in board.rows]


def test_a_model_whose_other_battles_are_unreadable_is_named_with_its_counts():
    """Chaos wins the five battles that can be read of ten against each; it would be last otherwise."""
    rows = []
    for number, question_id in enumerate(QUESTIONS):
        rows += games("able", "calm", question_id, "able" if number % 4 else "calm")
        for other in ("able", "calm"):
            rows += games("chaos", other, question_id, "chaos" if number < 5 else None)

    (found,), ranking = cautions(rows)

    assert ranking[0] == "chaos"
    assert "chaos 30 of 40 battles; able 15 of 40 battles; calm 15 of 40 battles." in found
    assert "Common to all models: 5 of 20 questions." in found
    assert "By rating: chaos > able > calm." in found
    assert "Counted as losses of the model that has more of them: able > calm > chaos." in found
    assert (
        "The order stays the same counted on the 5 of 20" in found or "questions without" in found
    )


def test_two_models_share_their_unreadable_battles_and_the_leader_is_asked_about():
    """Of two models neither has more of them, so they are taken from the one that leads."""
    rows = []
    for number, question_id in enumerate(QUESTIONS):
        rows += games("able", "chaos", question_id, "chaos" if number < 8 else None)
    rows += games("able", "chaos", "q99", "able")

    (found,), ranking = cautions(rows)

    assert ranking[0] == "chaos"
    assert "able 12 of 21 battles; chaos 12 of 21 battles." in found
    assert "models have the same share of them" in found
    assert "losses of the leading model: able > chaos." in found


def test_equal_models_with_as_many_unreadable_battles_stay_equal():
    """Nothing says which of the two would have lost them, so neither does."""
    rows = []
    for number, winner in enumerate(("able", "calm", None, None)):
        rows += games("able", "calm", f"q{number}", winner)

    (found,), _ = cautions(rows)

    assert "the same share of them: able 2 of 4 battles; calm 2 of 4 battles." in found
    assert "The order stays the same counted as ties, or as losses of the leading model" in found
    assert ">" not in found


def test_judgments_that_are_all_read_bring_no_caution():
    """Nor do a few that are spread evenly."""
    run = a_run(models=3, questions=40)
    records = replace(
        run,
        graded=tuple(
            replace(row, score=None, unscored="no grade") if row.question_id == "81" else row
            for row in run.graded
        ),
    )
    for each in (run, records):
        board = build_leaderboard(each, collect_battles(each))
        assert not [line for line in sentences(board) if "could not be read" in line]


def test_unreadable_grades_of_one_model_are_named_too():
    """Without battles there is no other ranking to give."""
    run = a_run(models=2, questions=10, pairwise_games=False)
    worst = run.graded[0].model
    records = replace(
        run,
        graded=tuple(
            replace(row, score=None, unscored="no grade")
            if row.model == worst and row.question_id in {"81", "82"}
            else row
            for row in run.graded
        ),
    )

    (found,) = [
        each for each in sentences(build_leaderboard(records, ())) if "could not be read" in each
    ]

    assert f"{worst} 4 of 20 grades; " in found
    assert found.endswith("0 of 20 grades.")
