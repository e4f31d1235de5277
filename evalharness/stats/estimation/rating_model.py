"""Define rating models, and list those in this package."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Protocol

from evalharness.errors import BattlesError, suggest_close_match
from evalharness.stats.estimation.fitted_ratings import MEAN_RATING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalharness.stats.battles.comparisons import Comparisons
    from evalharness.stats.battles.counts import BattleCounts
    from evalharness.stats.estimation.fitted_ratings import FittedRatings

_FOLDER = "evalharness.stats.rating_models"


class RatingFit(Protocol):
    """The function that fits a rating model to battles."""

    def __call__(
        self,
        battles: Comparisons | BattleCounts,
        /,
        *,
        position: bool = False,
        level: float = 0.95,
        penalty: float = 0.0,
        anchor: str | None = None,
        anchor_rating: float = MEAN_RATING,
    ) -> FittedRatings:
        """Return the ratings with their covariance; the same battles give the same ratings.

        Args:
            battles: the battles, as arrays or counts.
            position: whether to estimate the advantage of the first position.
            level: the intervals' level.
            penalty: subtracts penalty/2 times the squared strengths from the log-likelihood.
            anchor: the model with the rating `anchor_rating`; by default the mean has this value.
            anchor_rating: the rating of the anchor or the mean.

        Raises:
            EvalHarnessError: the model cannot be fitted to the battles.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingModel:
    """A method that estimates ratings from battles.

    To add one, add a module to `stats/rating_models/` with an object `RATING_MODEL` of this class.

    Attributes:
        name: the name in the configuration and in `rate(method=...)`, and of its module.
        title: the name in tables and headings, and in `FittedRatings.method`.
        fit: the function that fits the model. Strengths are on the natural-log scale, on which a
            difference of 1 is 400 / ln 10 rating points.
        description: one to three sentences for readers of a report: assumptions, meaning of ties.
        source: the publication that defines it.
        parameters: descriptions of the estimated parameters other than strengths, by name in
            `FittedRatings.parameters`.
        takes_penalty: whether a model that won (or lost) every battle has a finite rating only
            with a penalty.
        takes_position: whether `fit` can estimate the advantage of the first position.
        needs_ties: whether the fit requires that some battles, but not all, are ties.
        needs_order: whether `fit` needs battles in order, as arrays, and refuses counts.
    """

    name: str
    title: str
    fit: RatingFit
    description: str
    source: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    takes_penalty: bool = True
    takes_position: bool = True
    needs_ties: bool = False
    needs_order: bool = False


@cache
def list_rating_models() -> tuple[RatingModel, ...]:
    """Return the rating models of this package, sorted by name."""
    folder = importlib.import_module(_FOLDER)
    modules = sorted(found.name for found in pkgutil.iter_modules(folder.__path__))
    return tuple(importlib.import_module(f"{_FOLDER}.{name}").RATING_MODEL for name in modules)


def find_rating_model(name: str) -> RatingModel:
    """Return the rating model of this name.

    Args:
        name: the name, such as `davidson`.

    Raises:
        BattlesError: there is no rating model of this name.
    """
    models = {model.name: model for model in list_rating_models()}
    if name not in models:
        hint = suggest_close_match(name, tuple(models))
        msg = f"there is no rating method {name!r}{hint}; there are {', '.join(models)}"
        raise BattlesError(msg)
    return models[name]
