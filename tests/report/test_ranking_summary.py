"""Test that the summary claims no more than rank sets and intervals support."""

import pytest

from evalharness.analysis import Leaderboard, LeaderboardRow
from evalharness.report import summarize_ranking


def ranked(*sets: tuple[int, int]) -> Leaderboard:
    """Return a table of models a, b, c ... with these rank sets."""
    rows = [
        LeaderboardRow(model=name, rank=place, rank_low=low, rank_high=high)
        for place, (name, (low, high)) in enumerate(zip("abcdef", sets, strict=False), start=1)
    ]
    return Leaderboard(rows=tuple(rows))


@pytest.mark.parametrize(
    ("sets", "sentence"),
    [
        ([(1, 2), (1, 2), (3, 3)], "a and b cannot be told apart at 95%; both are ahead of c."),
        ([(1, 3), (1, 3), (1, 3)], "a, b and c cannot be told apart at 95%."),
        ([(1, 1), (2, 2)], "a is ahead of b at 95%."),
        ([(1, 1), (2, 2), (3, 3)], "a is ahead of b, which is ahead of c, all at 95%."),
        ([(1, 1), (2, 3), (2, 3)], "a is ahead of b and c at 95%, which cannot be told apart."),
        ([(1, 2), (1, 3), (2, 3)], "Only a or b may be the best at 95%; c cannot be."),
        ([(1, 1), (2, 4), (2, 4), (2, 5), (4, 5)], "a is ahead of all 4 others at 95%."),
        (
            [(1, 2), (1, 2), (3, 4), (3, 4), (5, 5)],
            "a and b cannot be told apart at 95%; both are ahead of c, d and e; e is last.",
        ),
    ],
)
def test_rank_sets_become_one_plain_sentence(sets: list[tuple[int, int]], sentence: str) -> None:
    """Models are separated only if their simultaneous rank sets do not overlap."""
    finding = summarize_ranking(ranked(*sets))

    assert finding.sentence == sentence
    assert finding.basis == "by simultaneous rank sets"


def test_rank_sets_that_meet_at_one_rank_are_not_called_equal() -> None:
    """With ranks 1-2 and 2-3 among three models, the first is ahead of one of them."""
    assert "told apart" not in summarize_ranking(ranked((1, 2), (1, 3), (2, 3))).sentence


def test_without_ranks_the_intervals_decide() -> None:
    """Score intervals that do not overlap order two models; others leave the order open."""
    clear = Leaderboard(rows=(scored("b", 5.0), scored("a", 8.0)))
    close = Leaderboard(rows=(scored("a", 8.0), scored("b", 7.9)), level=0.9)

    assert summarize_ranking(clear).sentence == "a is ahead of b at 95%."
    assert summarize_ranking(clear).basis == "by score intervals that do not meet"
    assert summarize_ranking(close).sentence == "a and b cannot be told apart at 90%."


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ((), "No model was evaluated, so there is nothing to rank."),
        (
            (LeaderboardRow(model="a"),),
            "a was evaluated alone, so there is nothing to rank.",
        ),
        (
            (LeaderboardRow(model="a", score=8.0), LeaderboardRow(model="b", score=2.0)),
            "No figure has an interval, so no model can be called better.",
        ),
    ],
)
def test_without_intervals_no_model_is_called_better(
    rows: tuple[LeaderboardRow, ...], sentence: str
) -> None:
    """A difference without an interval does not order two models."""
    assert summarize_ranking(Leaderboard(rows=rows)).sentence == sentence


def test_models_without_figures_are_named() -> None:
    """The sentence names models that could not be ranked."""
    table = ranked((1, 1), (2, 2))
    table = Leaderboard(rows=(*table.rows, LeaderboardRow(model="broken")))

    assert (
        summarize_ranking(table).sentence == "a is ahead of b at 95%; broken could not be placed."
    )


def scored(model: str, score: float) -> LeaderboardRow:
    """Return a row with a score and an interval of half a point on both sides."""
    return LeaderboardRow(model=model, score=score, score_low=score - 0.5, score_high=score + 0.5)
