"""Bootstrap: replicates are exact refits, their law is the stated one, intervals hold the truth."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from battle_lists import LOST, TIE, WON, battles, connected_battles, simulated
from hypothesis import given, settings
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import chisquare, poisson

from evalharness.errors import BattlesError, SeparationError
from evalharness.stats import (
    ResamplingScheme,
    bootstrap,
    bradley_terry,
    build_comparisons,
    count_comparisons,
    davidson,
)
from evalharness.stats.battles.count_arrays import ensure_counts
from evalharness.stats.battles.counts import merge_pair_orders
from evalharness.stats.ratings.replicates import (
    _choose_loops,
    _numpy_loops,
    draw_cell_weights,
    fit_replicates,
)


def rng():
    """Return a generator that always gives the same numbers."""
    return np.random.default_rng(7)


def by_battle(models=5, questions=60):
    """Return simulated battles, each its own cluster."""
    plain = simulated(models=models, questions=questions)
    return build_comparisons(plain.models, plain.first, plain.second, plain.outcome)


@pytest.mark.parametrize("resampling", ResamplingScheme)
def test_each_replicate_is_the_full_fit_of_its_weights(resampling):
    """Fitting many side by side with one matrix is a short cut, not an approximation."""
    counts = merge_pair_orders(ensure_counts(simulated(models=5, questions=12)))

    found = bootstrap(counts, rng(), replicates=40, resampling=resampling, threads=1)

    weights = draw_cell_weights(counts, rng().spawn(1)[0], 40, resampling)
    for strengths, weight in zip(found.strengths, weights.T, strict=True):
        replicate = replace(counts, weight=weight.reshape(-1, 3), by_question=None)
        assert_allclose(strengths, bradley_terry(replicate).strengths, atol=1e-7)


@settings(deadline=None, max_examples=25)
@given(connected_battles())
def test_replicates_of_few_battles_converge_too(comparisons):
    """Where the common matrix does not converge, Newton's method takes over for every replicate."""
    counts = merge_pair_orders(ensure_counts(comparisons))

    fitted = bradley_terry(counts)
    found = fit_replicates(counts, fitted, rng(), 8, ResamplingScheme.BAYESIAN, 1)

    weights = draw_cell_weights(counts, rng().spawn(1)[0], 8, ResamplingScheme.BAYESIAN)
    for strengths, weight in zip(found, weights.T, strict=True):
        replicate = replace(counts, weight=weight.reshape(-1, 3), by_question=None)
        assert_allclose(strengths, bradley_terry(replicate).strengths, atol=1e-6)


@pytest.mark.parametrize("resampling", ResamplingScheme)
@pytest.mark.parametrize("comparisons", [simulated(models=5, questions=80), by_battle()])
def test_intervals_agree_with_the_sandwich(comparisons, resampling):
    """Two ways to the same variance: they differ by the noise of 4,000 replicates, some 2%."""
    fitted = bradley_terry(comparisons)

    found = bootstrap(comparisons, rng(), replicates=4000, resampling=resampling)

    assert_allclose(found.high - found.low, fitted.high - fitted.low, rtol=0.08)
    gap, expected = (made.contrast("model-0", "model-3") for made in (found, fitted))
    assert gap.value == pytest.approx(expected.value)
    assert gap.standard_error == pytest.approx(expected.standard_error, rel=0.05)
    assert gap.low == pytest.approx(expected.low, abs=0.15 * expected.standard_error)


def test_weights_within_a_cell_keep_their_variance():
    """A few heavy battles are less information than many light ones of the same weight."""
    plain = by_battle()
    weight = np.where(np.arange(len(plain.first)) % 10 == 0, 10.0, 0.5)
    weighted = build_comparisons(
        plain.models, plain.first, plain.second, plain.outcome, weight=weight
    )

    found = bootstrap(weighted, rng(), replicates=4000)

    fitted = bradley_terry(weighted)
    assert_allclose(found.high - found.low, fitted.high - fitted.low, rtol=0.08)


def test_other_methods_are_refitted_with_their_parameters():
    """Davidson's tie parameter and position effect get intervals as ratings do."""
    comparisons = simulated(models=3, questions=60)
    method = partial(davidson, position=True)

    found = bootstrap(comparisons, rng(), method=method, replicates=300)

    fitted = method(comparisons)
    for name in ("log_nu", "log_gamma"):
        estimate, expected = found.parameter(name), fitted.parameter(name)
        assert estimate.value == expected.value
        assert estimate.standard_error == pytest.approx(expected.standard_error, rel=0.2)
    assert_allclose(found.high - found.low, fitted.high - fitted.low, rtol=0.25)


def test_an_anchor_keeps_its_rating():
    """What is fixed has no interval; differences from it have."""
    method = partial(bradley_terry, anchor="model-1", anchor_rating=1200)
    found = bootstrap(simulated(), rng(), method=method, replicates=50)

    assert_allclose(found.ratings[:, 1], 1200)
    assert found.high[0] > found.low[0]


def test_threads_change_nothing():
    """The same seed gives the same table on any machine."""
    one, many = (bootstrap(by_battle(), rng(), replicates=1500, threads=n) for n in (1, 3))
    assert_array_equal(one.strengths, many.strengths)


def test_replicates_without_finite_ratings_are_refused_with_the_remedy():
    """One question carries a's only loss: a third of the draws leave it out."""
    entries = [("a", "b", WON, q) for q in range(9)] + [("a", "b", LOST, 9)]
    one_loss = battles(*entries)

    with pytest.raises(SeparationError, match=r"of 100 replicates.*resampling='bayesian'"):
        bootstrap(one_loss, rng(), replicates=100)

    weighed = bootstrap(one_loss, rng(), replicates=100, resampling="bayesian")
    penalised = bootstrap(
        one_loss, rng(), replicates=100, method=partial(bradley_terry, penalty=0.25)
    )
    assert np.isfinite([weighed.low, weighed.high, penalised.low, penalised.high]).all()


@pytest.mark.parametrize(
    "alike",
    [
        [("a", "b", TIE, q) for q in range(12)],
        [(*pair, WON, q) for q in range(2) for pair in [("a", "b"), ("b", "c"), ("c", "a")]],
    ],
)
def test_replicates_that_do_not_vary_are_refused(alike):
    """Twelve ties are ten thousand equal replicates: an interval of width zero would be a lie."""
    with pytest.raises(BattlesError, match="sandwich"):
        bootstrap(battles(*alike), rng(), replicates=100)


def test_one_question_leaves_no_interval():
    """Drawing it again and again shows no spread, which is not certainty."""
    found = bootstrap(battles(("a", "b", WON, 7), ("a", "b", LOST, 7)), rng(), replicates=10)
    assert np.isnan([*found.low, *found.high]).all()
    assert np.isnan(found.contrast("a", "b").standard_error)


@pytest.mark.parametrize(
    "settings", [{"level": 1.0}, {"replicates": 1}, {"resampling": "jackknife"}]
)
def test_invalid_settings_are_refused(settings):
    """Before any replicate is drawn."""
    with pytest.raises(ValueError, match=r"level|replicates|jackknife"):
        bootstrap(simulated(), rng(), **settings)


def test_compiled_and_plain_fits_agree():
    """The extra makes replicates faster, not other."""
    pytest.importorskip("numba", reason="the extra `fast` is not installed")
    counts = merge_pair_orders(ensure_counts(simulated(models=6, questions=30)))
    fitted = bradley_terry(counts, penalty=0.1)
    draw, plain = _numpy_loops(counts, ResamplingScheme.MULTINOMIAL)
    _, compiled = _choose_loops(counts, ResamplingScheme.MULTINOMIAL)
    drawn = draw(rng(), 33)

    (expected, done), (strengths, finished) = plain(drawn, fitted), compiled(drawn, fitted)

    assert done.all()
    assert finished.all()
    assert_allclose(strengths, expected, atol=1e-8)


@pytest.mark.parametrize("mean", [0.04, 1.0, 7.5, 480.0])
def test_compiled_draws_are_poisson(mean):
    """Chi-squared against the distribution, on 100,000 numbers of each mean."""
    compiled = pytest.importorskip("evalharness.stats.ratings.compiled_loops", reason="no numba")
    made = compiled.build_alias_tables(np.full(2, mean))
    one = np.ones(2)

    won, fought = compiled.draw_replicates(
        made, np.arange(2), one, one / 2, np.uint64(11), (2, 100_000)
    )

    assert_array_equal(won, fought / 2)
    for numbers in fought:
        low, high = (int(poisson.ppf(share, mean)) for share in (2e-4, 1 - 2e-4))
        edges = np.arange(low, high + 1)
        expected = poisson.pmf(edges, mean)
        expected[0], expected[-1] = poisson.cdf(low, mean), poisson.sf(high - 1, mean)
        seen = np.bincount(np.clip(numbers, low, high).astype(int) - low, minlength=len(edges))
        assert chisquare(seen, expected * len(numbers)).pvalue > 1e-4
    assert abs(np.corrcoef(fought)[0, 1]) < 0.02


def test_means_too_large_for_tables_are_drawn_all_the_same():
    """A billion battles of one pair have no table, and ratings all the same."""
    compiled = pytest.importorskip("evalharness.stats.ratings.compiled_loops", reason="no numba")
    assert compiled.build_alias_tables(np.full(3, 1e13)) is None
    many = count_comparisons(
        ["a", "b"], [0, 0, 0], [1, 1, 1], [WON, LOST, TIE], weight=[6e13, 3e13, 1e13]
    )
    equal = replace(many, square=many.weight)  # as if each weighed 1

    found = bootstrap(equal, rng(), replicates=64)

    assert_allclose(found.strengths.mean(axis=0), found.fitted.strengths, atol=1e-6)
