"""Test that the plots for notebooks show the figures of the leaderboard."""

from dataclasses import asdict, replace

import pandas as pd
from builders import a_leaderboard, a_run

from evalharness.analysis import BoundSide, BoundStatus, HealthMeasure, build_leaderboard
from evalharness.judge import settle_battles
from evalharness.report import (
    Run,
    plot_category_radar,
    plot_category_scores,
    plot_grade_against_length,
    plot_grade_counts,
    plot_judge_health,
    plot_probabilities_better,
    plot_rating_against_benchmark,
    plot_ratings,
    plot_win_rates,
)


def test_ratings_carry_their_intervals() -> None:
    """Each point is the rating of a model, with the distances to both bounds."""
    table = a_leaderboard(3)
    (points,) = plot_ratings(table).data

    best = table.rows[0]
    assert points.y[-1] == best.model, "plotly draws upward, so the best one comes last"
    assert points.x[-1] == best.rating
    assert points.error_x.array[-1] == best.rating_high - best.rating
    assert points.error_x.arrayminus[-1] == best.rating - best.rating_low


def test_the_matrix_shows_both_sides_of_a_pair_and_marks_decided_pairs() -> None:
    """The win rates of a pair from both sides add up to one."""
    (cells,) = plot_win_rates(a_leaderboard(4)).data

    for row in range(4):
        assert cells.z[row][row] is None
        for column in range(row + 1, 4):
            assert cells.z[row][column] + cells.z[column][row] == 1
    assert "*" in cells.text[0][3]
    assert "*" not in cells.text[0][1]


def test_every_model_has_its_own_mark_in_the_categories() -> None:
    """Models differ in color and in shape."""
    drawn = plot_category_scores(a_leaderboard(12)).data

    looks = {(points.marker.color, points.marker.symbol) for points in drawn}
    assert len(looks) == 12
    assert len(drawn[0].x) == 8


def test_the_better_matrix_mirrors_and_the_radar_closes() -> None:
    """Both sides of a pair add up to one; the polygon is closed."""
    records = a_run(3, 16)
    board = build_leaderboard(records, settle_battles(records.games))

    (cells,) = plot_probabilities_better(board).data
    shapes = plot_category_radar(board).data

    assert abs(cells.z[0][1] + cells.z[1][0] - 1) < 1e-12
    assert cells.z[0][2] == next(
        pair.better if pair.model_a == board.rows[0].model else 1 - pair.better
        for pair in board.pairs
        if {pair.model_a, pair.model_b} == {board.rows[0].model, board.rows[2].model}
    )
    assert len(shapes) == 3
    assert shapes[0].r[0] == shapes[0].r[-1]


def test_the_radar_has_the_scale_of_grades_as_on_the_page() -> None:
    """From the lowest grade at the center to the highest at the rim, whatever models got."""
    axis = plot_category_radar(a_leaderboard()).layout.polar.radialaxis

    assert tuple(axis.range) == (1, 10)
    assert tuple(axis.tickvals) == (1, 4, 7, 10)


def test_grades_are_drawn_as_often_as_they_were_given() -> None:
    """Every readable grade is in the distribution, and at the length of its reply."""
    run = Run(a_run(2, 8))

    spread = plot_grade_counts(run.judgments).data
    plane = plot_grade_against_length(run.answers, run.judgments).data

    assert sum(len(each.x) for each in spread) == 32
    assert sum(len(each.x) for each in plane) == 32
    answer = run.records.answers[0]
    own = next(each for each in plane if each.name == answer.model)
    assert len(answer.turns[0].text) in own.x


def test_rates_are_plotted_with_their_bounds() -> None:
    """Unknown bounds are not drawn."""
    measure = HealthMeasure(
        name="ties",
        title="verdicts that are ties",
        value=0.2,
        low=0.1,
        high=0.4,
        count=9,
        questions=3,
        side=BoundSide.CEILING,
        bound=0.5,
        status=BoundStatus.OK,
    )
    rows = pd.DataFrame([asdict(measure), asdict(replace(measure, title="x", value=None))])

    rates, bounds = plot_judge_health(rows).data

    assert list(rates.y) == ["verdicts that are ties"]
    assert list(rates.error_x.array) == [0.2]
    assert list(bounds.x) == [0.5]


def test_only_models_with_the_benchmark_are_plotted() -> None:
    """A model without the benchmark is not drawn."""
    board = a_leaderboard(3)
    rows = (replace(board.rows[0], benchmarks={"arc": 0.5}), *board.rows[1:])

    (points,) = plot_rating_against_benchmark(replace(board, rows=rows), "arc").data

    assert list(points.text) == [board.rows[0].model]
    assert list(points.x) == [0.5]
