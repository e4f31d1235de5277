"""Ratings and win rates of a table of battles."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose

import evalharness
from evalharness.domain import Winner
from evalharness.errors import BattlesError, DisconnectedError, EvalHarnessError, SeparationError
from evalharness.stats import count_battle_table, rate, rate_online, win_rates

METHODS = ["bradley_terry", "davidson", "rao_kupper", "elo"]


def table(**columns):
    """Return eight battles of three models on four questions; replace or add columns."""
    battles = {
        "model_a": ["vicuna", "vicuna", "koala", "koala", "alpaca", "vicuna", "alpaca", "vicuna"],
        "model_b": ["koala", "alpaca", "alpaca", "vicuna", "vicuna", "koala", "koala", "alpaca"],
        "winner": ["model_a", "model_a", "model_a", "tie", "model_a", "tie", "model_a", "model_a"],
        "question_id": [81, 81, 81, 82, 82, 83, 83, 84],
    }
    return pd.DataFrame(battles | columns)


@pytest.mark.parametrize("method", METHODS)
def test_ratings_come_best_first_with_intervals_and_counts(method):
    """The four columns are the same for any method."""
    ratings = rate(table(), method)

    assert list(ratings.columns) == ["rating", "low", "high", "battles"]
    assert ratings.index.name == "model"
    assert ratings.rating.is_monotonic_decreasing
    assert ratings.index[0] == "vicuna"
    assert ((ratings.low < ratings.rating) & (ratings.rating < ratings.high)).all()
    assert ratings.battles.to_dict() == {"vicuna": 6, "koala": 5, "alpaca": 5}
    assert ratings.rating.mean() == pytest.approx(1000)


def test_a_table_carries_its_method_and_level():
    """Level, method and clusters travel with the numbers."""
    about = rate(table(), level=0.9).attrs

    assert (about["method"], about["level"]) == ("Bradley-Terry", 0.9)
    assert (about["clusters"], about["clustered_by"]) == (4, "question")
    assert rate(table().drop(columns="question_id")).attrs["clustered_by"] == "battle"


def test_an_anchor_fixes_the_scale():
    """Ratings shift; differences stay."""
    free = rate(table()).rating
    anchored = rate(table(), anchor="koala", anchor_rating=1500).rating

    assert anchored["koala"] == pytest.approx(1500)
    assert_allclose(anchored - anchored["koala"], free - free["koala"])


def test_win_rates_come_best_first_with_counts():
    """Vicuna: three wins, a loss and two ties are 4 of 6."""
    rates = win_rates(table())

    assert list(rates.columns) == ["win_rate", "low", "high", "wins", "losses", "ties"]
    assert rates.win_rate.is_monotonic_decreasing
    vicuna = rates.loc["vicuna"]
    assert (vicuna.wins, vicuna.losses, vicuna.ties) == (3, 1, 2)
    assert vicuna.win_rate == pytest.approx(4 / 6)


def test_a_baseline_has_no_row():
    """It cannot meet itself."""
    assert sorted(win_rates(table(), "vicuna").index) == ["alpaca", "koala"]


def test_the_rows_index_and_the_winners_type_do_not_matter():
    """A filtered table keeps odd row numbers; a run's table may hold the enum."""
    plain = table()
    odd = table(winner=[Winner(name) for name in plain.winner]).set_index(np.arange(8) * 7)

    pd.testing.assert_frame_equal(rate(odd), rate(plain))


def test_categories_and_other_types_of_columns_work():
    """What pandas reads from files differs in type and not in meaning."""
    plain = table()
    typed = plain.astype({"model_a": "category", "model_b": "string", "winner": "category"})

    pd.testing.assert_frame_equal(rate(typed), rate(plain), check_index_type=False)


def test_weights_count():
    """A battle of weight 2 is the battle twice; one of weight 0 is none."""
    weighted = rate(table(weight=[2, 1, 1, 1, 1, 1, 1, 0])).rating
    rows = table()
    repeated = rate(pd.concat([rows.iloc[[0]], rows.iloc[:7]])).rating

    assert_allclose(weighted[repeated.index], repeated)


def many(questions=60, battles=400):
    """Return battles of four models, some on the same question."""
    rng = np.random.default_rng(0)
    first = rng.integers(0, 4, battles)
    names = np.array(["alpaca", "koala", "llama", "vicuna"])
    return pd.DataFrame(
        {
            "model_a": names[first],
            "model_b": names[(first + rng.integers(1, 4, battles)) % 4],
            "winner": rng.choice(["model_a", "model_b", "tie"], battles, p=[0.5, 0.4, 0.1]),
            "question_id": rng.integers(0, questions, battles),
        }
    )


@pytest.mark.parametrize("columns", [[], ["question_id"]])
@pytest.mark.parametrize("unit", [1e-9, 3.0, 1e-300, 1e300, 5e-324])
def test_only_the_ratios_of_weights_matter(unit, columns):
    """Any unit gives the ratings, intervals and replicates of the unit 1."""
    plain = many()[["model_a", "model_b", "winner", *columns]]
    weighted = plain.assign(weight=unit)

    assert_allclose(rate(weighted), rate(plain))
    assert_allclose(rate(weighted, penalty=0.25), rate(plain, penalty=0.25))
    assert_allclose(rate(weighted, interval="bootstrap"), rate(plain, interval="bootstrap"))
    assert_allclose(win_rates(weighted), win_rates(plain))
    assert_allclose(rate(weighted.head(60), "elo"), rate(plain.head(60), "elo"))


@pytest.mark.parametrize("share", [1e-2, 1e-4, 1e-6])
def test_a_light_model_keeps_the_interval_of_its_battles(share):
    """The number of questions differs a little, and with it the intervals by a point."""
    plain = many()
    is_light = plain[["model_a", "model_b"]].eq("vicuna").any(axis=1)
    light = rate(plain.assign(weight=np.where(is_light, share, 1.0)), anchor="koala")
    alone = rate(plain[~is_light], anchor="koala")

    assert_allclose(light.drop("vicuna")[["low", "high"]], alone[["low", "high"]], atol=1.5)
    assert light.high["vicuna"] - light.low["vicuna"] < 150


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1e-20, 1e20, 1, 1], r"go from 1e-20 to 1e\+20.*within a factor of 1e\+12"),
        ([1e-300, 1e300, 1, 1], "lost in rounding"),
    ],
)
@pytest.mark.parametrize("function", [rate, win_rates, rate_online])
def test_weights_that_are_too_far_apart_are_refused(function, weight, message):
    """Sums of such weights hold the heaviest battle only."""
    battles = pd.DataFrame(
        {"model_a": list("aabb"), "model_b": list("bbaa"), "winner": ["model_a", "model_b"] * 2}
    )

    with pytest.raises(BattlesError, match=message):
        function(battles.assign(weight=weight))


def test_a_rating_that_rests_on_negligible_weights_is_refused():
    """The rounding of the other battles is larger than these."""
    plain = many()
    is_light = plain[["model_a", "model_b"]].eq("vicuna").any(axis=1)

    with pytest.raises(BattlesError, match="would rest on rounding"):
        rate(plain.assign(weight=np.where(is_light, 1e-9, 1.0)))


@pytest.mark.parametrize("columns", [[], ["question_id"]])
def test_a_count_is_as_many_rows_and_a_weight_is_not(columns):
    """Aggregated battles have the intervals and numbers of the single ones."""
    plain = many()[["model_a", "model_b", "winner", *columns]]
    counted = plain.value_counts().reset_index()

    for function in (rate, win_rates, lambda table: rate(table, interval="bootstrap")):
        assert_allclose(function(counted), function(plain))
    assert rate(counted).attrs["clusters"] == rate(plain).attrs["clusters"]
    assert rate(counted, "elo").battles.sum() == 2 * len(plain)
    weighted = rate(counted.rename(columns={"count": "weight"}))
    assert_allclose(weighted.rating, rate(plain).rating)
    assert weighted.battles.sum() == 2 * len(counted)


@pytest.mark.parametrize("count", [1.5, -1, 1e30, np.inf])
def test_a_count_that_is_no_number_of_battles_is_refused(count):
    """What is no whole number is a weight."""
    with pytest.raises(BattlesError, match="row 0 has count"):
        rate(table(count=count))


@pytest.mark.parametrize(
    ("method", "columns"),
    [
        ("bradley_terry", []),
        ("bradley_terry", ["question_id"]),
        ("bradley_terry", ["weight"]),
        ("davidson", ["question_id", "weight"]),
    ],
)
def test_a_bootstrap_does_not_depend_on_the_order_of_the_rows(method, columns):
    """The same seed and the same battles give the same intervals."""
    weight = np.random.default_rng(1).choice([0.3, 1.0, 2.0], 400)
    plain = many().assign(weight=weight)[["model_a", "model_b", "winner", *columns]]
    shuffled = plain.sample(frac=1, random_state=5)

    found = rate(plain, method, interval="bootstrap", position=method == "davidson")
    again = rate(shuffled, method, interval="bootstrap", position=method == "davidson")

    assert_allclose(again.loc[found.index], found, rtol=1e-12)


@pytest.mark.parametrize("function", [rate, win_rates, rate_online])
@pytest.mark.parametrize("battles", ["b.csv", Path("b.csv"), [{"model_a": "a"}], None, {"a": [1]}])
def test_what_is_no_table_is_refused_with_the_remedy(function, battles):
    """Files are counted first."""
    with pytest.raises(BattlesError, match=r"not \w+: count_battles\(path\) reads files"):
        function(battles)


def test_a_frame_of_another_library_is_read():
    """Polars and others hand their columns over as Arrow does."""

    class Frame:
        columns = ("model_a", "model_b", "winner", "question_id")

        def __arrow_c_stream__(self, requested_schema=None):
            return pa.Table.from_pandas(many()).__arrow_c_stream__(requested_schema)

    pd.testing.assert_frame_equal(rate(Frame()), rate(many()))


def test_elo_depends_on_its_order_and_on_nothing_else():
    """The same seed gives the same intervals; reversed rows give other ratings."""
    pd.testing.assert_frame_equal(rate(table(), "elo", seed=3), rate(table(), "elo", seed=3))
    assert not np.allclose(
        rate(table(), "elo").rating.sort_index(), rate(table()[::-1], "elo").rating.sort_index()
    )


@pytest.mark.parametrize(
    ("battles", "message"),
    [
        (table().drop(columns="winner"), "no column winner; found: model_a"),
        (table()[:0], "no battles"),
        (
            table(winner=["model_a"] * 6 + ["tie (bothbad)", "left"]),
            r"unknown winner 'tie \(bothbad\)', 'left': write model_a, model_b, tie",
        ),
        (table(winner=["tie"] * 7 + [None]), "1 battles have no winner, the first at row 7"),
        (table(model_a=[None] + ["vicuna"] * 7), "no model_a, the first at row 0"),
        (table(question_id=[81.0] * 7 + [np.nan]), "no question_id, the first at row 7"),
        (table(model_a="vicuna", model_b="vicuna"), "of one model, vicuna"),
        (table(model_a="koala"), "koala against itself"),
        (table(weight=[1] * 7 + [np.nan]), "no weight, the first at row 7"),
        (table(weight=[1] * 7 + [-2]), "battle 7 has weight -2"),
        (table(weight=["much"] * 8), "a weight is no number"),
    ],
)
@pytest.mark.parametrize("function", [rate, win_rates])
def test_bad_tables_are_refused(function, battles, message):
    """An error of this package that is a ValueError names the fault and the place."""
    with pytest.raises(BattlesError, match=message) as caught:
        function(battles)

    assert isinstance(caught.value, EvalHarnessError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "davidsen"}, "did you mean davidson"),
        ({"anchor": "vicunia"}, "did you mean vicuna"),
        ({"method": "elo", "penalty": 0.1}, "no anchor, penalty"),
        ({"interval": "bootstrp"}, "did you mean bootstrap"),
        ({"interval": None}, "no interval None"),
        ({"method": 3}, "no rating method 3"),
        ({"anchor": 3}, "anchor 3 is in no battle"),
        ({"anchor_rating": float("nan")}, "anchor_rating is a finite number, not nan"),
        ({"anchor_rating": "1114"}, "anchor_rating is a finite number, not '1114'"),
        ({"anchor_rating": 10**400}, "anchor_rating is a finite number, not 1000"),
        ({"method": "elo", "anchor_rating": "1114"}, "anchor_rating is a finite number"),
        ({"level": "0.95"}, "level is a finite number, not '0.95'"),
        ({"level": 95}, "not 95: 95% is 0.95"),
        ({"penalty": None}, "penalty is a finite number, not None"),
        ({"seed": -1}, "seed is a whole number from 0 up, not -1"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    """The message names what there is."""
    with pytest.raises(BattlesError, match=message):
        rate(table(), **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0}, "k is a number above 0, not 0"),
        ({"k": "4"}, "k is a finite number, not '4'"),
        ({"start": float("inf")}, "start is a finite number, not inf"),
        ({"orders": 0}, "orders is a whole number from 1 up, not 0"),
        ({"orders": 2.5}, "orders is a whole number from 1 up, not 2.5"),
        ({"seed": "a"}, "seed is a whole number from 0 up, not 'a'"),
    ],
)
def test_bad_arguments_of_online_elo_are_refused(arguments, message):
    """The message names the argument and what is right."""
    with pytest.raises(BattlesError, match=message):
        rate_online(table(), **arguments)


def test_bootstrap_intervals_say_how_they_were_made():
    """It is chosen by name, seeded, and about as wide as the sandwich interval."""
    rng = np.random.default_rng(2)
    copies = [table(winner=rng.permutation(table().winner)) for _ in range(60)]
    rows = pd.concat(
        [rows.assign(question_id=rows.question_id + 4 * n) for n, rows in enumerate(copies)]
    )
    sandwich, drawn = rate(rows), rate(rows, interval="bootstrap")

    assert_allclose(drawn.rating, sandwich.rating)
    assert_allclose(drawn.high - drawn.low, sandwich.high - sandwich.low, rtol=0.15)
    assert (drawn.attrs["interval"], drawn.attrs["replicates"]) == ("bootstrap", 1000)
    pd.testing.assert_frame_equal(rate(rows, interval="bootstrap"), drawn)
    assert not rate(rows, interval="bootstrap", seed=1).equals(drawn)


@pytest.mark.parametrize(
    ("method", "name"),
    [("bradley_terry", "delta"), ("davidson", "log_gamma"), ("rao_kupper", "delta")],
)
def test_a_position_effect_is_reported_with_the_ratings(method, name):
    """`model_a` wins three battles in four here, whoever it is."""
    forth = {"model_a": "koala", "model_b": "vicuna"}
    back = {"model_a": "vicuna", "model_b": "koala"}
    winners = ["model_a"] * 5 + ["model_b", "tie", "tie"]
    rows = pd.DataFrame([pair | {"winner": winner} for pair in (forth, back) for winner in winners])

    rated = rate(rows, method, position=True)

    assert rated.attrs["parameters"][name] > 0.5
    assert_allclose(rated.rating, 1000)


def test_counted_battles_are_rated_as_their_table_is():
    """What was counted once can be rated again and again."""
    counts = count_battle_table(table())
    for method in METHODS[:3]:
        pd.testing.assert_frame_equal(rate(counts, method), rate(table(), method))
    with pytest.raises(BattlesError, match="counted battles have none"):
        rate(counts, "elo")


def test_shuffled_online_elo_hardly_depends_on_the_order():
    """The mean over many orders is nearly the same for reversed rows; one order is not."""
    rows = pd.concat([table()] * 5)
    forward, backward = (rate_online(given, orders=400).rating for given in (rows, rows[::-1]))

    assert_allclose(forward.sort_index(), backward.sort_index(), atol=0.3)
    played_once = rate_online(rows).rating.sort_index()
    assert np.abs(played_once - rate_online(rows[::-1]).rating.sort_index()).max() > 0.3


def test_an_unknown_baseline_is_refused():
    """A misspelt baseline is not an empty table."""
    with pytest.raises(BattlesError, match="'gpt-4' is in no battle"):
        win_rates(table(), "gpt-4")


def test_separation_and_disconnection_are_errors_with_a_remedy():
    """Infinite ratings, or ratings without a common scale, are not shown."""
    with pytest.raises(SeparationError, match=r"vicuna won every battle.*penalty"):
        rate(table(winner="model_a")[:3])
    held = rate(table(winner="model_a").iloc[[0, 1, 2, 7]], penalty=0.25)
    assert np.isfinite(held["rating"]).all()
    assert held["high"].isna().sum() == 0
    assert (held.loc["vicuna", "high"], held.loc["koala", "low"]) == (np.inf, -np.inf)  # open
    assert held.attrs["penalty"] == 0.25

    apart = pd.DataFrame({"model_a": ["a", "c"], "model_b": ["b", "d"], "winner": "tie"})
    with pytest.raises(DisconnectedError, match="a, b; c, d"):
        rate(apart)


def test_both_functions_are_exported_by_the_package():
    """Notebooks call evalharness.rate and evalharness.win_rates."""
    assert evalharness.rate is rate
    assert evalharness.win_rates is win_rates


def test_the_other_statistics_load_no_pandas():
    """A command that only needs a leaderboard does not wait for pandas."""
    code = "import sys; from evalharness.analysis import build_leaderboard; from evalharness.report import render_leaderboard_csv; print('pandas' in sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert loaded.stdout.strip() == "False"
