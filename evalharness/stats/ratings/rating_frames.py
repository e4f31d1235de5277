"""Return ratings and win rates of a table of battles as DataFrames, for notebooks.

Battles have the columns `model_a`, `model_b` and `winner` (`model_a`, `model_b` or `tie`), and
optionally `question_id` (intervals are then clustered by question), `weight` (the importance of a
battle; only ratios matter) and `count` (the number of equal battles in a row). They are a pandas
DataFrame, an Arrow table, or counts (`evalharness.count_battles` returns the counts of files). The
`attrs` of a result include its method, level and clusters.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from evalharness.errors import BattlesError, suggest_close_match
from evalharness.stats.battles.battle_tables import build_comparisons_from_table, count_battle_table
from evalharness.stats.battles.counts import BattleCounts
from evalharness.stats.battles.win_rates import measure_win_rates
from evalharness.stats.estimation.fitted_ratings import MEAN_RATING
from evalharness.stats.estimation.rating_model import find_rating_model
from evalharness.stats.rating_models.elo import fit_elo
from evalharness.stats.ratings.bootstrap import BootstrapRatings, bootstrap
from evalharness.stats.ratings.frame_arguments import (
    require_level,
    require_number,
    require_whole_number,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from evalharness.stats.estimation.fitted_ratings import FittedRatings

_INTERVAL_NAMES = ("sandwich", "bootstrap")


def rate(  # noqa: PLR0913 - settings that a notebook passes by name
    battles: pd.DataFrame | pa.Table | BattleCounts,
    method: str = "bradley_terry",
    *,
    level: float = 0.95,
    interval: Literal["sandwich", "bootstrap"] = "sandwich",
    position: bool = False,
    anchor: str | None = None,
    anchor_rating: float = MEAN_RATING,
    penalty: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Return `rating, low, high, battles` by model, best first.

    Args:
        battles: a table with `model_a`, `model_b` and `winner`, or counted battles.
        method: the name of a rating model: `bradley_terry` (ties count half), `davidson`,
            `rao_kupper`, or `elo` (`rate_online` has its settings).
        level: the intervals' level.
        interval: from the `sandwich` covariance, or from the percentiles of a `bootstrap` of
            1,000 replicates; both are clustered by question.
        position: whether to estimate the advantage of `model_a`, in `attrs["parameters"]`.
        anchor: the model with the rating `anchor_rating`; by default, the mean has this value.
        anchor_rating: the rating of the anchor or the mean.
        penalty: keeps ratings finite if a model won or lost every battle; 0.25 is a normal prior
            of standard deviation 2 (347 rating points).
        seed: the seed of the bootstrap.

    Raises:
        BattlesError: the table or an argument is invalid (a ValueError).
        DisconnectedError: the battles do not connect all models (a ValueError).
        SeparationError: a rating is infinite; give a penalty (a ValueError).
    """
    level = require_level(level)
    penalty = require_number("penalty", penalty)
    anchor_rating = require_number("anchor_rating", anchor_rating)
    seed = require_whole_number("seed", seed, 0)
    model = find_rating_model(method)
    _require_known_name("interval", interval, _INTERVAL_NAMES)
    if method == "elo":
        # Elo plays the rows of a table in their order.
        if anchor is not None or penalty or position:
            msg = "online Elo takes no anchor, penalty or position effect"
            raise BattlesError(msg)
        return rate_online(battles, level=level, start=anchor_rating, seed=seed)
    given = (
        build_comparisons_from_table(battles) if model.needs_order else count_battle_table(battles)
    )
    if anchor is not None and anchor not in given.models:
        msg = f"the anchor {anchor!r} is in no battle{suggest_close_match(anchor, given.models)}"
        raise BattlesError(msg)
    fit = partial(
        model.fit,
        position=position,
        level=level,
        penalty=penalty,
        anchor=anchor,
        anchor_rating=anchor_rating,
    )
    if interval == "bootstrap":
        rng = np.random.default_rng(seed)
        drawn = bootstrap(given, rng, method=fit, level=level)
        return _build_ratings_frame(drawn.fitted, drawn, seed)
    return _build_ratings_frame(fit(given))


def rate_online(
    battles: pd.DataFrame | pa.Table,
    *,
    level: float = 0.95,
    k: float = 4.0,
    start: float = MEAN_RATING,
    orders: int = 1,
    seed: int = 0,
) -> pd.DataFrame:
    """Return online Elo ratings with intervals from a bootstrap of the questions, best first.

    Args:
        battles: a table of battles in the order in which they are played.
        level: the intervals' level.
        k: the largest change by one battle.
        start: every model's rating before its first battle.
        orders: 1 plays the battles in the order of the rows; a larger number averages shuffled
            orders, so that the result hardly depends on the order.
        seed: the seed of the bootstrap and the shuffles.

    Raises:
        BattlesError: the table is invalid, or the battles are counts, which have no order.
    """
    level = require_level(level)
    k, start = require_number("k", k), require_number("start", start)
    if k <= 0:
        msg = f"k is a number above 0, not {k:g}"
        raise BattlesError(msg)
    orders, seed = require_whole_number("orders", orders, 1), require_whole_number("seed", seed, 0)
    if isinstance(battles, BattleCounts):
        msg = "online Elo plays battles in order, and counted battles have none: give the table"
        raise BattlesError(msg)
    comparisons = build_comparisons_from_table(battles)
    fitted = fit_elo(comparisons, level=level, k=k, start=start, orders=orders, seed=seed)
    table = _build_frame(fitted, fitted)
    about = {
        "method": fitted.method,
        "level": level,
        "clusters": fitted.clusters,
        "clustered_by": fitted.clustered_by,
        **fitted.settings,
    }
    return _sort_best_first(table, "rating", about)


def win_rates(
    battles: pd.DataFrame | pa.Table | BattleCounts,
    baseline: str | None = None,
    *,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return `win_rate, low, high, wins, losses, ties` by model, best first.

    A win rate is (wins + ties / 2) / battles, against all other models or against the baseline,
    which then has no row.

    Args:
        battles: a table with `model_a`, `model_b` and `winner`, or counted battles.
        baseline: the only opponent; by default, all other models are opponents.
        level: the intervals' level.

    Raises:
        BattlesError: the table is invalid, or the baseline is in no battle.
    """
    level = require_level(level)
    rates = measure_win_rates(count_battle_table(battles), baseline, level=level)
    table = pd.DataFrame(
        {
            "win_rate": [rate.value for rate in rates],
            "low": [rate.low for rate in rates],
            "high": [rate.high for rate in rates],
            "wins": [rate.wins for rate in rates],
            "losses": [rate.losses for rate in rates],
            "ties": [rate.ties for rate in rates],
        },
        index=pd.Index([rate.model for rate in rates], name="model"),
    )
    return _sort_best_first(table, "win_rate", {"baseline": baseline, "level": level})


def _require_known_name(what: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        hint = suggest_close_match(name, known)
        msg = f"there is no {what} {name!r}{hint}; there are {', '.join(known)}"
        raise BattlesError(msg)


def _build_ratings_frame(
    fitted: FittedRatings, drawn: BootstrapRatings | None = None, seed: int | None = None
) -> pd.DataFrame:
    table = _build_frame(fitted, drawn or fitted)
    about: dict[str, Any] = {
        "method": fitted.method,
        "level": fitted.level,
        "clusters": fitted.clusters,
        "clustered_by": fitted.clustered_by,
        "penalty": fitted.penalty,
        "parameters": dict(fitted.parameters),
        "interval": "sandwich",
    }
    if drawn is not None:
        about |= {"interval": "bootstrap", "replicates": drawn.replicates, "seed": seed}
    return _sort_best_first(table, "rating", about)


def _build_frame(fitted: FittedRatings, ends: FittedRatings | BootstrapRatings) -> pd.DataFrame:
    """Return a row for each model: its rating, the ends of its interval and its battles."""
    columns = {
        "rating": fitted.ratings,
        "low": ends.low,
        "high": ends.high,
        "battles": fitted.battles,
    }
    return pd.DataFrame(columns, index=pd.Index(fitted.models, name="model"))


def _sort_best_first(table: pd.DataFrame, column: str, about: dict[str, Any]) -> pd.DataFrame:
    sorted_table = table.sort_values(column, ascending=False, kind="stable")
    sorted_table.attrs.update(about)
    return sorted_table
