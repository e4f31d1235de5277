"""Adaptive designs choose the best pair, keep the error rate, and lose no unit."""

from __future__ import annotations

import json
import math

import numpy as np
from numpy.testing import assert_allclose
from scipy.special import expit
from scipy.stats import norm

from evalharness.stats import (
    AdaptiveRounds,
    always_valid_boundary,
    bradley_terry,
    build_comparisons,
    estimate_adaptive_strengths,
    list_pairs,
)
from evalharness.stats.design.adaptive_pairs import choose_next_pairs

MODELS, QUESTIONS = 6, 30
STRENGTHS = np.array([1.2, 0.8, 0.7, 0.0, -0.6, -2.1])
FIRST, SECOND = list_pairs(MODELS)


def _points(rng, strengths=STRENGTHS, questions=QUESTIONS):
    """Return the points of all units; ties where two games disagree."""
    first, second = list_pairs(len(strengths))
    suits = strengths[:, None] + 0.7 * rng.standard_normal((len(strengths), questions))
    chance = expit(suits[first] - suits[second])
    return (rng.random((2, *chance.shape)) < chance).mean(axis=0)


def _part(points, share, rng):
    return np.where(rng.random(points.shape) < share, points, np.nan)


def _played(rounds, points, *, most=math.inf):
    """Return the units that a design chooses, with outcomes recorded as in a run."""
    units, in_flight = [], [rounds.choose_round()]
    while in_flight and len(units) < most:
        if following := rounds.choose_round():
            in_flight.append(following)
        finished = in_flight.pop(0)
        rounds.record_outcomes({unit: points[unit] for unit in finished})
        units += finished
    return units


def test_strengths_and_errors_equal_those_of_ratings_if_the_prior_is_weak():
    """Two different estimates would disagree on which pairs are decided."""
    rng = np.random.default_rng(1)
    points = _points(rng, questions=4000)
    pair, question = np.nonzero(points >= 0)
    names = list("abcdef")
    battles = build_comparisons(
        names,
        FIRST[pair],
        SECOND[pair],
        (2 * points[pair, question]).astype(int),
        question=question,
    )
    fitted = bradley_terry(battles)
    gap = fitted.strengths[FIRST] - fitted.strengths[SECOND]
    spread = fitted.covariance
    error = np.sqrt(spread[FIRST, FIRST] + spread[SECOND, SECOND] - 2 * spread[FIRST, SECOND])

    standing = estimate_adaptive_strengths(points, MODELS)

    assert_allclose(standing.strength, fitted.strengths, atol=1e-3)
    assert_allclose(standing.z, gap / error, rtol=1e-3)


def test_the_first_choice_is_the_best_of_all_by_brute_force():
    """The computation with K x K matrices equals the sum over all pairs of pairs."""
    rng = np.random.default_rng(2)
    standing = estimate_adaptive_strengths(_part(_points(rng), 0.3, rng), MODELS)
    open_to_all = np.full(len(FIRST), 9)
    contrasts = np.eye(MODELS)[FIRST] - np.eye(MODELS)[SECOND]
    gap = contrasts @ standing.strength
    chance = expit(gap)
    tells = 2 * chance * (1 - chance) / standing.dispersion

    def risk(covariance):
        spread = np.einsum("pi,ij,pj->p", contrasts, covariance, contrasts)
        return np.where(standing.decided, 0, norm.sf(np.abs(gap) / np.sqrt(spread))).sum()

    def drop(pair, step=1e-4):
        """Return the slope of the risk along what one unit does to the covariance."""
        column = standing.covariance @ contrasts[pair]
        change = np.outer(column, column) / (1 / tells[pair] + contrasts[pair] @ column)
        return (risk(standing.covariance) - risk(standing.covariance - step * change)) / step

    is_open = ~standing.decided
    expected = max(np.flatnonzero(is_open), key=drop)

    assert choose_next_pairs(standing, np.zeros_like(open_to_all), open_to_all, 1) == [expected]


def test_units_in_flight_count_as_already_chosen():
    """A second round continues the first, it does not repeat it."""
    rng = np.random.default_rng(3)
    standing = estimate_adaptive_strengths(_part(_points(rng), 0.3, rng), MODELS)
    left, nothing = np.full(len(FIRST), 30), np.zeros(len(FIRST), dtype=int)
    ten = choose_next_pairs(standing, nothing, left, 10)
    pending = np.bincount(ten[:4], minlength=len(FIRST))

    assert choose_next_pairs(standing, pending, left - pending, 6) == ten[4:]


def test_without_outcomes_every_pair_is_chosen_equally_often():
    """Before any outcome no pair is preferred."""
    standing = estimate_adaptive_strengths(np.full((len(FIRST), 40), np.nan), MODELS)
    left = np.full(len(FIRST), 40)
    met = np.bincount(choose_next_pairs(standing, np.zeros_like(left), left, 4 * len(FIRST)))

    assert met.min() >= 3
    assert met.max() <= 5


def test_the_boundary_is_the_published_formula():
    """Robbins 1970: at t = rho it is sqrt(2 (ln 2 - 2 ln alpha))."""
    assert_allclose(
        always_valid_boundary(7.0, alpha=0.05, rho=7.0),
        math.sqrt(2 * (math.log(2) - 2 * math.log(0.05))),
    )


def test_equal_models_are_decided_in_at_most_one_run_of_twenty_at_any_time():
    """A fixed-size test evaluated after every unit would err far more often."""
    rng = np.random.default_rng(4)
    walks = rng.standard_normal((4000, 500)).cumsum(axis=1)
    t = np.arange(1, 501)
    z = np.abs(walks) / np.sqrt(t)

    ever = (z > always_valid_boundary(t, alpha=0.05, rho=20.0)).any(axis=1).mean()

    assert 0.005 < ever < 0.05
    assert (z > norm.ppf(0.975)).any(axis=1).mean() > 0.3


def test_hardly_any_pair_of_equal_models_is_ever_decided():
    """This tests clustered z and the choice of pairs together, on questions that suit some models."""
    rng = np.random.default_rng(5)
    false = []
    for seed in range(60):
        points = _points(rng, np.zeros(2), questions=120)
        rounds = AdaptiveRounds(2, 120, seed)
        _played(rounds, points)
        false.append(rounds.estimate().decided[0])

    assert np.mean(false) < 0.08


def test_equal_outcomes_give_equal_rounds():
    """An interrupted run can be repeated with the same choices."""
    points = _points(np.random.default_rng(6))
    one, again, other = (
        _played(AdaptiveRounds(MODELS, QUESTIONS, seed), points) for seed in (7, 7, 8)
    )

    assert one == again
    assert one != other


def test_no_unit_is_issued_twice_and_none_of_a_closed_pair():
    """If no pair can be decided, each unit is issued once."""
    points = np.full((len(FIRST), QUESTIONS), 0.5)
    is_open = np.arange(len(FIRST)) > 2
    units = _played(AdaptiveRounds(MODELS, QUESTIONS, 0, is_open=is_open), points)

    assert len(units) == len(set(units)) == is_open.sum() * QUESTIONS
    assert {pair for pair, _ in units} == set(np.flatnonzero(is_open))


def test_units_without_an_outcome_are_not_issued_again():
    """A judge that cannot be read ends the run as well."""
    points = np.full((len(FIRST), QUESTIONS), np.nan)

    assert len(_played(AdaptiveRounds(MODELS, QUESTIONS, 0), points)) == len(FIRST) * QUESTIONS


def test_a_third_of_the_calls_finds_what_the_full_run_separates():
    """Ten models, forty questions: nearly all pairs that the full data decide have the same order."""
    rng = np.random.default_rng(9)
    same, calls = [], []
    for seed in range(6):
        points = _points(rng, rng.normal(0, 0.8, 10), questions=40)
        full = estimate_adaptive_strengths(points, 10)
        seen = np.full_like(points, np.nan)
        units = _played(AdaptiveRounds(10, 40, seed), points, most=points.size // 3)
        seen[tuple(np.transpose(units))] = points[tuple(np.transpose(units))]
        separated = np.abs(full.z) > norm.ppf(0.975)
        same.append(
            (np.sign(estimate_adaptive_strengths(seen, 10).z) == np.sign(full.z))[separated].mean()
        )
        calls.append(len(units) / points.size)

    assert np.mean(same) >= 0.98
    assert max(calls) < 0.4


def test_gpt4s_real_judgments_of_mt_bench_need_a_quarter(data_file):
    """2,400 recorded verdicts on six models, all pairs: their order at 15%, the end at a quarter."""
    lines = data_file("mt_bench_human/gpt4_pair.jsonl").read_text(encoding="utf-8").splitlines()
    points = _recorded([json.loads(line) for line in lines])
    full = estimate_adaptive_strengths(points, 6)
    separated = np.abs(full.z) > norm.ppf(0.975)
    ended, same = [], []
    for seed in range(10):
        rounds, seen = AdaptiveRounds(6, 80, seed), np.full_like(points, np.nan)
        part = tuple(np.transpose(_played(rounds, points, most=0.15 * points.size)))
        seen[part] = points[part]
        same.append(
            (np.sign(estimate_adaptive_strengths(seen, 6).z) == np.sign(full.z))[separated].mean()
        )
        rounds = AdaptiveRounds(6, 80, seed)
        ended.append(len(_played(rounds, points)) / points.size)
        standing = rounds.estimate()
        assert not (standing.decided & separated & (np.sign(standing.z) != np.sign(full.z))).any()

    assert separated.sum() == 15
    assert min(same) == 1
    assert 0.2 < np.mean(ended) < 0.3


def _recorded(rows):
    """Return each pair's points on each question, the mean of two turns."""
    names = sorted({row[side] for row in rows for side in ("model_a", "model_b")})
    questions = sorted({row["question_id"] for row in rows})
    number = {pair: place for place, pair in enumerate(zip(*list_pairs(6), strict=True))}
    points = np.zeros((15, 80))
    for row in rows:
        pair = names.index(row["model_a"]), names.index(row["model_b"])
        first = {"model_a": 1.0, "model_b": 0.0}.get(row["winner"], 0.5)
        won = first if pair[0] < pair[1] else 1 - first
        points[number[tuple(sorted(pair))], questions.index(row["question_id"])] += won / 2
    return points
