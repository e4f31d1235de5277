"""Fitted ratings: strengths with their full covariance, intervals and the settings of the fit."""

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

_MIN_ERROR = 1e-9  # the rating of an anchor has no error


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedRatings:
    """Ratings of models; arrays follow the order of `models`.

    Covariance and intervals are NaN when there is a single cluster.

    Attributes:
        method: the title of the rating model.
        models: names.
        strengths: natural-log scale, summing to zero.
        parameters: the other estimated parameters, by name.
        covariance: the sandwich covariance of the strengths, followed by the parameters.
        inverse_information: the covariance for a true model and independent battles.
        log_likelihood: at the strengths, minus the penalty.
        battles: the number of battles of each model.
        level: the intervals' level.
        clusters: the number of questions, or of battles where each battle is a cluster.
        clustered_by: which of the two a cluster is.
        iterations: the number of Newton steps.
        penalty: of the squared strengths; 0 is none.
        anchor: the model whose rating is `anchor_rating`; None fixes the mean instead.
        anchor_rating: the rating of the anchor, or the mean.
        mixture: if given (see `choose_boundary_rho`), the intervals of ratings and of their
            differences are always-valid: they hold for any rule of stopping on the outcomes.
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
        """Ratings: 400 points are odds of ten to one; the mean or the anchor is `anchor_rating`."""
        return self.on_scale(self.strengths)

    def on_scale(self, strengths: FloatArray) -> FloatArray:
        """Return strengths as ratings with the same mean or anchor as these.

        Args:
            strengths: natural-log scale, models along the last axis.
        """
        return ELO_PER_NAT * (strengths @ self._origin.T) + self.anchor_rating

    @property
    def rating_covariance(self) -> FloatArray:
        """Covariance of `ratings`; that of an anchor is 0."""
        size = len(self.models)
        origin = ELO_PER_NAT * self._origin
        return origin @ self.covariance[:size, :size] @ origin.T

    @property
    def standard_errors(self) -> FloatArray:
        """Standard errors of `ratings`. Use `contrast` to compare two models."""
        return np.sqrt(np.maximum(np.diag(self.rating_covariance), 0.0))

    @property
    def low(self) -> FloatArray:
        """Lower ends of the intervals of `ratings`."""
        return self.ratings - self._reach(self.standard_errors)

    @property
    def high(self) -> FloatArray:
        """Upper ends of the intervals of `ratings`."""
        return self.ratings + self._reach(self.standard_errors)

    @property
    def critical(self) -> float:
        """The half-width of the intervals in standard errors, in a fixed design."""
        return critical_value(self.level, self.clusters)

    def rating(self, model: str) -> IntervalEstimate:
        """Return a model's rating with its interval.

        Args:
            model: its name.
        """
        place = self.models.index(model)
        variance = self.rating_covariance[place, place]
        return self._estimate(float(self.ratings[place]), float(variance))

    def contrast(self, model: str, other: str) -> IntervalEstimate:
        """Return the rating of `model` minus that of `other`, from the full covariance.

        Args:
            model: a name.
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
    def _origin(self) -> FloatArray:
        """The matrix that moves the origin from the mean to the anchor."""
        size = len(self.models)
        weights = np.full(size, 1 / size)
        if self.anchor is not None:
            weights = np.eye(size)[self.models.index(self.anchor)]
        origin: FloatArray = np.eye(size) - weights
        return origin

    def _reach(self, errors: FloatArray) -> FloatArray:
        """Return the half-widths of intervals on the rating scale."""
        if self.mixture is None:
            return self.critical * errors
        information = (ELO_PER_NAT / np.maximum(errors, _MIN_ERROR)) ** 2
        return always_valid_boundary(information, alpha=1 - self.level, rho=self.mixture) * errors

    def _estimate(self, value: float, variance: float) -> IntervalEstimate:
        error = float(np.sqrt(np.maximum(variance, 0.0)))  # keeps NaN, forgives -1e-20
        reach = float(self._reach(np.array(error)))
        return IntervalEstimate(
            value=value, standard_error=error, low=value - reach, high=value + reach
        )
