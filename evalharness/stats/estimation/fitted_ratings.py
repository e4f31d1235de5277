"""Represent fitted ratings: strengths, full covariance, intervals and settings of the fit."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import stdtrit

from evalharness.stats.intervals.always_valid import always_valid_boundary
from evalharness.stats.intervals.differences import t_test_difference
from evalharness.stats.intervals.estimates import IntervalEstimate, critical_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalharness.stats.arrays import FloatArray, IntArray
    from evalharness.stats.estimation.contrast_bounds import ContrastBounds
    from evalharness.stats.intervals.differences import DifferenceTest

ELO_PER_NAT = 400 / math.log(10)
"""Rating points of one natural-log unit: 400 points are odds of ten to one."""

MEAN_RATING = 1000.0

_MIN_ERROR = 1e-9  # an anchor's rating has no error
_SMALLEST_QUANTILE = 1e-9  # a difference with a p value of 1 has an error beyond all others


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedRatings:
    """Ratings of models; arrays follow the order of `models`.

    Covariance and intervals are NaN if there is a single cluster. An end of an interval is infinite
    if the battles bound it on one side only, or on none: the interval is open.

    Attributes:
        method: the title of the rating model.
        models: the names of the models.
        strengths: the strengths on the natural-log scale, with sum zero.
        parameters: the other estimated parameters, by name.
        covariance: the sandwich covariance of the strengths, followed by the parameters.
        inverse_information: the covariance if the model is true and battles are independent.
        log_likelihood: the log-likelihood at the strengths, minus the penalty.
        battles: the number of battles of each model.
        level: the intervals' level.
        clusters: the number of questions, or of battles if each battle is a cluster.
        clustered_by: what a cluster is.
        iterations: the number of Newton steps.
        penalty: the penalty on the squared strengths; 0 means none.
        anchor: the model with the rating `anchor_rating`; None fixes the mean instead.
        anchor_rating: the rating of the anchor, or the mean.
        mixture: if given (see `choose_boundary_rho`), the intervals of ratings and of their
            differences are always-valid: they hold for any stopping rule.
        bounds: widens intervals where the questions are few.
        settings: other settings of the fit, by name: the `k` of online Elo, for example.
    """

    method: str
    models: tuple[str, ...]
    strengths: FloatArray
    parameters: Mapping[str, float] = field(default_factory=dict)
    covariance: FloatArray
    inverse_information: FloatArray
    log_likelihood: float
    battles: IntArray
    level: float
    clusters: int
    clustered_by: Literal["question", "battle"]
    iterations: int
    penalty: float
    anchor: str | None
    anchor_rating: float
    mixture: float | None = None
    bounds: ContrastBounds | None = None
    settings: Mapping[str, float] = field(default_factory=dict)

    @property
    def ratings(self) -> FloatArray:
        """The ratings. 400 points are odds of ten to one; the mean or anchor is `anchor_rating`."""
        return self.convert_to_ratings(self.strengths)

    def convert_to_ratings(self, strengths: FloatArray) -> FloatArray:
        """Return strengths as ratings with the same mean or anchor as these.

        Args:
            strengths: strengths on the natural-log scale, with models along the last axis.
        """
        return ELO_PER_NAT * (strengths @ self._centering_matrix.T) + self.anchor_rating

    @property
    def rating_covariance(self) -> FloatArray:
        """The covariance of `ratings`; 0 for an anchor."""
        size = len(self.models)
        origin = ELO_PER_NAT * self._centering_matrix
        return origin @ self.covariance[:size, :size] @ origin.T

    @property
    def standard_errors(self) -> FloatArray:
        """The standard errors of `ratings`. Use `contrast` to compare two models."""
        return np.sqrt(np.maximum(np.diag(self.rating_covariance), 0.0))

    @property
    def low(self) -> FloatArray:
        """The lower ends of the intervals of `ratings`."""
        return self._rating_ends[0]

    @property
    def high(self) -> FloatArray:
        """The upper ends of the intervals of `ratings`."""
        return self._rating_ends[1]

    @cached_property
    def difference_errors(self) -> FloatArray:
        """The errors of all differences of ratings, in a fixed design.

        With many questions these are the standard errors. With few they are larger: Student's test
        of a difference with this error has the p value of `test_difference`.
        """
        size = len(self.models)
        first, second = np.triu_indices(size, 1)
        contrasts = np.eye(size)[first] - np.eye(size)[second]
        errors = np.zeros((size, size))
        errors[first, second] = self._errors(contrasts)
        if self.bounds is not None and self.clusters > 1:
            p_values = self.bounds.compute_p_values(contrasts)
            quantiles = np.maximum(-stdtrit(self.clusters - 1, p_values / 2), _SMALLEST_QUANTILE)
            gaps = ELO_PER_NAT * np.abs(contrasts @ self.strengths)
            errors[first, second] = np.maximum(errors[first, second], gaps / quantiles)
        return errors + errors.T

    def widen(
        self, contrasts: FloatArray, low: FloatArray, high: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the ends of intervals of contrasts of strengths, widened where questions are few.

        Args:
            contrasts: the contrasts, one per row.
            low: the lower ends, in rating points.
            high: the upper ends, in rating points.
        """
        if self.bounds is None or self.clusters == 1:
            return low, high
        sides = np.repeat([1.0, -1.0], len(contrasts))
        ends = np.append(low, high) / ELO_PER_NAT
        widened = self.bounds.widen(np.tile(contrasts, (2, 1)), ends, sides, self.level)
        return tuple(ELO_PER_NAT * np.stack(np.split(widened, 2)))

    def widen_ratings(self, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the ends of intervals of `ratings`, widened where questions are few.

        Args:
            low: the lower ends, by model.
            high: the upper ends, by model.
        """
        origin = self.anchor_rating
        ends = self.widen(self._centering_matrix, low - origin, high - origin)
        return ends[0] + origin, ends[1] + origin

    @property
    def critical(self) -> float:
        """The half-width of the intervals in standard errors, in a fixed design."""
        return critical_value(self.level, self.clusters)

    def rating(self, model: str) -> IntervalEstimate:
        """Return a model's rating with its interval.

        Args:
            model: the name of the model.
        """
        place = self.models.index(model)
        return IntervalEstimate(
            value=float(self.ratings[place]),
            standard_error=float(self.standard_errors[place]),
            low=float(self.low[place]),
            high=float(self.high[place]),
        )

    def contrast(self, model: str, other: str) -> IntervalEstimate:
        """Return the rating of `model` minus that of `other`, from the full covariance.

        Args:
            model: the name of the first model.
            other: the name of the model that is subtracted.
        """
        direction = self.difference_direction(model, other)
        value = float(ELO_PER_NAT * direction @ self.strengths)
        error = self._errors(direction[None])
        reach = self._half_widths(error)
        low, high = self.widen(direction[None], value - reach, value + reach)
        return IntervalEstimate(
            value=value,
            standard_error=float(error[0]),
            low=float(low[0]),
            high=float(high[0]),
        )

    def test_difference(self, model: str, other: str) -> DifferenceTest:
        """Return the rating of `model` minus that of `other`, tested.

        Args:
            model: the name of the first model.
            other: the name of the model that is subtracted.
        """
        estimate = self.contrast(model, other)
        tested = t_test_difference(
            estimate.value, estimate.standard_error, self.clusters, level=self.level
        )
        p_value = tested.p_value
        if self.bounds is not None and self.clusters > 1:
            bound = self.bounds.compute_p_values(self.difference_direction(model, other)[None])
            p_value = max(p_value, float(bound[0]))
        return replace(tested, low=estimate.low, high=estimate.high, p_value=p_value)

    def parameter(self, name: str) -> IntervalEstimate:
        """Return one of `parameters` with its interval.

        Args:
            name: a key of `parameters`.
        """
        place = len(self.models) + list(self.parameters).index(name)
        value, error = (
            self.parameters[name],
            float(np.sqrt(np.maximum(self.covariance[place, place], 0.0))),
        )
        reach = self.critical * error
        return IntervalEstimate(
            value=value, standard_error=error, low=value - reach, high=value + reach
        )

    @property
    def _centering_matrix(self) -> FloatArray:
        """The matrix that moves the zero point from the mean to the anchor."""
        size = len(self.models)
        weights = np.full(size, 1 / size)
        if self.anchor is not None:
            weights = np.eye(size)[self.models.index(self.anchor)]
        origin: FloatArray = np.eye(size) - weights
        return origin

    @cached_property
    def _rating_ends(self) -> tuple[FloatArray, FloatArray]:
        reach = self._half_widths(self.standard_errors)
        return self.widen_ratings(self.ratings - reach, self.ratings + reach)

    def difference_direction(self, model: str, other: str) -> FloatArray:
        """Return the contrast of strengths of `model` minus `other`.

        Args:
            model: the name of the first model.
            other: the name of the model that is subtracted.
        """
        direction = np.zeros(len(self.models))
        direction[self.models.index(model)] += 1
        direction[self.models.index(other)] -= 1
        return direction

    def _errors(self, contrasts: FloatArray) -> FloatArray:
        """Return the standard errors of contrasts of strengths, in rating points."""
        size = len(self.models)
        covariance = self.covariance[:size, :size]
        variances = np.einsum("ct,tu,cu->c", contrasts, covariance, contrasts)
        # keeps NaN, ignores negative rounding errors
        errors: FloatArray = ELO_PER_NAT * np.sqrt(np.maximum(variances, 0.0))
        return errors

    def _half_widths(self, errors: FloatArray) -> FloatArray:
        """Return the half-widths of intervals on the rating scale."""
        if self.mixture is None:
            return self.critical * errors
        information = (ELO_PER_NAT / np.maximum(errors, _MIN_ERROR)) ** 2
        return always_valid_boundary(information, alpha=1 - self.level, rho=self.mixture) * errors
