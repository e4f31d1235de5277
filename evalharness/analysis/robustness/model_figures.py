"""Represent the result of an analysis, one number per model, and fit rating models to battles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.analysis.estimates.ratings import (
    choose_prior_penalty,
)
from evalharness.errors import BattlesError
from evalharness.stats import (
    require_connected_models,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalharness.stats import Comparisons, FittedRatings, RatingModel


_PRIOR_NOTE = "Some models won or lost every battle, so ratings carry a small prior."


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFigures:
    """One number per model.

    Attributes:
        values: the numbers by model; larger is better.
        note: a remark on the figures; empty without one.
    """

    values: Mapping[str, float]
    note: str = ""

    @classmethod
    def from_values(cls, values: Mapping[str, float]) -> ModelFigures:
        """Return known values as figures.

        Raises:
            BattlesError: there are no values.
        """
        if not values:
            msg = "not all models have this figure"
            raise BattlesError(msg)
        return cls(values=values)

    @classmethod
    def from_ratings(cls, ratings: FittedRatings) -> ModelFigures:
        """Return ratings as figures."""
        values = dict(zip(ratings.models, ratings.ratings.tolist(), strict=True))
        return cls(values=values, note=_PRIOR_NOTE if ratings.penalty else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedBattles:
    """Battles to fit rating models to, with a small prior where ratings would be infinite.

    Attributes:
        comparisons: the battles.
    """

    comparisons: Comparisons

    def fit(self, model: RatingModel, *, position: bool = False) -> ModelFigures:
        """Return the ratings of a rating model as figures.

        Raises:
            EvalHarnessError: the model cannot be fitted to these battles.
        """
        require_connected_models(self.comparisons)
        penalty = choose_prior_penalty(self.comparisons) if model.takes_penalty else 0.0
        return ModelFigures.from_ratings(
            model.fit(self.comparisons, position=position, penalty=penalty)
        )
