"""Estimate ratings, online Elo and win rates from the battles of a run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from evalharness.domain import DEFAULT_RATING
from evalharness.errors import EvalHarnessError
from evalharness.stats import (
    build_comparisons_from_battles,
    find_connected_groups,
    find_one_sided_groups,
    find_rating_model,
    format_model_group,
    measure_pair_win_rates,
    measure_win_rates,
    shuffled_elo,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from evalharness.domain import Battle, RunRecords
    from evalharness.stats import Comparisons, FittedRatings, RatingModel, WinRate

JUDGE_AWARE = "judge-aware Bradley-Terry"
"""The method of ratings that weigh their judges, as `stats.judge_aware` names it."""

SMALL_PRIOR_PENALTY = 0.25
"""A normal prior of standard deviation 2 (347 rating points), about half a win and half a loss."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BattleEstimates:
    """The estimates from battles.

    Attributes:
        ratings: the ratings with intervals; None if the battles do not connect the models.
        rating: the name of the rating model behind `ratings`.
        elo: the online Elo ratings by model; empty without ratings.
        win_rates: the win rate of each model against all opponents.
        pairs: the win rate of each pair of models.
        notes: sentences on the limits of the estimates.
    """

    ratings: FittedRatings | None = None
    rating: str = DEFAULT_RATING
    elo: Mapping[str, float] = field(default_factory=dict)
    win_rates: Mapping[str, WinRate] = field(default_factory=dict)
    pairs: tuple[WinRate, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def method(self) -> str:
        """The method of the ratings, in words."""
        if self.ratings is None:
            return find_rating_model(self.rating).title
        prior = " with a small prior" if self.ratings.penalty > 0 else ""
        return f"{self.ratings.method}{prior}"


def estimate_from_battles(
    battles: Sequence[Battle],
    model: RatingModel,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    mixture: float | None = None,
) -> BattleEstimates:
    """Return the estimates from battles; all judges and turns count alike.

    Args:
        battles: settled battles.
        model: the rating model.
        rng: shuffles the battles for online Elo.
        level: the level of the intervals.
        mixture: the `rho` of always-valid intervals, after an adaptive design.
    """
    if not battles:
        return BattleEstimates(rating=model.name)
    comparisons = build_comparisons_from_battles(battles)
    fit = fit_ratings(comparisons, model, level)
    ratings, elo = fit.ratings, {}
    if ratings is not None:
        ratings = replace(ratings, mixture=mixture)
        shuffled = shuffled_elo(comparisons, rng)
        elo = dict(zip(shuffled.models, shuffled.ratings.tolist(), strict=True))
    return replace(
        fit,
        ratings=ratings,
        elo=elo,
        win_rates={rate.model: rate for rate in measure_win_rates(comparisons, level=level)},
        pairs=measure_pair_win_rates(comparisons, level=level),
    )


def find_run_rating_model(records: RunRecords) -> RatingModel:
    """Return the rating model that the settings of a run name.

    Raises:
        BattlesError: there is no rating model of this name.
    """
    return find_rating_model(records.config.rating)


def fit_ratings(comparisons: Comparisons, model: RatingModel, level: float) -> BattleEstimates:
    """Return ratings with notes on how they were made; None for ratings that share no scale.

    If the rating model cannot be fitted to the battles, the ratings are those of Bradley-Terry.
    """
    connected = find_connected_groups(comparisons, "weak")
    if len(connected) > 1:
        listed = "; ".join(format_model_group(group) for group in connected)
        note = (
            f"The battles do not connect all models ({listed}). Ratings of different groups share "
            "no scale, so no rating is given, and ranks, if any, go by score."
        )
        return BattleEstimates(rating=model.name, notes=(note,))
    fitted, notes = _fit_or_fall_back(comparisons, model, level)
    ratings = fitted.ratings
    if ratings is not None and ratings.clusters == 1:
        notes.append(
            "All battles are on one question, so nothing shows how results vary between "
            "questions: ratings and win rates have no interval."
        )
    return replace(fitted, notes=tuple(notes))


def choose_prior_penalty(comparisons: Comparisons) -> float:
    """Return the penalty of the small prior if some ratings would be infinite, else 0."""
    return SMALL_PRIOR_PENALTY if find_one_sided_groups(comparisons) else 0.0


def _fit_or_fall_back(
    comparisons: Comparisons, model: RatingModel, level: float
) -> tuple[BattleEstimates, list[str]]:
    """Return the ratings of a model, or of Bradley-Terry with a note if the model has no fit."""
    try:
        return _fit_with_prior(comparisons, model, level)
    except EvalHarnessError as error:
        default = find_rating_model(DEFAULT_RATING)
        if model.name == default.name:
            raise
        fitted, notes = _fit_with_prior(comparisons, default, level)
        reason = str(error).split(": ", maxsplit=1)[0].rstrip(".")
        note = f"Ratings are by {default.title}, as {model.title} has none here: {reason}."
        return fitted, [note, *notes]


def _fit_with_prior(
    comparisons: Comparisons, model: RatingModel, level: float
) -> tuple[BattleEstimates, list[str]]:
    """Return ratings, with a small prior and a note on it if some would be infinite."""
    one_sided = find_one_sided_groups(comparisons) if model.takes_penalty else ()
    penalty = SMALL_PRIOR_PENALTY if one_sided else 0.0
    ratings = model.fit(comparisons, level=level, penalty=penalty)
    fitted = BattleEstimates(ratings=ratings, rating=model.name)
    if not one_sided:
        return fitted, []
    listed = "; ".join(f"{format_model_group(group)} {result}" for group, result in one_sided)
    note = (
        f"Without more battles some ratings are infinite: {listed}. All ratings therefore "
        f"carry a small prior (penalty {SMALL_PRIOR_PENALTY}), which keeps them finite; read those "
        "as at least, or at most, that far from the rest."
    )
    return fitted, [note]
