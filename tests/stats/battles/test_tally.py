"""Counting in batches keeps all that a fit needs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from battle_lists import TIE, WON, connected_battles, simulated
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit

from evalharness.errors import BattlesError, DisconnectedError, SeparationError
from evalharness.stats import bradley_terry, build_comparisons, count_comparisons, davidson
from evalharness.stats.battles.count_arrays import ensure_counts
from evalharness.stats.battles.tally import BattleTally

NAMES = ["a", "b", "c"]


def test_cells_hold_the_counts_of_outcomes():
    """Worked by hand: pairs are ordered, outcomes are columns."""
    counts = count_comparisons(
        NAMES, [0, 0, 1, 0], [1, 1, 0, 2], [2, 2, 0, 1], weight=[1.0, 3.0, 2.0, 1.0]
    )

    assert list(zip(counts.first, counts.second, strict=True)) == [(0, 1), (0, 2), (1, 0)]
    assert_array_equal(counts.number, [[0, 0, 2], [0, 1, 0], [1, 0, 0]])
    assert_array_equal(counts.weight, [[0, 0, 4], [0, 1, 0], [2, 0, 0]])
    assert_array_equal(counts.square, [[0, 0, 10], [0, 1, 0], [4, 0, 0]])
    assert (counts.clusters, counts.clustered_by) == (4, "battle")
    assert_array_equal(counts.battles, [4, 3, 1])


def test_questions_are_clusters():
    """The row of a question has the weight of each of its cells, for any number of the question."""
    counts = count_comparisons(NAMES, [0, 0, 1], [1, 1, 2], [2, 2, 1], question=[900, 5, 900])

    assert (counts.clusters, counts.clustered_by) == (2, "question")
    assert_array_equal(counts.by_question.toarray()[:, [2, 4]], [[1, 0], [1, 1]])


def by_definition(comparisons, strengths):
    """Return the sandwich covariance summed battle by battle, by its formula."""
    size = len(comparisons.models)
    gap = strengths[comparisons.first] - strengths[comparisons.second]
    design = np.eye(size)[comparisons.first] - np.eye(size)[comparisons.second]
    weight, chance = comparisons.weight, expit(gap)
    information = design.T @ (design * (weight * chance * (1 - chance))[:, None])
    rows = design * (weight * (comparisons.points - chance))[:, None]
    clusters = np.unique(comparisons.cluster)
    sums = np.array([rows[comparisons.cluster == code].sum(axis=0) for code in clusters])
    inverse = np.linalg.pinv(information, hermitian=True)
    number = len(clusters)
    return number / (number - 1) * inverse @ sums.T @ sums @ inverse


@pytest.mark.parametrize("clustered_by", ["question", "battle"])
def test_the_covariance_from_counts_is_the_one_from_battles(clustered_by):
    """Sums of squares by cell, or of weights by question, give the same sandwich."""
    plain = simulated(models=5, questions=40, seed=3)
    weight = np.random.default_rng(4).uniform(0.2, 3.0, len(plain.first))
    comparisons = build_comparisons(
        plain.models,
        plain.first,
        plain.second,
        plain.outcome,
        weight=weight,
        question=plain.cluster if clustered_by == "question" else None,
    )

    ratings = bradley_terry(ensure_counts(comparisons))

    expected = by_definition(comparisons, ratings.strengths)
    assert_allclose(ratings.covariance, expected, rtol=1e-9, atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(connected_battles(), st.lists(st.integers(0, 50), max_size=4))
def test_batches_count_as_the_whole_does(comparisons, cuts):
    """A file that is read in pieces gives the ratings of the file."""
    columns = (comparisons.first, comparisons.second, comparisons.outcome, comparisons.cluster)
    tally = BattleTally()
    places = sorted({min(cut, len(columns[0])) for cut in cuts} | {0, len(columns[0])})
    for start, stop in itertools.pairwise(places):
        first, second, outcome, question = (column[start:stop] for column in columns)
        tally.add(first, second, outcome, question=question)

    whole, parts = bradley_terry(comparisons), bradley_terry(tally.counts(comparisons.models))

    assert_allclose(parts.strengths, whole.strengths, atol=1e-12)
    assert_allclose(parts.covariance, whole.covariance, atol=1e-12)
    assert parts.clusters == whole.clusters
    assert_array_equal(parts.battles, whole.battles)


def test_many_models_that_rarely_meet_are_counted_without_a_place_for_every_pair():
    """30,000 models have 2.7e9 possible cells, of which a ring fills 60,000."""
    size = 30_000
    first = np.arange(size)
    second = (first + 1) % size
    counts = count_comparisons(
        [str(place) for place in first],
        np.tile(first, 2),
        np.tile(second, 2),
        np.repeat([WON, TIE], size),
    )

    assert counts.number.sum() == 2 * size
    assert_array_equal(counts.number, np.tile([0, 1, 1], (size, 1)))


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int32, np.int64])
def test_integers_of_any_width_count_alike(dtype):
    """Small codes stay small: they are not copied to wider integers."""
    first, second, outcome = np.array([[0, 1, 2, 0], [1, 2, 0, 2], [2, 1, 0, 1]], dtype=dtype)

    assert count_comparisons(NAMES, first, second, outcome).number.sum() == 4


def test_a_weight_of_zero_is_no_battle():
    """Battles that do not count are not counted either, as models or as clusters."""
    counts = count_comparisons(
        NAMES, [0, 0], [1, 2], [WON, WON], weight=[1.0, 0.0], question=np.array([0, 1])
    )

    assert_array_equal(counts.battles, [1, 1, 0])
    assert counts.clusters == 1


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([0], [1], [3], None, None), "outcomes are"),
        (([0], [-1], [2], None, None), "numbers start at 0"),
        (([0], [3], [2], None, None), r"outside 0\.\.2"),
        (([1], [1], [2], None, None), "b against itself"),
        (([0.5], [1], [2], None, None), "not integers"),
        (([0, 1], [1], [2], None, None), "different lengths"),
        (([0], [1], [2], [np.nan], None), "battle 0 has weight nan"),
        (([0], [1], [2], [-1.0], None), r"battle 0 has weight -1\.0"),
        (([0], [1], [2], [0.0], None), "no battles"),
        (([], [], [], None, None), "no battles"),
        (([0], [1], [2], None, [1.5]), "question holds"),
    ],
)
def test_invalid_battles_are_refused(columns, message):
    """Each column is checked, and the message names what is wrong."""
    first, second, outcome, weight, question = columns
    with pytest.raises(BattlesError, match=message):
        count_comparisons(NAMES, first, second, outcome, weight=weight, question=question)


def test_two_models_of_one_name_are_refused():
    """Their battles would be added up under that name."""
    with pytest.raises(BattlesError, match="same name"):
        count_comparisons(["a", "a"], [0], [1], [WON])


def test_batches_with_and_without_questions_do_not_mix():
    """Half a clustering would look like independent battles."""
    tally = BattleTally()
    tally.add([0], [1], [WON], question=[0])
    tally.add([0], [1], [WON])
    with pytest.raises(BattlesError, match="some have none"):
        tally.counts(NAMES)


def test_counts_that_determine_nothing_are_refused_as_battles_are():
    """Counting changes what is read, not what is accepted."""
    with pytest.raises(DisconnectedError):
        bradley_terry(count_comparisons(NAMES, [0, 0], [1, 1], [WON, 0]))
    with pytest.raises(SeparationError, match="a won every battle"):
        bradley_terry(count_comparisons(NAMES[:2], [0, 0], [1, 1], [WON, WON]))
    with pytest.raises(SeparationError, match="no battle is a tie"):
        davidson(count_comparisons(NAMES[:2], [0, 0], [1, 1], [WON, 0]))


def test_a_position_effect_is_estimated_with_the_ratings():
    """Equal models of which the first wins three times in four: delta is ln 3, ratings are equal."""
    first, second = [0] * 40 + [1] * 40, [1] * 40 + [0] * 40
    counts = count_comparisons(NAMES[:2], first, second, ([WON] * 30 + [0] * 10) * 2)

    ratings = bradley_terry(counts, position=True)

    assert_allclose(ratings.strengths, 0, atol=1e-12)
    assert ratings.parameters["delta"] == pytest.approx(np.log(3))
    # the variance of a log-odds from 60 wins and 20 losses, times n/(n-1)
    error = np.sqrt((1 / 60 + 1 / 20) * 80 / 79)
    assert ratings.parameter("delta").standard_error == pytest.approx(error)
