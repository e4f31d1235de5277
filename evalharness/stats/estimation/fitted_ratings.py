"""Represent fitted ratings: strengths, full covariance, intervals and settings of the fit."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from evalharness.stats.intervals.always_valid import always_valid_boundary
from evalharness.stats.intervals.estimates import IntervalEstimate, critical_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalharness.stats.arrays import FloatArray, IntArray

ELO_PER_NAT = 400 / math.log(10)
"""Rating points of one natural-log unit: 400 points are odds of ten to one."""

MEAN_RATING = 1000.0

_MIN_ERROR = 1e-9  # an anchor's rating has no error


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedRatings:
    """Ratings of models; arrays follow the order of `models`.

    Covariance and intervals are NaN if there is a single cluster.

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
        return self.ratings - self._half_widths(self.standard_errors)

    @property
    def high(self) -> FloatArray:
        """The upper ends of the intervals of `ratings`."""
        return self.ratings + self._half_widths(self.standard_errors)

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
        variance = self.rating_covariance[place, place]
        return self._estimate(float(self.ratings[place]), float(variance))

    def contrast(self, model: str, other: str) -> IntervalEstimate:
        """Return the rating of `model` minus that of `other`, from the full covariance.

        Args:
            model: the name of the first model.
            other: the name of the model that is subtracted.
        """
        direction = np.zeros(len(self.models))
        direction[self.models.index(model)] += ELO_PER_NAT
        direction[self.models.index(other)] -= ELO_PER_NAT
        size = len(self.models)
        variance = direction @ self.covariance[:size, :size] @ direction
        return self._estimate(float(direction @ self.strengths), float(variance))

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

    def _half_widths(self, errors: FloatArray) -> FloatArray:
        """Return the half-widths of intervals on the rating scale."""
        if self.mixture is None:
            return self.critical * errors
        information = (ELO_PER_NAT / np.maximum(errors, _MIN_ERROR)) ** 2
        return always_valid_boundary(information, alpha=1 - self.level, rho=self.mixture) * errors

    def _estimate(self, value: float, variance: float) -> IntervalEstimate:
        error = float(
            np.sqrt(np.maximum(variance, 0.0))
        )  # keeps NaN, ignores negative rounding errors
        reach = float(self._half_widths(np.array(error)))
        return IntervalEstimate(
            value=value, standard_error=error, low=value - reach, high=value + reach
        )
