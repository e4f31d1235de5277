"""Ratings are those of the model that the run names, and a model without a fit says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders import a_run, battle

from evalharness.analysis import analyze_robustness, build_leaderboard, compare_models
from evalharness.config.schema import RootConf
from evalharness.domain import DEFAULT_RATING, RunConfig, RunRecords, Winner
from evalharness.errors import BattlesError
from evalharness.judge import collect_battles
from evalharness.stats import (
    build_comparisons_from_battles,
    estimate_better_probabilities,
    find_rating_model,
    list_rating_models,
)

NAMES = [model.name for model in list_rating_models()]


def rated_by(records, rating):
    """Return records whose settings name a rating model."""
    return replace(records, config=replace(records.config, rating=rating))


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_by_rating_is_that_of_the_model_that_the_run_names(name):
    """Ratings, intervals, the probability of being better and `compare` follow one fit."""
    records = rated_by(a_run(models=4, questions=20), name)
    battles = collect_battles(records)
    model = find_rating_model(name)
    fitted = model.fit(build_comparisons_from_battles(battles))

    board = build_leaderboard(records, battles)
    row = next(row for row in board.rows if row.model == "vicuna-13b")
    expected = fitted.rating("vicuna-13b")
    pair = board.pairs[0]
    better = estimate_better_probabilities(
        fitted.ratings,
        fitted.rating_covariance,
        errors=fitted.difference_errors,
        degrees_of_freedom=fitted.clusters - 1,
    )
    place = fitted.models.index
    difference = compare_models(records, battles, "vicuna-13b", "alpaca-7b").difference

    assert (board.rating, board.method) == (name, model.title)
    assert (row.rating, row.rating_low, row.rating_high) == pytest.approx(
        (expected.value, expected.low, expected.high)
    )
    assert pair.better == pytest.approx(better[place(pair.model_a), place(pair.model_b)])
    assert difference.value == pytest.approx(fitted.contrast("vicuna-13b", "alpaca-7b").value)


def test_the_leaderboard_has_what_a_model_estimates_besides_ratings():
    """Davidson's factor of ties is part of the fit, with an interval."""
    records = rated_by(a_run(models=4, questions=20), "davidson")

    (parameter,) = build_leaderboard(records, collect_battles(records)).rating_parameters

    assert (parameter.name, parameter.description) == ("log_nu", "logarithm of the factor of ties")
    assert parameter.low < parameter.value < parameter.high


def test_a_run_that_names_no_rating_model_is_rated_by_the_default():
    """Runs made before the setting existed keep their leaderboard."""
    records = a_run(models=3, questions=8)

    board = build_leaderboard(records, collect_battles(records))

    assert board.rating == DEFAULT_RATING == RootConf().rating
    assert board == build_leaderboard(rated_by(records, DEFAULT_RATING), collect_battles(records))


def test_a_model_without_a_fit_gives_way_to_bradley_terry_and_a_note_says_why():
    """Davidson has no finite estimate without a tie; a leaderboard is there all the same."""
    battles = [
        battle("one", "two", str(number), winner=winner)
        for number, winner in enumerate((Winner.MODEL_A, Winner.MODEL_B) * 6)
    ]
    records = RunRecords(name="r", questions=(), config=RunConfig(rating="davidson"))

    board = build_leaderboard(records, battles)

    assert (board.rating, board.method) == ("bradley_terry", "Bradley-Terry")
    assert board.cautions[0].sentence == (
        "Ratings are by Bradley-Terry, as Davidson has none here: no battle is a tie, so how often "
        "models tie has no finite estimate."
    )


def test_only_models_that_need_a_prior_are_given_one():
    """Elo is finite however one-sided the battles are; Davidson's ratings are not."""
    winners = (Winner.MODEL_A, Winner.TIE, Winner.MODEL_A)
    battles = [battle("one", "two", str(n), winner=winners[0]) for n in range(6)]
    battles += [battle("two", "three", str(n), winner=winners[n % 3]) for n in range(6)]

    def method(rating):
        records = RunRecords(name="r", questions=(), config=RunConfig(rating=rating))
        return build_leaderboard(records, battles).method

    assert method("elo") == "online Elo"
    assert method("davidson") == "Davidson with a small prior"


@pytest.mark.parametrize("name", NAMES)
def test_robustness_shows_the_other_rating_models(name):
    """The leaderboard's own model is the ranking, and no alternative to it."""
    records = rated_by(a_run(models=3, questions=8), name)
    battles = collect_battles(records)

    found = analyze_robustness(records, battles, build_leaderboard(records, battles))

    shown = {each.name.lower() for each in found.variants if each.group == "Rating model"}
    assert found.main.startswith(find_rating_model(name).title)
    assert shown == {
        *(model.title.lower() for model in list_rating_models() if model.name != name),
        "win rate",
    }


def test_a_saved_rating_model_that_is_gone_is_named():
    """A run with a custom rating model cannot be rated without that model."""
    records = rated_by(a_run(models=3, questions=4), "mine")

    with pytest.raises(BattlesError, match="no rating method 'mine'"):
        build_leaderboard(records, collect_battles(records))


def test_ranks_follow_the_rating_model():
    """Where two models disagree on the order, the ranks are those of the model that is named."""
    rng = np.random.default_rng(0)
    models = ("one", "two", "three", "four")
    battles = [
        battle(*pair, str(n), winner=rng.choice([Winner.MODEL_A, Winner.TIE, Winner.MODEL_B]))
        for n in range(12)
        for pair in [rng.permutation(models)[:2].tolist()]
    ]
    for name in NAMES:
        records = RunRecords(name="r", questions=(), config=RunConfig(rating=name))
        rows = build_leaderboard(records, battles).rows
        assert [row.rating for row in rows] == sorted((row.rating for row in rows), reverse=True)
        assert [row.rank for row in rows] == [1, 2, 3, 4]
