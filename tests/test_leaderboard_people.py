"""People's votes beside a judge's battles: the judge is checked and corrected by them, not diluted."""

from __future__ import annotations

from dataclasses import replace

from builders import a_run

from evalharness.domain import Vote, Winner
from evalharness.leaderboard import build
from evalharness.settle import battles_of

TURNED = {
    Winner.MODEL_A: Winner.MODEL_B,
    Winner.MODEL_B: Winner.MODEL_A,
    Winner.TIE: Winner.TIE,
}


def with_votes(share=2, *, opposed=False):
    """Return a run with people's votes on every so many of its battles."""
    records = a_run(models=3, questions=24)
    votes = tuple(
        Vote(
            question_id=battle.question_id,
            turn=battle.turn,
            judge=f"human:{number % 3}",
            model_a=battle.model_b,
            model_b=battle.model_a,
            winner=battle.winner if opposed else TURNED[battle.winner],
            digest=str(number),
        )
        for number, battle in enumerate(battles_of(records)[::share])
    )
    return replace(records, votes=votes)


def test_votes_on_what_the_judge_settled_do_not_enter_its_table():
    """The table stays the judge's, and says that the votes are elsewhere."""
    records = with_votes()
    alone = replace(records, votes=())

    board, without = (build(each, battles_of(each)) for each in (records, alone))

    assert board.rows == without.rows
    assert board.pairs == without.pairs
    assert "72 votes of people are on battles that the judge settled too" in board.notes[-1]
    assert without.corrected == ()


def test_people_who_agree_with_the_judge_leave_its_ratings():
    """With the same votes in the other order of models, corrected and plain ratings are equal."""
    records = with_votes()

    (found,) = build(records, battles_of(records)).corrected

    assert (found.labelled, found.unlabelled) == (72, 72)
    for row in found.rows:
        assert abs(row.rating - row.judge_rating) < 30
        assert row.low < row.rating < row.high


def test_people_who_oppose_the_judge_turn_its_ratings_around():
    """The corrected order is people's, whatever the judge says on the rest."""
    records = with_votes(opposed=True)

    (found,) = build(records, battles_of(records)).corrected

    plain = sorted(found.rows, key=lambda row: -row.judge_rating)
    assert [row.model for row in found.rows] == [row.model for row in reversed(plain)]


def test_too_few_votes_are_said_and_give_no_rating():
    """A note takes the place of numbers that could not be told."""
    records = with_votes(share=100)

    (found,) = build(records, battles_of(records)).corrected

    assert found.rows == ()
    assert found.note
