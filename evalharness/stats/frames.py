"""Ratings and win rates of a table of battles, for notebooks: DataFrames in, DataFrames out.

Battles have the columns `model_a`, `model_b` and `winner` (`model_a`, `model_b` or `tie`), and
may have `question_id` (intervals are then clustered by question) and `weight`. What a result
rests on (method, level, clusters) stands in its `attrs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evalharness.domain import Winner
from evalharness.errors import BattlesError, close_match
from evalharness.stats import win_rates as win_rate_statistics
from evalharness.stats.bradley_terry import bradley_terry
from evalharness.stats.comparisons import OUTCOME_BY_WINNER, Comparisons, compare
from evalharness.stats.elo import elo_intervals, online_elo
from evalharness.stats.ratings import MEAN_RATING
from evalharness.stats.ties import davidson, rao_kupper

if TYPE_CHECKING:
    from evalharness.stats.comparisons import IntArray
    from evalharness.stats.ratings import Ratings

_REQUIRED = ("model_a", "model_b", "winner")
_FITS = {"bradley_terry": bradley_terry, "davidson": davidson, "rao_kupper": rao_kupper}
_METHODS = (*_FITS, "elo")


def rate(
    battles: pd.DataFrame,
    method: str = "bradley_terry",
    *,
    level: float = 0.95,
    anchor: str | None = None,
    anchor_rating: float = MEAN_RATING,
    penalty: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Return `rating, low, high, battles` by model, best first.

    Args:
        battles: the battles; see the module's text.
        method: `bradley_terry` (ties as half), `davidson`, `rao_kupper`, or `elo` (online, in the
            order of the rows, K = 4; its intervals come from a bootstrap of the questions).
        level: the intervals' level.
        anchor: the model whose rating is `anchor_rating`; without one, their mean is. Elo starts
            every model at `anchor_rating` and takes no anchor.
        anchor_rating: the rating of the anchor or the mean.
        penalty: keeps ratings finite where a model won or lost everything; 0.25 is a normal prior
            of standard deviation 2 (347 rating points). Elo takes none.
        seed: of the bootstrap for Elo; the other methods draw nothing.

    Raises:
        BattlesError: the table or an argument is not as it should be (a ValueError).
        DisconnectedError: the battles do not connect all models (a ValueError).
        SeparationError: a rating is infinite; give a penalty (a ValueError).
    """
    if method not in _METHODS:
        hint = close_match(method, _METHODS)
        msg = f"there is no rating method {method!r}{hint}; there are {', '.join(_METHODS)}"
        raise BattlesError(msg)
    comparisons = comparisons_of(battles)
    if method == "elo":
        if anchor is not None or penalty:
            msg = "online Elo takes neither an anchor nor a penalty"
            raise BattlesError(msg)
        return _elo_table(comparisons, level=level, start=anchor_rating, seed=seed)
    if anchor is not None and anchor not in comparisons.models:
        msg = f"the anchor {anchor!r} is in no battle{close_match(anchor, comparisons.models)}"
        raise BattlesError(msg)
    fitted = _FITS[method](
        comparisons, level=level, penalty=penalty, anchor=anchor, anchor_rating=anchor_rating
    )
    return _ratings_table(fitted)


def win_rates(
    battles: pd.DataFrame, baseline: str | None = None, *, level: float = 0.95
) -> pd.DataFrame:
    """Return `win_rate, low, high, wins, losses, ties` by model, best first.

    A win rate is (wins + ties / 2) / battles, against all other models or only the baseline,
    which then has no row.

    Raises:
        BattlesError: the table is not as it should be, or the baseline is in no battle.
    """
    rates = win_rate_statistics.win_rates(comparisons_of(battles), baseline, level=level)
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
    return _best_first(table, "win_rate", {"baseline": baseline, "level": level})


def comparisons_of(battles: pd.DataFrame) -> Comparisons:
    """Return a table of battles as checked arrays; models in order of name.

    Raises:
        BattlesError: a column is missing, a cell empty, or a winner unknown.
    """
    _refuse_incomplete(battles)
    models = sorted({*battles["model_a"], *battles["model_b"]}, key=str)
    place = {model: number for number, model in enumerate(models)}
    if len(models) == 1:
        msg = f"all battles are of one model, {models[0]}: a rating needs two"
        raise BattlesError(msg)
    return compare(
        [str(model) for model in models],
        battles["model_a"].map(place).to_numpy(),
        battles["model_b"].map(place).to_numpy(),
        _outcomes(battles["winner"]),
        weight=_weights(battles),
        question=pd.factorize(battles["question_id"])[0] if "question_id" in battles else None,
    )


def _refuse_incomplete(battles: pd.DataFrame) -> None:
    missing = [name for name in _REQUIRED if name not in battles]
    if missing:
        msg = f"the battles have no column {' and no column '.join(missing)}; found: " + (
            ", ".join(map(str, battles.columns)) or "none"
        )
        raise BattlesError(msg)
    if battles.empty:
        msg = "there are no battles"
        raise BattlesError(msg)
    for name in (*_REQUIRED, "question_id"):
        empty = np.flatnonzero(battles[name].isna()) if name in battles else np.array([])
        if empty.size:
            msg = f"{len(empty)} battles have no {name}, the first at row {empty[0]}"
            raise BattlesError(msg)


def _outcomes(winner: pd.Series[Any]) -> IntArray:
    outcome = winner.map({str(name): int(value) for name, value in OUTCOME_BY_WINNER.items()})
    if outcome.isna().any():
        unknown = ", ".join(repr(str(label)) for label in winner[outcome.isna()].unique())
        allowed = ", ".join(Winner)
        msg = f"unknown winner {unknown}: write {allowed}, or drop these battles"
        raise BattlesError(msg)
    return np.asarray(outcome, dtype=np.int64)


def _weights(battles: pd.DataFrame) -> Any:
    if "weight" not in battles:
        return None
    try:
        return battles["weight"].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        msg = f"a weight is no number: {error}"
        raise BattlesError(msg) from error


def _ratings_table(fitted: Ratings) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "rating": fitted.ratings,
            "low": fitted.low,
            "high": fitted.high,
            "battles": fitted.battles,
        },
        index=pd.Index(fitted.models, name="model"),
    )
    about = {
        "method": fitted.method,
        "level": fitted.level,
        "clusters": fitted.clusters,
        "clustered_by": fitted.clustered_by,
        "penalty": fitted.penalty,
        "parameters": dict(fitted.parameters),
    }
    return _best_first(table, "rating", about)


def _elo_table(comparisons: Comparisons, *, level: float, start: float, seed: int) -> pd.DataFrame:
    elo = online_elo(comparisons, start=start)
    intervals = elo_intervals(comparisons, np.random.default_rng(seed), level=level, start=start)
    table = pd.DataFrame(
        {
            "rating": elo.ratings,
            "low": intervals.low,
            "high": intervals.high,
            "battles": elo.battles,
        },
        index=pd.Index(elo.models, name="model"),
    )
    about = {
        "method": "online Elo",
        "level": level,
        "clusters": intervals.clusters,
        "clustered_by": comparisons.clustered_by,
        "k": elo.k,
        "seed": seed,
    }
    return _best_first(table, "rating", about)


def _best_first(table: pd.DataFrame, column: str, about: dict[str, Any]) -> pd.DataFrame:
    sorted_table = table.sort_values(column, ascending=False, kind="stable")
    sorted_table.attrs.update(about)
    return sorted_table
