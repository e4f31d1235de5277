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
from evalharness.stats.comparisons import Outcome
from evalharness.stats.connectivity import require_connected, require_finite
from evalharness.stats.ratings import MEAN_RATING, Ratings, critical_value
from evalharness.stats.sandwich import at_least_the_information, inverse_beside, level_direction

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalharness.stats.comparisons import Comparisons, FloatArray, IntArray

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
class _Pairs:
    """Battles summed by ordered pair: `design` takes strengths to differences."""

    design: csr_array
    counts: FloatArray
    pair_of_battle: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    """The likelihood at one point; its derivatives carry the penalty."""

    at: FloatArray
    value: float
    gradient: FloatArray
    information: FloatArray
    terms: Terms


def fit(
    comparisons: Comparisons,
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
        comparisons: the battles.
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
    _refuse_nonsense(comparisons, penalty=penalty, anchor=anchor)
    critical_value(level, 2)  # refuses a level outside 0..1 before any work
    require_connected(comparisons)
    if penalty == 0:
        require_finite(comparisons)
    pairs = _pairs(comparisons)
    best, iterations = _maximise(pairs, model, penalty, max_iterations)
    size = len(comparisons.models)
    inverse = _inverse(best.information, size)
    return Ratings(
        method=model.name,
        models=comparisons.models,
        strengths=best.at[:size],
        parameters=dict(zip(model.parameters, best.at[size:].tolist(), strict=True)),
        covariance=inverse @ _meat(comparisons, pairs, best, penalty) @ inverse,
        inverse_information=inverse,
        log_likelihood=best.value,
        battles=comparisons.battles,
        level=level,
        clusters=len(np.unique(comparisons.cluster)),
        clustered_by=comparisons.clustered_by,
        iterations=iterations,
        penalty=penalty,
        anchor=anchor,
        anchor_rating=anchor_rating,
    )


def _refuse_nonsense(comparisons: Comparisons, *, penalty: float, anchor: str | None) -> None:
    if not 0 <= penalty < np.inf:
        msg = f"a penalty is a number from 0 up, not {penalty}"
        raise ValueError(msg)
    if anchor is not None and anchor not in comparisons.models:
        msg = f"the anchor {anchor!r} is none of the models: {', '.join(comparisons.models)}"
        raise ValueError(msg)


def _pairs(comparisons: Comparisons) -> _Pairs:
    size = len(comparisons.models)
    codes, pair_of_battle = np.unique(
        comparisons.first * size + comparisons.second, return_inverse=True
    )
    first, second = np.divmod(codes, size)
    rows = np.arange(len(codes))
    signs = np.repeat([1.0, -1.0], len(codes))
    places = (np.concatenate([rows, rows]), np.concatenate([first, second]))
    cells = pair_of_battle * len(Outcome) + comparisons.outcome
    counts = np.bincount(cells, comparisons.weight, minlength=len(codes) * len(Outcome))
    return _Pairs(
        design=csr_array((signs, places), shape=(len(codes), size)),
        counts=counts.reshape(-1, len(Outcome)).astype(np.float64),
        pair_of_battle=pair_of_battle,
    )


def _maximise(
    pairs: _Pairs, model: OutcomeModel, penalty: float, max_iterations: int
) -> tuple[_Point, int]:
    size = pairs.design.shape[1]
    point = _evaluate(pairs, model, penalty, np.concatenate([np.zeros(size), model.start]))
    for iteration in range(1, max_iterations + 1):
        step = _inverse(point.information, size) @ point.gradient
        point = _ascend(pairs, model, penalty, point, step)
        _refuse_unbounded(point.at[size:], model)
        if np.max(np.abs(step)) < SMALLEST_STEP:
            return point, iteration
    msg = f"{model.name} ratings did not converge in {max_iterations} Newton steps"
    raise ConvergenceError(msg)


def _ascend(
    pairs: _Pairs, model: OutcomeModel, penalty: float, point: _Point, step: FloatArray
) -> _Point:
    """Take a Newton step, halved until it does not lower the likelihood."""
    lowest = point.value - ROUNDING * (1 + abs(point.value))
    share = 1.0
    while share > ROUNDING:
        stepped = _evaluate(pairs, model, penalty, point.at + share * step)
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


def _evaluate(pairs: _Pairs, model: OutcomeModel, penalty: float, at: FloatArray) -> _Point:
    size = pairs.design.shape[1]
    terms = model.terms(pairs.design @ at[:size], at[size:])
    centred = np.append(at[:size] - at[:size].mean(), np.zeros(len(at) - size))
    counts = pairs.counts
    seen = counts > 0
    value = float(np.sum(counts[seen] * terms.log_probability[seen]))
    score = np.einsum("po,poc->pc", counts, terms.score)
    curvature = np.einsum("po,pocd->pcd", counts, terms.information)
    return _Point(
        at=at,
        value=value - penalty / 2 * float(centred @ centred) if np.isfinite(value) else -np.inf,
        gradient=np.append(pairs.design.T @ score[:, 0], score[:, 1:].sum(axis=0))
        - penalty * centred,
        information=_assemble(pairs.design, curvature) + penalty * _centring(len(at), size),
        terms=terms,
    )


def _assemble(design: csr_array, curvature: FloatArray) -> FloatArray:
    """Return the information about strengths and parameters from that of each pair."""
    strengths = (design.T @ diags_array(curvature[:, 0, 0]) @ design).toarray()
    mixed = design.T @ curvature[:, 0, 1:]
    parameters = curvature[:, 1:, 1:].sum(axis=0)
    return np.block([[strengths, mixed], [mixed.T, parameters]])


def _centring(total: int, size: int) -> FloatArray:
    """Return the projection of strengths on sum zero; parameters after them drop out."""
    projection = np.zeros((total, total))
    projection[:size, :size] = np.eye(size) - 1 / size
    return projection


def _inverse(information: FloatArray, size: int) -> FloatArray:
    """Return the inverse where strengths sum to zero (they have no common level)."""
    return inverse_beside(information, level_direction(size, len(information)))


def _meat(comparisons: Comparisons, pairs: _Pairs, best: _Point, penalty: float) -> FloatArray:
    """Return the variance of the score, clustered, with G/(G-1); NaN for a single cluster.

    Residuals say too little where a model won everything (that is what a penalty is for), where
    there are fewer clusters than models, and where they vanish in some direction (all battles
    between two models are ties): there the variance is at least the information.
    """
    codes, cluster = np.unique(comparisons.cluster, return_inverse=True)
    number, size = len(codes), pairs.design.shape[1]
    if number == 1:
        return np.full_like(best.information, np.nan)
    scores = _cluster_scores(comparisons, pairs, best.terms, cluster)
    meat: FloatArray = number / (number - 1) * (scores.T @ scores).toarray()
    if penalty == 0 and number >= size and _rank(meat, best) == _rank(best.information, best):
        return meat
    return at_least_the_information(meat, best.information, penalty * _centring(len(best.at), size))


def _rank(matrix: FloatArray, best: _Point) -> int:
    """Return the rank of a matrix, beside which rounding errors of the fit are nothing."""
    scale = float(np.abs(best.information).max())
    return int(np.linalg.matrix_rank(matrix, tol=NO_VARIANCE * scale, hermitian=True))


def _cluster_scores(
    comparisons: Comparisons, pairs: _Pairs, terms: Terms, cluster: IntArray
) -> csr_array:
    """Return the score of each cluster; sparse, as most clusters may be single battles."""
    battles = np.arange(len(cluster))
    scores = terms.score[pairs.pair_of_battle, comparisons.outcome]
    members = csr_array((comparisons.weight, (cluster, battles)))
    strengths = members @ (diags_array(scores[:, 0]) @ pairs.design[pairs.pair_of_battle])
    if scores.shape[1] == 1:
        return csr_array(strengths)
    return csr_array(hstack([strengths, csr_array(members @ scores[:, 1:])]))
