"""Estimate ratings, online Elo and win rates from the battles of a run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from evalharness.stats import (
    bradley_terry,
    build_comparisons_from_battles,
    find_connected_groups,
    find_one_sided_groups,
    format_model_group,
    measure_pair_win_rates,
    measure_win_rates,
    shuffled_elo,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from evalharness.domain import Battle
    from evalharness.stats import Comparisons, FittedRatings, WinRate

JUDGE_AWARE = "judge-aware Bradley-Terry"
"""The method of ratings that weigh their judges, as `stats.judge_aware` names it."""

SMALL_PRIOR_PENALTY = 0.25
"""A normal prior of standard deviation 2 (347 rating points), about half a win and half a loss."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BattleEstimates:
    """The estimates from battles.

    Attributes:
        ratings: with intervals; None if the battles do not connect the models.
        elo: online Elo by model; empty without ratings.
        win_rates: by model, against all opponents.
        pairs: the win rate of each pair of models.
        notes: sentences on the limits of the estimates.
    """

    ratings: FittedRatings | None = None
    elo: Mapping[str, float] = field(default_factory=dict)
    win_rates: Mapping[str, WinRate] = field(default_factory=dict)
    pairs: tuple[WinRate, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def method(self) -> str:
        """How the ratings were made."""
        if self.ratings is not None and self.ratings.method == JUDGE_AWARE:
            return JUDGE_AWARE
        has_prior = self.ratings is not None and self.ratings.penalty > 0
        return "Bradley-Terry with a small prior" if has_prior else "Bradley-Terry"


def estimate_from_battles(
    battles: Sequence[Battle],
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    mixture: float | None = None,
) -> BattleEstimates:
    """Return the estimates from battles; all judges and turns count alike.

    Args:
        battles: settled battles.
        rng: shuffles the battles for online Elo.
        level: of the intervals.
        mixture: the `rho` of always-valid intervals, after an adaptive design.
    """
    if not battles:
        return BattleEstimates()
    comparisons = build_comparisons_from_battles(battles)
    ratings, notes = fit_ratings(comparisons, level)
    elo = {}
    if ratings is not None:
        ratings = replace(ratings, mixture=mixture)
        shuffled = shuffled_elo(comparisons, rng)
        elo = dict(zip(shuffled.models, shuffled.ratings.tolist(), strict=True))
    return BattleEstimates(
        ratings=ratings,
        elo=elo,
        win_rates={rate.model: rate for rate in measure_win_rates(comparisons, level=level)},
        pairs=measure_pair_win_rates(comparisons, level=level),
        notes=notes,
    )


def fit_ratings(
    comparisons: Comparisons, level: float
) -> tuple[FittedRatings | None, tuple[str, ...]]:
    """Return ratings, or None if there can be none, with notes on how they were made."""
    connected = find_connected_groups(comparisons, "weak")
    if len(connected) > 1:
        listed = "; ".join(format_model_group(group) for group in connected)
        note = (
            f"The battles do not connect all models ({listed}). Ratings of different groups share "
            "no scale, so no rating is given, and ranks, if any, go by score."
        )
        return None, (note,)
    notes = []
    one_sided = find_one_sided_groups(comparisons)
    if one_sided:
        listed = "; ".join(f"{format_model_group(group)} {result}" for group, result in one_sided)
        notes.append(
            f"Without more battles some ratings are infinite: {listed}. All ratings therefore "
            f"carry a small prior (penalty {SMALL_PRIOR_PENALTY}), which keeps them finite; read those as at "
            "least, or at most, that far from the rest."
        )
    ratings = bradley_terry(
        comparisons, level=level, penalty=SMALL_PRIOR_PENALTY if one_sided else 0.0
    )
    if ratings.clusters == 1:
        notes.append(
            "All battles are on one question, so nothing shows how results vary between "
            "questions: ratings and win rates have no interval."
        )
    return ratings, tuple(notes)
