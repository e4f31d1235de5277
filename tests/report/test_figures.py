"""The notebook's figures hold the leaderboard's numbers."""

from builders import a_leaderboard

from evalharness.report.figures import rating_plot, scores_by_category, win_rate_matrix


def test_ratings_carry_their_intervals() -> None:
    """Each point is a model's rating with the distances to both bounds."""
    table = a_leaderboard(3)
    (points,) = rating_plot(table).data

    best = table.rows[0]
    assert points.y[-1] == best.model, "plotly draws upward, so the best one comes last"
    assert points.x[-1] == best.rating
    assert points.error_x.array[-1] == best.rating_high - best.rating
    assert points.error_x.arrayminus[-1] == best.rating - best.rating_low


def test_the_matrix_mirrors_every_pair_and_marks_what_is_decided() -> None:
    """Row against column and column against row add up to one."""
    (cells,) = win_rate_matrix(a_leaderboard(4)).data

    for row in range(4):
        assert cells.z[row][row] is None
        for column in range(row + 1, 4):
            assert cells.z[row][column] + cells.z[column][row] == 1
    assert "*" in cells.text[0][3]
    assert "*" not in cells.text[0][1]


def test_every_model_has_its_mark_in_the_categories() -> None:
    """A model is told apart by color and by shape."""
    drawn = scores_by_category(a_leaderboard(12)).data

    looks = {(points.marker.color, points.marker.symbol) for points in drawn}
    assert len(looks) == 12
    assert len(drawn[0].x) == 8
