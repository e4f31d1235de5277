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
        ([(1, 2), (1, 2), (3, 3)], "No clear winner between a and b at 95%; both beat c."),
        ([(1, 3), (1, 3), (1, 3)], "No clear winner among a, b and c at 95%."),
        ([(1, 1), (2, 2)], "a beats b at 95%."),
        ([(1, 1), (2, 2), (3, 3)], "a beats b, which beats c at 95%."),
        ([(1, 1), (2, 3), (2, 3)], "a beats b and c at 95%; there is no clear order among these."),
        ([(1, 2), (1, 3), (2, 3)], "Only a or b may be the best at 95%; c cannot be."),
        ([(1, 1), (2, 4), (2, 4), (2, 5), (4, 5)], "a beats all 4 others at 95%."),
        (
            [(1, 2), (1, 2), (3, 4), (3, 4), (5, 5)],
            "No clear winner between a and b at 95%; both beat c, d and e; e is last.",
        ),
    ],
)
def test_rank_sets_become_one_plain_sentence(sets: list[tuple[int, int]], sentence: str) -> None:
    """Models are separated only if their simultaneous rank sets do not overlap."""
    finding = summarize_ranking(ranked(*sets))

    assert finding.sentence == sentence
    assert finding.basis == "Ranks are compared for all models at once."


def test_rank_sets_that_meet_at_one_rank_are_not_called_equal() -> None:
    """With ranks 1-2 and 2-3 among three models, the first is ahead of one of them."""
    assert "No clear" not in summarize_ranking(ranked((1, 2), (1, 3), (2, 3))).sentence


def test_without_ranks_the_intervals_decide() -> None:
    """Score intervals that do not overlap order two models; others leave the order open."""
    clear = Leaderboard(rows=(scored("b", 5.0), scored("a", 8.0)))
    close = Leaderboard(rows=(scored("a", 8.0), scored("b", 7.9)), level=0.9)

    assert summarize_ranking(clear).sentence == (
        "a beats b: it scores 8.00 on average (95% interval 7.50-8.50)."
    )
    assert "score intervals do not overlap" in summarize_ranking(clear).basis
    assert summarize_ranking(close).sentence == (
        "No clear winner between a and b: a leads by 0.10 points of score, within the noise (90%)."
    )


def test_the_headline_has_the_figures_of_the_best() -> None:
    """By how much it is ahead, and how sure that is, is what a reader asks next."""
    figures = {"win_rate": 0.94, "win_rate_low": 0.65, "win_rate_high": 0.99, "rating": 1240.0}
    best = LeaderboardRow(model="mine", rank=1, rank_low=1, rank_high=1, **figures)
    other = LeaderboardRow(model="tuned", rank=2, rank_low=2, rank_high=2, rating=1000.0)
    close = [
        LeaderboardRow(model=name, rank=1, rank_low=1, rank_high=3, rating=rating)
        for name, rating in (("B", 1011.0), ("A", 989.0), ("C", 980.0))
    ]

    decided = summarize_ranking(Leaderboard(rows=(best, other))).sentence
    level = summarize_ranking(Leaderboard(rows=tuple(close))).sentence

    assert decided == "mine beats tuned: it wins 94% of comparisons (95% interval 65-99%)."
    assert level == (
        "No clear winner among B, A and C: B leads by 22 rating points, within the noise (95%)."
    )


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

    assert summarize_ranking(table).sentence == "a beats b at 95%; broken could not be placed."


def scored(model: str, score: float) -> LeaderboardRow:
    """Return a row with a score and an interval of half a point on both sides."""
    return LeaderboardRow(model=model, score=score, score_low=score - 0.5, score_high=score + 0.5)
