"""Fit strengths again under a constraint on one contrast, for many contrasts at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.stats.battles.comparisons import BattleOutcome
from evalharness.stats.estimation.sandwich import common_level_direction

if TYPE_CHECKING:
    from evalharness.stats.arrays import BoolArray, FloatArray, IntArray
    from evalharness.stats.battles.counts import BattleCounts
    from evalharness.stats.estimation.outcome_model import OutcomeModel

_PRIOR = 0.005
"""The wins, and the losses, that each pair of models has in addition: they keep fits finite."""

_NEWTON_STEPS = 30
_SMALLEST_GAIN = 1e-10
_HALVINGS = 10
_ROUNDING = 1e-12
_RIDGE = 1e-9
"""Added to the information, as a share of its mean, so that it has an inverse."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConstrainedFits:
    """Fits under constraints; the first axis of each array is the contrast.

    Attributes:
        coefficients: the strengths and parameters.
        directions: the direction of the efficient score, which is orthogonal to the scores of all
            other coefficients.
        score: the score of each cell by pair, outcome and coordinate (see `OutcomeTerms`).
    """

    coefficients: FloatArray
    directions: FloatArray
    score: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Points:
    coefficients: FloatArray
    value: FloatArray
    gradient: FloatArray
    inverse: FloatArray
    score: FloatArray


def fit_under_constraints(
    counts: BattleCounts, model: OutcomeModel, contrasts: FloatArray, start: FloatArray
) -> ConstrainedFits:
    """Return the fits in which each contrast keeps the value that it has at the start.

    Args:
        counts: the battles.
        model: the model of outcomes.
        contrasts: one contrast of strengths and parameters per row.
        start: one vector of strengths and parameters per row.
    """
    points = _evaluate(counts, model, start)
    active = np.arange(len(start))
    found = points
    for _ in range(_NEWTON_STEPS):
        steps = _constrained_steps(points, contrasts[active])
        gains = np.sum(points.gradient * steps, axis=1)
        before, points = points, _take_steps(counts, model, points, steps)
        found = _merge(found, points, active)
        # The gain of a further step is the square of this one's, and rounding may allow no step.
        moving = (gains >= _SMALLEST_GAIN) & (points.value != before.value)
        if not moving.any():
            break
        active, points = active[moving], _select(points, moving)
    return ConstrainedFits(
        coefficients=found.coefficients,
        directions=np.einsum("ctu,cu->ct", found.inverse, contrasts),
        score=found.score,
    )


def _constrained_steps(points: _Points, contrasts: FloatArray) -> FloatArray:
    """Return Newton's steps along which the contrasts do not change."""
    free = np.einsum("ctu,cu->ct", points.inverse, points.gradient)
    moved = np.einsum("ctu,cu->ct", points.inverse, contrasts)
    share = np.sum(contrasts * free, axis=1) / np.sum(contrasts * moved, axis=1)
    steps: FloatArray = free - moved * share[:, None]
    return steps


def _take_steps(
    counts: BattleCounts, model: OutcomeModel, points: _Points, steps: FloatArray
) -> _Points:
    """Return the points after their steps, each halved until it does not lower the likelihood."""
    lowest = points.value - _ROUNDING * (1 + np.abs(points.value))
    share = np.ones(len(steps))
    stepped = _evaluate(counts, model, points.coefficients + steps)
    for _ in range(_HALVINGS):
        lower = ~(stepped.value >= lowest)
        if not lower.any():
            return stepped
        share[lower] /= 2
        places = np.flatnonzero(lower)
        tried = points.coefficients[places] + share[places, None] * steps[places]
        stepped = _merge(stepped, _evaluate(counts, model, tried), places)
    places = np.flatnonzero(~(stepped.value >= lowest))
    return _merge(stepped, _select(points, places), places)


def _evaluate(counts: BattleCounts, model: OutcomeModel, coefficients: FloatArray) -> _Points:
    number, size = len(coefficients), len(counts.models)
    pairs = len(counts.first)
    strengths, parameters = coefficients[:, :size], coefficients[:, size:]
    difference = strengths[:, counts.first] - strengths[:, counts.second]
    terms = model.terms(difference.ravel(), np.repeat(parameters, pairs, axis=0))
    weight = _add_prior(counts)
    score = terms.score.reshape(number, *weight.shape, -1)
    log_probability = terms.log_probability.reshape(number, *weight.shape)
    value = np.sum(np.where(weight > 0, weight * log_probability, 0.0), axis=(1, 2))
    by_pair = np.einsum("po,cpot->cpt", weight, score)
    curvature = np.einsum(
        "po,cpotu->cptu", weight, terms.information.reshape(*score.shape, score.shape[-1])
    )
    gradient = np.concatenate(
        [_sum_by_model(counts, by_pair[:, :, 0]), by_pair[:, :, 1:].sum(axis=1)], axis=1
    )
    return _Points(
        coefficients=coefficients,
        value=np.where(np.isfinite(value), value, -np.inf),
        gradient=gradient,
        inverse=_invert(_assemble(counts, curvature), size),
        score=score,
    )


def _add_prior(counts: BattleCounts) -> FloatArray:
    """Return the weights of cells with the prior's wins and losses, in each pair's own weight."""
    single = counts.weight.sum(axis=1) / counts.number.sum(axis=1)
    weight = counts.weight.copy()
    weight[:, [BattleOutcome.SECOND_WON, BattleOutcome.FIRST_WON]] += _PRIOR * single[:, None]
    return weight


def _sum_by_model(counts: BattleCounts, by_pair: FloatArray) -> FloatArray:
    """Return for each model the sum over its pairs, negated where it is the second model."""
    size = len(counts.models)
    sums = np.zeros((size, len(by_pair)))
    np.add.at(sums, counts.first, by_pair.T)
    np.subtract.at(sums, counts.second, by_pair.T)
    return sums.T


def _assemble(counts: BattleCounts, curvature: FloatArray) -> FloatArray:
    """Return the information of strengths and parameters."""
    number, size = len(curvature), len(counts.models)
    between = np.zeros((number, size, size))
    between[:, counts.first, counts.second] = curvature[:, :, 0, 0]
    between += between.transpose(0, 2, 1)
    total = size + curvature.shape[-1] - 1
    information = np.zeros((number, total, total))
    information[:, :size, :size] = -between
    diagonal = np.arange(size)
    information[:, diagonal, diagonal] += between.sum(axis=2)
    for place in range(size, total):
        mixed = _sum_by_model(counts, curvature[:, :, 0, place - size + 1])
        information[:, :size, place] = information[:, place, :size] = mixed
    information[:, size:, size:] = curvature[:, :, 1:, 1:].sum(axis=1)
    return information


def _invert(information: FloatArray, size: int) -> FloatArray:
    """Return the inverses on strengths with sum zero, because their level is undetermined."""
    total = information.shape[-1]
    level = common_level_direction(size, total)
    undetermined = level @ level.T
    # A parameter outside its range has no information, and strengths far apart have hardly any.
    known = np.where(np.isfinite(information), information, 0.0)
    scale = np.abs(np.trace(known, axis1=1, axis2=2))[:, None, None] / size + _RIDGE
    filled = known + scale * (undetermined + _RIDGE * np.eye(total))
    inverse: FloatArray = np.linalg.inv(filled) - undetermined / scale
    return inverse


def _merge(points: _Points, others: _Points, places: IntArray) -> _Points:
    """Return points, with others at some places."""
    merged = {}
    for name in _Points.__slots__:
        array = getattr(points, name).copy()
        array[places] = getattr(others, name)
        merged[name] = array
    return _Points(**merged)


def _select(points: _Points, chosen: BoolArray | IntArray) -> _Points:
    return _Points(**{name: getattr(points, name)[chosen] for name in _Points.__slots__})
