"""The leaderboard as JSON records, CSV, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from dataclasses import dataclass, field, replace

import pytest
from builders import a_leaderboard, a_run
from caution_lists import cautions

from evalharness.analysis import Leaderboard, LeaderboardRow, build_leaderboard
from evalharness.judge import settle_battles
from evalharness.report import (
    list_leaderboard_records,
    render_leaderboard_csv,
    render_leaderboard_latex,
    render_leaderboard_markdown,
)
from evalharness.report.leaderboard_table import render_leaderboard_json

FIELDS = [
    "model",
    "rank",
    "rank_low",
    "rank_high",
    "rating",
    "rating_low",
    "rating_high",
    "elo",
    "win_rate",
    "win_rate_low",
    "win_rate_high",
    "length_controlled_win_rate",
    "score",
    "score_low",
    "score_high",
    "score_by_turn",
    "score_by_category",
    "battles",
    "graded",
    "unscored",
    "failed",
    "not_asked",
    "truncated",
    "empty",
    "empty_by_cause",
    "corrected_rank",
    "corrected_rank_low",
    "corrected_rank_high",
    "corrected_rating",
    "corrected_rating_low",
    "corrected_rating_high",
    "corrected_win_rate",
    "corrected_win_rate_low",
    "corrected_win_rate_high",
    "corrected_score",
    "corrected_score_low",
    "corrected_score_high",
    "benchmarks",
]


def one_row(**figures):
    """Return a leaderboard with one row."""
    return Leaderboard(rows=(LeaderboardRow(**{"model": "vicuna-13b", **figures}),))


def read(text):
    """Return the rows of a CSV text as dicts."""
    return list(csv.DictReader(io.StringIO(text)))


def test_records_have_exactly_the_documented_fields():
    """Scripts read leaderboard.json by these names."""
    for record in list_leaderboard_records(a_leaderboard()):
        assert sorted(record) == sorted(FIELDS)


def test_an_absent_figure_is_null_and_never_zero():
    """A reader can tell what was not measured."""
    (record,) = list_leaderboard_records(one_row())

    assert record["rating"] is None
    assert record["score_low"] is None
    assert record["battles"] == 0


def test_records_survive_json():
    """Records are equal after a round trip; JSON has no NaN."""
    records = a_run()
    empty = tuple(replace(turn, text="") for turn in records.answers[0].turns)
    records = replace(
        records, answers=(replace(records.answers[0], turns=empty), *records.answers[1:])
    )
    found = list_leaderboard_records(build_leaderboard(records, settle_battles(records.games)))

    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_csv_has_a_column_a_figure():
    """Turns, categories and benchmarks become columns; absent figures are empty cells."""
    board = one_row(
        score_by_turn={1: 8.5}, score_by_category={"math": 3.0}, benchmarks={"arc": 0.5}
    )
    (row,) = read(render_leaderboard_csv(board))

    assert row["score_by_turn.1"] == "8.5"
    assert row["score_by_category.math"] == "3.0"
    assert row["benchmarks.arc"] == "0.5"
    assert row["rating"] == ""


def test_csv_keeps_figures_exact():
    """A rating read from the table equals the rating."""
    board = a_leaderboard()

    assert [float(row["rating"]) for row in read(render_leaderboard_csv(board))] == [
        row.rating for row in board.rows
    ]


@pytest.mark.parametrize("name", ["=1+1", "+cmd", "-2", "@SUM(A1)", "\tx"])
def test_csv_text_is_no_formula(name):
    """A spreadsheet must not run a model's name; its negative numbers stay numbers."""
    (row,) = read(render_leaderboard_csv(one_row(model=name, rating=-12.5)))

    assert row["model"] == f"'{name}"
    assert row["rating"] == "-12.5"


def test_markdown_shows_intervals_method_and_notes():
    """A copied table still shows its method and notes."""
    text = render_leaderboard_markdown(
        a_leaderboard(cautions=cautions("koala-13b lost every battle."))
    )

    assert "| vicuna-13b | 1 [1, 2] | 1060 [1005, 1118] |" in text
    assert "Bradley-Terry" in text
    assert "95%" in text
    assert "koala-13b lost every battle." in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("|")}
    assert len(widths) == 1


def test_a_new_field_is_a_column_of_every_table():
    """No list of columns must be found and changed besides the record."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class _LongerRow(LeaderboardRow):
        words: float | None = field(default=None, metadata={"heading": "Words", "form": ".1f"})
        words_low: float | None = None
        words_high: float | None = None

    row = _LongerRow(model="tuned", words=2.5, words_low=2.0, words_high=3.0)
    board = Leaderboard(rows=(row,))

    assert "| Model | Words |" in render_leaderboard_markdown(board)
    assert "| tuned | 2.5 [2.0, 3.0] |" in render_leaderboard_markdown(board)
    assert "2.5 [2.0, 3.0]" in render_leaderboard_latex(board)
    assert "words,words_low,words_high" in render_leaderboard_csv(board)


def test_markdown_escapes_what_would_break_a_row():
    """Pipes, line breaks and tags in a name stay text."""
    text = render_leaderboard_markdown(one_row(model="a|b\n<b>", score=7.0))

    assert r"| a\|b &lt;b> |" in text


def test_columns_without_figures_are_left_out():
    """A graded run shows no empty rating column."""
    header = render_leaderboard_markdown(one_row(score=7.0, graded=3)).splitlines()[0]

    assert header == "| Model | Score | Graded |"


def test_latex_is_a_tabular_with_escaped_names():
    """Underscores and percent signs are common in model names and rates."""
    text = render_leaderboard_latex(one_row(model="a_b & 50% {x} ~^\\ #1", win_rate=0.5))

    assert (
        r"a\_b \& 50\% \{x\} \textasciitilde{}\textasciicircum{}\textbackslash{} \#1 & 50.0\% \\"
        in (text)
    )
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1


def test_latex_rows_cannot_become_arguments_of_a_line_break():
    """After a line break, LaTeX takes [ or * as its argument."""
    text = render_leaderboard_latex(one_row(model="[draft]", score=7.0))

    assert re.search(r"^\{\}\[draft\] & 7\.00", text, flags=re.MULTILINE)


def test_an_empty_table_is_still_a_table():
    """A run without results also writes its files."""
    empty = Leaderboard(rows=())

    assert list_leaderboard_records(empty) == []
    assert render_leaderboard_csv(empty) == "\n"
    assert render_leaderboard_markdown(empty).startswith("| Model |")
    assert r"\begin{tabular}{l}" in render_leaderboard_latex(empty)


def test_an_open_end_is_a_word_in_text_and_infinite_in_numbers():
    """The data bound the rating on one side; JSON, which has no infinity, has null."""
    row = LeaderboardRow(model="a", rating=1100.0, rating_low=980.0, rating_high=math.inf)
    board = Leaderboard(rows=(row,), pairs=(), level=0.95, method="Bradley-Terry")

    assert "| 1100 [980, open] |" in render_leaderboard_markdown(board)
    assert "1100 [980, open]" in render_leaderboard_latex(board)
    assert ",1100.0,980.0,inf," in render_leaderboard_csv(board)
    assert json.loads(render_leaderboard_json(board))[0]["rating_high"] is None
