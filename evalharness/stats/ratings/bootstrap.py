"""Compute bootstrap intervals of ratings by resampling questions.

Questions are drawn with replacement, and all battles of a question stay together. If each battle is
a cluster, its count is Poisson(1), the limit of drawing with replacement (Hanley & MacGibbon 2006,
Computer Methods and Programs in Biomedicine 83); ratings do not depend on the total count. The
Bayesian bootstrap (Rubin 1981, Annals of Statistics 9) gives each question, or battle, an Exp(1)
weight instead, so that no question is left out.

Intervals are expanded percentile intervals (Hesterberg 2015, The American Statistician 69). For a
mean, their quantiles give the interval with G/(G-1) and Student's t. Intervals of ratings and of
their differences are widened where the questions are few, as those of `FittedRatings` are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from evalharness.errors import BattlesError, DisconnectedError, SeparationError
from evalharness.stats.battles.count_arrays import ensure_counts
from evalharness.stats.battles.counts import normalize_weights
from evalharness.stats.estimation.fitted_ratings import ELO_PER_NAT
from evalharness.stats.estimation.likelihood import ZERO_VARIANCE_SHARE
from evalharness.stats.intervals.estimates import IntervalEstimate, critical_value
from evalharness.stats.rating_models.bradley_terry import PLAIN_MODEL, bradley_terry
from evalharness.stats.ratings.replicates import (
    ResamplingScheme,
    draw_cell_weights,
    fit_replicates,
    require_finite_replicates,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evalharness.stats.arrays import FloatArray
    from evalharness.stats.battles.comparisons import Comparisons
    from evalharness.stats.battles.counts import BattleCounts
    from evalharness.stats.estimation.fitted_ratings import FittedRatings


@dataclass(frozen=True, kw_only=True, eq=False)
class BootstrapRatings:
    """Ratings of bootstrap replicates.

    Intervals are NaN if there is a single cluster, because one question shows no spread.

    Attributes:
        fitted: the ratings of the original battles.
        strengths: the strengths of each replicate (row), on the natural-log scale.
        parameters: the parameters by name, with one entry per replicate.
        resampling: how the clusters were drawn.
        level: the intervals' level.
    """

    fitted: FittedRatings
    strengths: FloatArray
    parameters: Mapping[str, FloatArray]
    resampling: ResamplingScheme
    level: float

    @property
    def replicates(self) -> int:
        """The number of replicates."""
        return len(self.strengths)

    @property
    def ratings(self) -> FloatArray:
        """The ratings of each replicate (row), on the scale of the fitted ratings."""
        return self.fitted.convert_to_ratings(self.strengths)

    @property
    def low(self) -> FloatArray:
        """The lower ends of the intervals of the ratings, by model."""
        return self._rating_ends[0]

    @property
    def high(self) -> FloatArray:
        """The upper ends of the intervals of the ratings, by model."""
        return self._rating_ends[1]

    def contrast(self, model: str, other: str) -> IntervalEstimate:
        """Return the rating of `model` minus that of `other`.

        Args:
            model: the name of the first model.
            other: the name of the model that is subtracted.
        """
        direction = self.fitted.difference_direction(model, other)
        plain = self._estimate(
            ELO_PER_NAT * float(direction @ self.fitted.strengths),
            ELO_PER_NAT * self.strengths @ direction,
        )
        low, high = self.fitted.widen(
            direction[None], np.array([plain.low]), np.array([plain.high])
        )
        return replace(plain, low=float(low[0]), high=float(high[0]))

    def parameter(self, name: str) -> IntervalEstimate:
        """Return one of the parameters with its interval.

        Args:
            name: a key of `parameters`.
        """
        return self._estimate(self.fitted.parameters[name], self.parameters[name])

    @cached_property
    def _rating_ends(self) -> tuple[FloatArray, FloatArray]:
        low, high = self.interval_ends(self.ratings)
        return self.fitted.widen_ratings(low, high)

    def _estimate(self, value: float, values: FloatArray) -> IntervalEstimate:
        clusters = self.fitted.clusters
        correction = math.sqrt(clusters / (clusters - 1)) if clusters > 1 else math.nan
        low, high = self.interval_ends(values)
        error = correction * float(np.std(values, ddof=1))
        return IntervalEstimate(value=value, standard_error=error, low=float(low), high=float(high))

    def interval_ends(self, values: FloatArray) -> FloatArray:
        """Return the lower and upper ends of intervals of any function of the replicates.

        Args:
            values: one row, or entry, for each replicate.
        """
        clusters = self.fitted.clusters
        if clusters == 1:
            return np.full((2, *values.shape[1:]), np.nan)
        reach = critical_value(self.level, clusters) * math.sqrt(clusters / (clusters - 1))
        share = float(ndtr(-reach))
        return np.quantile(values, [share, 1 - share], axis=0)


def bootstrap(
    battles: Comparisons | BattleCounts,
    rng: np.random.Generator,
    *,
    method: Callable[[BattleCounts], FittedRatings] = bradley_terry,
    replicates: int = 1000,
    level: float = 0.95,
    resampling: ResamplingScheme | str = ResamplingScheme.MULTINOMIAL,
    threads: int = 4,
) -> BootstrapRatings:
    """Return ratings of bootstrap replicates, for intervals.

    Args:
        battles: the battles, as arrays or counts.
        rng: draws the replicates; the result does not depend on `threads`.
        method: a function that fits ratings, for example `functools.partial(davidson,
            position=True)`. Replicates of Bradley-Terry without a position effect are fitted
            together, which is faster.
        replicates: the number of replicates.
        level: the intervals' level.
        resampling: whether questions are drawn with replacement, or weighted at random.
        threads: the number of threads, each of which fits a chunk of replicates.

    Raises:
        BattlesError: the replicates do not differ in some direction, so they show no error.
        SeparationError: some replicates have no finite ratings, because the questions that keep
            them finite were not drawn.
        ValueError: an argument is out of its range; also the errors of `method`.
    """
    critical_value(level, 2)  # refuses a level outside 0..1 before any work
    if replicates < 2:  # noqa: PLR2004 - a spread needs two
        msg = f"a bootstrap needs at least two replicates, not {replicates}"
        raise ValueError(msg)
    resampling = ResamplingScheme(resampling)
    counts = normalize_weights(ensure_counts(battles))
    fitted = method(counts)
    if fitted.method == PLAIN_MODEL.name and not fitted.parameters:
        strengths = fit_replicates(counts, fitted, rng, replicates, resampling, threads)
        parameters = {}
    else:
        fits = _fit_one_by_one(counts, method, rng, replicates, resampling)
        strengths = np.array([fit.strengths for fit in fits])
        parameters = {
            name: np.array([fit.parameters[name] for fit in fits]) for name in fitted.parameters
        }
    if fitted.clusters > 1:
        _require_spread(strengths, fitted)
    return BootstrapRatings(
        fitted=fitted,
        strengths=strengths,
        parameters=parameters,
        resampling=resampling,
        level=level,
    )


def _require_spread(strengths: FloatArray, fitted: FittedRatings) -> None:
    """Check that replicates differ in every direction (they do not if two models always tie)."""
    replicates, size = strengths.shape
    if replicates <= size:
        return
    level = np.full((size, size), 1 / size)
    scale = np.diag(fitted.inverse_information)[:size].max()
    spread = np.cov(strengths.T) / scale + level - ZERO_VARIANCE_SHARE * np.eye(size)
    try:
        np.linalg.cholesky(spread)
    except np.linalg.LinAlgError as error:
        msg = (
            "replicates do not show how ratings vary: there are too few questions, or too like "
            "each other. Use the sandwich interval, which then rests on the likelihood"
        )
        raise BattlesError(msg) from error


def _fit_one_by_one(
    counts: BattleCounts,
    method: Callable[[BattleCounts], FittedRatings],
    rng: np.random.Generator,
    replicates: int,
    resampling: ResamplingScheme,
) -> list[FittedRatings]:
    weights = draw_cell_weights(counts, rng, replicates, resampling).T.reshape(
        -1, *counts.weight.shape
    )
    fits, unbounded = [], []
    for weight in weights:
        try:
            fits.append(method(replace(counts, weight=weight, square=weight, by_question=None)))
        except (DisconnectedError, SeparationError) as error:
            unbounded.append(str(error))
    require_finite_replicates(unbounded, replicates)
    return fits
