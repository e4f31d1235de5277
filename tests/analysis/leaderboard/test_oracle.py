"""The leaderboard beside a second, slow and plain way to it (tests/support/oracle.py)."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from foreign_files import make_records, read_files
from generated_runs import generate_run, run_settings, run_shapes, write_run
from hypothesis import given
from oracle import read_oracle_board

from evalharness.analysis import build_leaderboard, exclude_label_checks
from evalharness.analysis.estimates.scores import estimate_scores
from evalharness.domain import Battle, Winner
from evalharness.judge import collect_battles, count_positions
from evalharness.stats import bradley_terry, build_comparisons_from_battles, measure_win_rates
from evalharness.store import read_run

WINNERS = {1.0: Winner.MODEL_A, 0.5: Winner.TIE, 0.0: Winner.MODEL_B}
COUNTS = ["battles", "graded", "unscored", "truncated", "empty"]


def near(expected, tolerance=1e-5):
    """Return what equals a figure; None where it is absent."""
    return None if np.isnan(expected) else pytest.approx(expected, abs=tolerance, rel=1e-7)


def assert_same_board(folder):
    """Assert that the leaderboard of a run's folder is the oracle's."""
    records = read_run(folder)
    board = build_leaderboard(records, collect_battles(records), seed=records.config.seed)
    oracle = read_oracle_board(folder)

    assert {row.model for row in board.rows} == set(oracle.table.index)
    for row in board.rows:
        expected = oracle.table.loc[row.model]
        assert {name: getattr(row, name) for name in COUNTS} == expected[COUNTS].to_dict(), (
            row.model
        )
        assert row.rating == near(expected.rating), row.model
        assert row.win_rate == near(expected.win_rate), row.model
        assert row.score == near(expected.score), row.model
        assert row.score_by_turn == pytest.approx(oracle.by_turn.get(row.model, {}))
        assert row.score_by_category == pytest.approx(oracle.by_category.get(row.model, {}))
        assert row.rank == near(expected["rank"]), row.model
    assert_same_pairs(board, oracle)
    assert_same_errors(records, oracle)
    positions, seen = count_positions(records.games), oracle.positions
    assert (positions.first, positions.second) == (seen["A", "A"], seen["B", "B"])
    assert positions.consistent == seen["A", "B"] + seen["B", "A"] + seen["tie", "tie"]
    assert positions.half_tie == seen.total() - sum(
        (positions.first, positions.second, positions.consistent)
    )
    return board, oracle


def assert_same_pairs(board, oracle):
    """Assert that the results of pairs are the oracle's."""
    pairs = {(row.model_a, row.model_b): row for row in board.pairs}
    assert set(pairs) == set(oracle.pairs.index)
    for pair, expected in oracle.pairs.iterrows():
        found = pairs[pair]
        assert (found.wins, found.losses, found.ties) == tuple(expected[["wins", "losses", "ties"]])
        assert found.win_rate == pytest.approx(expected.win_rate)


def assert_same_errors(records, oracle):
    """Assert that the fast standard errors of the same battles and grades are the oracle's."""
    table = oracle.table
    if not oracle.battles.attrs["is_panel"]:
        scores = estimate_scores(exclude_label_checks(records, ()).records).means
        for model, mean in scores.items():
            assert mean.standard_error == close(table.score_error[model]), model
    if oracle.battles.empty:
        return
    battles = [
        Battle(
            question_id=row.question_id,
            turn=row.turn,
            judge=row.judge,
            model_a=row.first,
            model_b=row.second,
            winner=WINNERS[row.points],
        )
        for row in oracle.battles.itertuples()
    ]
    comparisons = build_comparisons_from_battles(battles)
    for rate in measure_win_rates(comparisons):
        assert rate.standard_error == close(table.win_rate_error[rate.model]), rate.model
    if oracle.penalty is not None:
        fit = bradley_terry(comparisons, penalty=oracle.penalty)
        expected = oracle.covariance.loc[list(fit.models), list(fit.models)].to_numpy()
        assert np.allclose(fit.rating_covariance, expected, rtol=1e-4, atol=1e-5, equal_nan=True)


def close(error):
    """Return what equals a standard error."""
    return pytest.approx(error, rel=1e-6, abs=1e-9, nan_ok=True)


@run_settings
@given(run_shapes)
def test_a_generated_run_has_the_oracles_figures(shape):
    """Two ways that share no line give the same values, counts and ranks."""
    with tempfile.TemporaryDirectory() as folder:
        assert_same_board(write_run(Path(folder) / "run", generate_run(shape)))


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("mt-bench", ["mt_bench/question.jsonl", "mt_bench_human/gpt4_pair.jsonl"]),
        ("mt-bench", ["mt_bench_human/gpt4_pair.jsonl", "mt_bench_human/human.jsonl"]),
        ("mt-bench", ["mt_bench"]),
        ("alpaca-eval", ["alpaca_eval"]),
        ("judgebench", ["judgebench"]),
        ("llmbar", ["llmbar"]),
        ("evalica", ["llmfao/llmfao.csv"]),
        ("vicuna-reviews", ["vicuna_blog"]),
    ],
)
def test_an_imported_run_has_the_oracles_figures(name, places, data_file, tmp_path):
    """Real files bring what no generator thinks of."""
    imported = make_records(read_files(name, *map(data_file, places)))

    board, _ = assert_same_board(write_run(tmp_path / "run", imported))

    assert board.rows
