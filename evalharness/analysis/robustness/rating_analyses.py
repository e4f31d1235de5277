"""Rank the models by other rating models, by grades, and at equal style."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from evalharness.analysis.estimates.length_controlled_rates import (
    fit_at_equal_length,
    measure_answer_lengths,
)
from evalharness.analysis.estimates.ratings import JUDGE_AWARE
from evalharness.analysis.robustness.answer_style import count_style_features, fit_at_equal_style
from evalharness.analysis.robustness.model_figures import ModelFigures
from evalharness.analysis.robustness.ranking_context import build_unavailable_analysis
from evalharness.domain import DEFAULT_RATING
from evalharness.stats import find_rating_model, list_rating_models

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evalharness.analysis.leaderboard.rows import Leaderboard, LeaderboardRow
    from evalharness.analysis.robustness.ranking_context import Analysis, RankingContext
    from evalharness.stats import RatingModel


def vary_games(context: RankingContext) -> Iterator[Analysis]:
    """Yield analyses that count each game of a swapped pair as half a battle."""
    evidence = context.evidence
    if not evidence.records.games:
        yield (
            "Games",
            "Both orders averaged",
            build_unavailable_analysis("no game was judged in both orders"),
        )
        return

    def fit_with_position(model: RatingModel) -> ModelFigures:
        return evidence.rated_games.fit(model, position=True)

    main = find_rating_model(context.board.rating)
    yield "Games", "Both orders averaged", lambda: evidence.rated_games.fit(main)
    for model in list_rating_models():
        if model.takes_position:
            yield "Games", f"{_heading(model)} with position", partial(fit_with_position, model)


def vary_rating_models(context: RankingContext) -> Iterator[Analysis]:
    """Yield the other rating models of the same battles, and win rates."""
    evidence, board = context.evidence, context.board
    is_judge_aware = board.method == JUDGE_AWARE
    if evidence.panel is not None and not is_judge_aware:
        yield "Rating model", "Judge-aware Bradley-Terry", evidence.fit_judge_aware
    for model in sorted(list_rating_models(), key=lambda each: (each.needs_order, each.name)):
        if is_judge_aware and model.name == board.rating:
            name = f"{_heading(model)} of the panel's majority"
            yield "Rating model", name, _rate_by(model, context)
        elif model.name != board.rating:
            yield "Rating model", _heading(model), _rate_by(model, context)
    yield "Rating model", "Win rate", lambda: _leaderboard_column(board, lambda row: row.win_rate)


def vary_grade_use(context: RankingContext) -> Iterator[Analysis]:
    """Yield analyses of grades."""
    evidence, board = context.evidence, context.board
    if not evidence.records.graded:
        yield "Grades", "Mean score", build_unavailable_analysis("nothing was graded")
        return
    if evidence.is_rated:
        yield "Grades", "Mean score", lambda: _leaderboard_column(board, lambda row: row.score)
    model = find_rating_model(board.rating)
    yield "Grades", f"{_heading(model)} of grades", lambda: evidence.compare_grades().fit(model)


def vary_style_control(context: RankingContext) -> Iterator[Analysis]:
    """Yield ratings at equal length, and at equal length and Markdown."""
    records, evidence = context.evidence.records, context.evidence
    if not records.answers:
        yield (
            "Style",
            "At equal length and Markdown",
            build_unavailable_analysis("the run holds no answers"),
        )
        return

    def equal_length() -> ModelFigures:
        return ModelFigures.from_ratings(
            fit_at_equal_length(evidence.settled, measure_answer_lengths(records))[1]
        )

    def equal_style() -> ModelFigures:
        return ModelFigures.from_ratings(
            fit_at_equal_style(evidence.settled, count_style_features(records))
        )

    is_default = context.board.rating == DEFAULT_RATING
    model = "" if is_default else f"{find_rating_model(DEFAULT_RATING).title}, "
    yield "Style", _capitalize(f"{model}at equal length"), equal_length
    yield "Style", _capitalize(f"{model}at equal length and Markdown"), equal_style


def _rate_by(model: RatingModel, context: RankingContext) -> Callable[[], ModelFigures]:
    """Return an analysis by a rating model; the leaderboard already has a column of online Elo."""
    if model.name == "elo":
        return lambda: _leaderboard_column(context.board, lambda row: row.elo)
    return lambda: context.evidence.rated_battles.fit(model)


def _leaderboard_column(
    board: Leaderboard, figure: Callable[[LeaderboardRow], float | None]
) -> ModelFigures:
    """Return figures that the leaderboard already has."""
    values = {
        row.model: value for row in board.rows for value in [figure(row)] if value is not None
    }
    return ModelFigures.from_values(values)


def _heading(model: RatingModel) -> str:
    """Return the title of a rating model at the beginning of a heading."""
    return _capitalize(model.title)


def _capitalize(text: str) -> str:
    """Return a text with a capital first letter; the other letters stay."""
    return text[:1].upper() + text[1:]
