"""Maximum likelihood for paired comparisons: Newton on pair counts, then a clustered sandwich.

A model of outcomes says how probable a win, a tie and a loss are at a difference of strengths
(and, in some, at parameters of its own). `fit` finds the strengths; the model modules use it.

The covariance is V = B^-1 M B^-1 with B the information and M = G/(G-1) sum_q S_q S_q', S_q the
score of all battles of question q: it holds when answers to one question are judged alike, and
when ties make the likelihood only a quasi-likelihood. Intervals use Student's t, G-1 degrees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, diags_array, hstack

from evalharness.errors import ConvergenceError, SeparationError
from evalharness.stats.blas import one_thread
from evalharness.stats.connectivity import require_determined
from evalharness.stats.counting import counted
from evalharness.stats.paired import differences, laplacian, slope
from evalharness.stats.ratings import MEAN_RATING, Ratings, critical_value
from evalharness.stats.sandwich import at_least_the_information, inverse_beside, level_direction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalharness.stats.comparisons import Comparisons, FloatArray
    from evalharness.stats.counts import Counts

SMALLEST_STEP = 1e-9
"""Newton doubles the correct digits, so after a step this small there is nothing left to gain."""

ROUNDING = 1e-12
NO_VARIANCE = 1e-9
"""A variance of scores below this share of the information is what rounding leaves of none."""
LARGEST_PARAMETER = 15.0
"""A tie or position parameter beyond this (log scale) runs to infinity: the data bound it not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Log-likelihood of each outcome at each pair, with derivatives.

    Axes: pair, `Outcome`, then coordinates: the difference of strengths, then the parameters.
    `information` is minus the second derivative.
    """

    log_probability: FloatArray
    score: FloatArray
    information: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeModel:
    """A model of outcomes: its own parameters, where they start, and its terms."""

    name: str
    parameters: tuple[str, ...]
    start: tuple[float, ...]
    terms: Callable[[FloatArray, FloatArray], Terms]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    """The likelihood at one point; its derivatives carry the penalty."""

    at: FloatArray
    value: float
    gradient: FloatArray
    information: FloatArray
    terms: Terms


def fit(
    battles: Comparisons | Counts,
    model: OutcomeModel,
    *,
    level: float = 0.95,
    penalty: float = 0.0,
    anchor: str | None = None,
    anchor_rating: float = MEAN_RATING,
    max_iterations: int = 100,
) -> Ratings:
    """Return maximum-likelihood ratings under a model of outcomes.

    Args:
        battles: the battles, one by one or counted.
        model: the model of outcomes.
        level: the intervals' level.
        penalty: subtracts penalty/2 times the squared strengths, as a normal prior of standard
            deviation 1/sqrt(penalty) would; it keeps ratings finite where a model only won.
        anchor: the model whose rating is `anchor_rating`; without one, their mean is.
        anchor_rating: the rating of the anchor or the mean.
        max_iterations: Newton steps before giving up.

    Raises:
        DisconnectedError: the battles do not connect the models.
        SeparationError: a rating has no finite value, and there is no penalty.
        ConvergenceError: it did not converge.
        ValueError: an argument makes no sense.
    """
    counts = counted(battles)
    _refuse_nonsense(counts.models, penalty=penalty, anchor=anchor)
    critical_value(level, 2)  # refuses a level outside 0..1 before any work
    require_determined(counts, finite=penalty == 0)
    size = len(counts.models)
    with one_thread(size):
        best, iterations = maximise(counts, model, penalty, max_iterations)
        inverse = _inverse(best.information, size)
        covariance = inverse @ _meat(counts, best, penalty) @ inverse
    return Ratings(
        method=model.name,
        models=counts.models,
        strengths=best.at[:size],
        parameters=dict(zip(model.parameters, best.at[size:].tolist(), strict=True)),
        covariance=covariance,
        inverse_information=inverse,
        log_likelihood=best.value,
        battles=counts.battles,
        level=level,
        clusters=counts.clusters,
        clustered_by=counts.clustered_by,
        iterations=iterations,
        penalty=penalty,
        anchor=anchor,
        anchor_rating=anchor_rating,
    )


def _refuse_nonsense(models: Sequence[str], *, penalty: float, anchor: str | None) -> None:
    if not 0 <= penalty < np.inf:
        msg = f"a penalty is a number from 0 up, not {penalty}"
        raise ValueError(msg)
    if anchor is not None and anchor not in models:
        msg = f"the anchor {anchor!r} is none of the models: {', '.join(models)}"
        raise ValueError(msg)


def maximise(
    counts: Counts,
    model: OutcomeModel,
    penalty: float,
    max_iterations: int,
    start: FloatArray | None = None,
) -> tuple[_Point, int]:
    """Return where the penalised likelihood is largest, and after how many Newton steps.

    Raises:
        SeparationError: a parameter of the model of outcomes has no finite value.
        ConvergenceError: it did not converge.
    """
    size = len(counts.models)
    if start is None:
        start = np.concatenate([np.zeros(size), model.start])
    point = _evaluate(counts, model, penalty, start)
    for iteration in range(1, max_iterations + 1):
        step = _inverse(point.information, size) @ point.gradient
        point = _ascend(counts, model, penalty, point, step)
        _refuse_unbounded(point.at[size:], model)
        if np.max(np.abs(step)) < SMALLEST_STEP:
            return point, iteration
    msg = f"{model.name} ratings did not converge in {max_iterations} Newton steps"
    raise ConvergenceError(msg)


def _ascend(
    counts: Counts, model: OutcomeModel, penalty: float, point: _Point, step: FloatArray
) -> _Point:
    """Take a Newton step, halved until it does not lower the likelihood."""
    lowest = point.value - ROUNDING * (1 + abs(point.value))
    share = 1.0
    while share > ROUNDING:
        stepped = _evaluate(counts, model, penalty, point.at + share * step)
        if stepped.value >= lowest:
            return stepped
        share /= 2
    msg = f"{model.name} ratings did not converge: no step raises the likelihood"
    raise ConvergenceError(msg)


def _refuse_unbounded(parameters: FloatArray, model: OutcomeModel) -> None:
    for name, value in zip(model.parameters, parameters, strict=True):
        if abs(value) > LARGEST_PARAMETER:
            msg = (
                f"the parameter {name} of {model.name} has no finite maximum-likelihood value "
                "in these battles: use bradley_terry, leave out a position effect, or give a "
                "penalty such as penalty=0.25"
            )
            raise SeparationError(msg)


def _evaluate(counts: Counts, model: OutcomeModel, penalty: float, at: FloatArray) -> _Point:
    size = len(counts.models)
    strengths = at[:size]
    terms = model.terms(strengths[counts.first] - strengths[counts.second], at[size:])
    centred = np.append(strengths - strengths.mean(), np.zeros(len(at) - size))
    weight = counts.weight
    value = float(np.sum(weight * terms.log_probability, where=weight > 0))
    score = np.einsum("po,poc->pc", weight, terms.score)
    return _Point(
        at=at,
        value=value - penalty / 2 * float(centred @ centred) if np.isfinite(value) else -np.inf,
        gradient=np.append(
            slope(counts.first, counts.second, score[:, 0], size), score[:, 1:].sum(axis=0)
        )
        - penalty * centred,
        information=_assemble(counts, np.einsum("po,pocd->pcd", weight, terms.information))
        + penalty * _centring(len(at), size),
        terms=terms,
    )


def _assemble(counts: Counts, curvature: FloatArray) -> FloatArray:
    """Return the information about strengths and parameters from that of each pair."""
    first, second, size = counts.first, counts.second, len(counts.models)
    strengths = laplacian(first, second, curvature[:, 0, 0], size)
    mixed = np.array(
        [slope(first, second, column, size) for column in curvature[:, 0, 1:].T]
    ).reshape(-1, size)
    return np.block([[strengths, mixed.T], [mixed, curvature[:, 1:, 1:].sum(axis=0)]])


def _centring(total: int, size: int) -> FloatArray:
    """Return the projection of strengths on sum zero; parameters after them drop out."""
    projection = np.zeros((total, total))
    projection[:size, :size] = np.eye(size) - 1 / size
    return projection


def _inverse(information: FloatArray, size: int) -> FloatArray:
    """Return the inverse where strengths sum to zero (they have no common level)."""
    return inverse_beside(information, level_direction(size, len(information)))


def _meat(counts: Counts, best: _Point, penalty: float) -> FloatArray:
    """Return the variance of the score, clustered, with G/(G-1); NaN for a single cluster.

    Residuals say too little where a model won everything (that is what a penalty is for), where
    there are fewer clusters than models, and where they vanish in some direction (all battles
    between two models are ties): there the variance is at least the information.
    """
    number, size = counts.clusters, len(counts.models)
    if number == 1:
        return np.full_like(best.information, np.nan)
    meat = number / (number - 1) * _score_products(counts, best.terms.score)
    if penalty == 0 and number >= size and _is_determined(meat, best, size):
        return meat
    return at_least_the_information(meat, best.information, penalty * _centring(len(best.at), size))


def _is_determined(meat: FloatArray, best: _Point, size: int) -> bool:
    """Return whether scores vary in every direction but the common level of strengths."""
    level = level_direction(size, len(meat))
    scale = float(np.abs(best.information).max())
    try:
        np.linalg.cholesky(meat + scale * (level @ level.T - NO_VARIANCE * np.eye(len(meat))))
    except np.linalg.LinAlgError:
        return False
    return True


def _score_products(counts: Counts, score: FloatArray) -> FloatArray:
    """Return the sum over clusters of the score's products with itself."""
    if counts.by_question is None:
        return _assemble(counts, np.einsum("po,poc,pod->pcd", counts.square, score, score))
    cells = score.reshape(-1, score.shape[2])
    pair = np.repeat(np.arange(len(score)), score.shape[1])
    strengths = diags_array(cells[:, 0]) @ differences(counts)[pair]
    scores = counts.by_question @ csr_array(hstack([strengths, csr_array(cells[:, 1:])]))
    return np.asarray((scores.T @ scores).toarray(), dtype=np.float64)
