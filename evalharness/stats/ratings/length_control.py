"""Estimate length-controlled win rates: against a baseline, at equal lengths of both answers.

The model is that of AlpacaEval 2 (Dubois et al. 2024, arXiv:2404.04475): logit P(model wins) = phi
tanh(x) + psi difficulty + theta, where x is the baseline's length minus the model's in standard
deviations. The rate is the mean prediction at x = 0. Difficulties come from an external fit;
without them the term is dropped. The fit is plain maximum likelihood, without AlpacaEval's penalty.

The standard error is that of the influence function, clustered by question. AlpacaEval reports the
spread of the predictions over questions, which is several times too small because it ignores the
error of the coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from evalharness.errors import ConvergenceError, SeparationError
from evalharness.stats.intervals.estimates import critical_value

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.arrays import FloatArray

_SMALLEST_STEP = 1e-10
_LARGEST_COEFFICIENT = 15.0
_MAX_NEWTON_STEPS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthControlledWinRate:
    """A length-controlled win rate.

    The interval is NaN if all battles are on one question.

    Attributes:
        value: the win rate at equal lengths, from 0 to 1.
        standard_error: the standard error of the influence function, clustered.
        low: the lower end of the interval.
        high: the upper end of the interval.
        raw: the win rate without length control.
        length_effect: phi; negative if longer answers win more often.
        battles: the number of battles.
        clusters: the number of questions.
        level: the interval's level.
    """

    value: float
    standard_error: float
    low: float
    high: float
    raw: float
    length_effect: float
    battles: int
    clusters: int
    level: float


def length_controlled_win_rate(
    points: npt.ArrayLike,
    length: npt.ArrayLike,
    baseline_length: npt.ArrayLike,
    cluster: npt.ArrayLike,
    *,
    difficulty: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> LengthControlledWinRate:
    """Return a model's length-controlled win rate against a baseline.

    Args:
        points: the model's points (or preference) in each battle, from 0 to 1.
        length: the length of the model's answer in each battle, in any unit.
        baseline_length: the length of the baseline's answer.
        cluster: each battle's question.
        difficulty: the difficulty of each battle's question for the baseline's opponents.
        level: the interval's level.

    Raises:
        SeparationError: there is no finite fit, because the model won or lost every battle or the
            lengths separate wins from losses.
        ValueError: the points are not in 0..1, or all differences in length are the same.
    """
    won = np.asarray(points, dtype=np.float64)
    if not won.size or not np.all((won >= 0) & (won <= 1)):
        msg = "points are numbers from 0 to 1, one a battle, and there is at least one battle"
        raise ValueError(msg)
    design = _build_design(length, baseline_length, difficulty)
    coefficients, inverse = _fit_regression(design, won)
    residuals = won - expit(design @ coefficients)

    equal = design.copy()
    equal[:, 0] = 0.0
    predicted = expit(equal @ coefficients)
    slope = (predicted * (1 - predicted)) @ equal
    influence = predicted - predicted.mean() + (design * residuals[:, None]) @ (inverse @ slope)
    codes, members = np.unique(np.asarray(cluster), return_inverse=True)
    clusters = len(codes)
    sums = np.bincount(members, influence)
    correction = clusters / (clusters - 1) if clusters > 1 else np.nan
    error = float(np.sqrt(correction * (sums @ sums))) / len(won)
    value, reach = float(predicted.mean()), critical_value(level, clusters) * error
    return LengthControlledWinRate(
        value=value,
        standard_error=error,
        low=float(np.maximum(0.0, value - reach)),
        high=float(np.minimum(1.0, value + reach)),
        raw=float(won.mean()),
        length_effect=float(coefficients[0]),
        battles=len(won),
        clusters=clusters,
        level=level,
    )


def _build_design(
    length: npt.ArrayLike, baseline_length: npt.ArrayLike, difficulty: npt.ArrayLike | None
) -> FloatArray:
    """Return the columns length, difficulty (if given) and intercept."""
    lead = np.asarray(baseline_length, dtype=np.float64) - np.asarray(length, dtype=np.float64)
    if len(lead) < 2 or not np.ptp(lead):  # noqa: PLR2004 - a spread needs two
        msg = "answers differ in length by the same in every battle: there is nothing to control"
        raise ValueError(msg)
    columns = [np.tanh(lead / lead.std(ddof=1)), np.ones(len(lead))]
    if difficulty is not None:
        columns.insert(1, np.asarray(difficulty, dtype=np.float64))
    return np.column_stack(columns)


def _fit_regression(design: FloatArray, won: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the coefficients of a logistic regression, and their inverse information."""
    coefficients = np.zeros(design.shape[1])
    for _ in range(_MAX_NEWTON_STEPS):
        chance = expit(design @ coefficients)
        information = (design * (chance * (1 - chance))[:, None]).T @ design
        try:
            inverse = np.asarray(np.linalg.inv(information), dtype=np.float64)
        except np.linalg.LinAlgError as error:
            raise SeparationError(_NOT_FINITE) from error
        step = inverse @ (design.T @ (won - chance))
        if np.max(np.abs(step)) < _SMALLEST_STEP:
            return coefficients, inverse
        coefficients = coefficients + step
        if np.max(np.abs(coefficients)) > _LARGEST_COEFFICIENT:
            raise SeparationError(_NOT_FINITE)
    msg = f"the length-controlled win rate did not converge in {_MAX_NEWTON_STEPS} Newton steps"
    raise ConvergenceError(msg)


_NOT_FINITE = (
    "the length-controlled win rate has no finite fit: the model won or lost every battle, or "
    "the lengths alone say who won. Judge more battles, or use the plain win rate"
)
