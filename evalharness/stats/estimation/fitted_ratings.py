"""Ratings as a fit leaves them: with full covariance, intervals, and how they were made."""

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

_MIN_ERROR = 1e-9  # an anchor has none


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedRatings:
    """Maximum-likelihood ratings; rows follow `models`.

    Covariance and intervals are NaN when there is a single cluster.

    Attributes:
        method: the model of outcomes.
        models: names.
        strengths: natural-log scale, summing to zero.
        parameters: what else was estimated, by name.
        covariance: of the strengths and, after them, of the parameters: a sandwich.
        inverse_information: the covariance that would hold if the model were true and all battles
            independent.
        log_likelihood: at the strengths, less what a penalty takes.
        battles: how many each model fought.
        level: the intervals' level.
        clusters: how many questions there are, or battles where they stand alone.
        clustered_by: which of the two.
        iterations: Newton steps.
        penalty: of the squared strengths; 0 is none.
        anchor: the model whose rating is given; None: the mean is.
        anchor_rating: its rating, or the mean.
        mixture: where it is given (see `stats.adaptive.mixture_weight`), the intervals of ratings and
            of their differences are always-valid: they hold at whatever point the outcomes had the
            run stop.
        settings: what else the fit was given, by name: the `k` of online Elo, for example.
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
        """Ratings, 400 points for odds of ten to one; the mean, or the anchor, at its value."""
        return self.on_scale(self.strengths)

    def on_scale(self, strengths: FloatArray) -> FloatArray:
        """Return strengths (models last) as ratings with the same mean, or anchor, as these.

        Args:
            strengths: natural scale, models along the last axis.
        """
        return ELO_PER_NAT * (strengths @ self._origin.T) + self.anchor_rating

    @property
    def rating_covariance(self) -> FloatArray:
        """Covariance of `ratings`; an anchor has none."""
        size = len(self.models)
        origin = ELO_PER_NAT * self._origin
        return origin @ self.covariance[:size, :size] @ origin.T

    @property
    def standard_errors(self) -> FloatArray:
        """Standard errors of `ratings`. Two models are compared by `contrast`, not by these."""
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
        """How many standard errors the intervals reach, in a fixed design."""
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
        """Return how much higher `model` is rated than `other`, from the full covariance.

        Args:
            model: the one.
            other: the one it is held against.
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
        """Return how far intervals reach from estimates on the rating scale."""
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
