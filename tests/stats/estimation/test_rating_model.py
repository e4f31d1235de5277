"""The rating models that the package finds, and what each must give."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from battle_lists import LOST, TIE, WON, battles, simulated
from numpy.testing import assert_allclose

from evalharness.errors import BattlesError
from evalharness.stats import (
    bradley_terry,
    count_comparisons,
    find_rating_model,
    list_rating_models,
    rating_models,
)

MODELS = list_rating_models()
NEW_MODEL = """
from evalharness.stats import RatingModel, bradley_terry

def halved(battles, /, *, anchor=None, **settings):
    return bradley_terry(battles, anchor=anchor, penalty=1.0)

RATING_MODEL = RatingModel(
    name="halved", title="Halved", fit=halved, description="A test.", source="No one 2000"
)
"""


@pytest.fixture
def comparisons():
    """Return battles of four models, with ties, on several questions."""
    return simulated()


def test_every_module_of_the_folder_is_a_rating_model_of_its_name():
    """A new one is one file: there is no other list."""
    folder = Path(rating_models.__path__[0])
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}

    assert {model.name for model in MODELS} == modules
    assert {"bradley_terry", "davidson", "elo", "rao_kupper"} <= modules


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_rating_model_explains_itself(model):
    """A report shows what it assumes, and who published it."""
    assert find_rating_model(model.name) is model
    assert model.description.endswith(".")
    assert any(character.isdigit() for character in model.source)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_rating_model_gives_ratings_with_a_covariance(model, comparisons):
    """Intervals, ranks and comparisons of a leaderboard need only this."""
    ratings = model.fit(comparisons, level=0.9)

    assert ratings.method == model.title
    assert ratings.models == comparisons.models
    assert ratings.level == 0.9
    assert_allclose(ratings.ratings.mean(), 1000)
    assert_allclose(ratings.covariance[: len(ratings.models)].sum(axis=0), 0, atol=1e-9)
    assert (ratings.low < ratings.ratings).all()
    assert ratings.clusters == comparisons.clusters
    assert set(ratings.parameters) <= set(model.parameters)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_the_same_battles_give_the_same_ratings(model, comparisons):
    """A report that is made again shows the same numbers."""
    first, second = model.fit(comparisons), model.fit(comparisons)

    assert np.array_equal(first.strengths, second.strengths)
    assert np.array_equal(first.covariance, second.covariance)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_the_claims_of_a_rating_model_are_true(model):
    """A caller decides by these claims whether to give a penalty, counts or a position effect."""
    all_won = battles(*[("a", "b", WON)] * 3, ("b", "c", WON), ("b", "c", TIE))
    untied = battles(*[(*sides, won) for sides in ("ab", "ba") for won in (WON, LOST)])
    counted = count_comparisons(untied.models, untied.first, untied.second, untied.outcome)

    def works(given, **settings):
        try:
            return bool(np.isfinite(model.fit(given, **settings).strengths).all())
        except (BattlesError, ArithmeticError, ValueError):
            return False

    assert works(all_won) is not model.takes_penalty
    assert works(all_won, penalty=0.25) is model.takes_penalty
    assert works(untied) is not model.needs_ties
    if not model.needs_ties:
        assert works(untied, position=True) is model.takes_position
        assert works(counted) is not model.needs_order


def test_an_unknown_rating_model_is_refused_with_a_suggestion():
    """A typing error is no other model."""
    with pytest.raises(BattlesError, match=r"davidsen.*did you mean davidson"):
        find_rating_model("davidsen")


def test_a_new_rating_model_is_one_file(tmp_path):
    """It is found in the folder of the others, and `evalharness.rate` uses it by its name."""
    (tmp_path / "halved.py").write_text(NEW_MODEL)
    code = f"""
import evalharness, pandas
from evalharness.stats import rating_models
rating_models.__path__.append({str(tmp_path)!r})
table = pandas.DataFrame({{"model_a": ["a", "b"], "model_b": ["b", "a"], "winner": ["model_a"] * 2}})
print(evalharness.rate(table, "halved").attrs["penalty"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "1.0"


def test_bradley_terry_is_the_rating_model_of_that_name(comparisons):
    """The object and the function are one."""
    by_name = find_rating_model("bradley_terry").fit(comparisons)

    assert_allclose(by_name.strengths, bradley_terry(comparisons).strengths)
