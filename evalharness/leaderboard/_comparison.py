"""Two models of a run compared: the difference of two figures of its table, tested."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import ConfigError, close_match
from evalharness.leaderboard._benchmark_gaps import benchmark_difference
from evalharness.leaderboard._panel import convene, panel_scores, panel_standings
from evalharness.leaderboard._people import without_checks
from evalharness.leaderboard._scoring import score
from evalharness.leaderboard._standings import rate
from evalharness.stats.comparisons import from_battles
from evalharness.stats.differences import Difference, difference_of
from evalharness.stats.win_rates import win_rate_difference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalharness.domain import Battle, RunRecords
    from evalharness.leaderboard._benchmark_gaps import Values

    _Way = Callable[
        [RunRecords, Sequence[Battle], tuple[str, str], float], tuple[Difference, str] | None
    ]


class Metric(StrEnum):
    """Which figure of the table is compared."""

    RATING = "rating"
    SCORE = "score"
    WIN_RATE = "win_rate"
    BENCHMARK = "benchmark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two models by one figure; `basis` says in words what it rests on."""

    model: str
    other: str
    metric: Metric
    difference: Difference
    basis: str


def compare_models(
    records: RunRecords,
    battles: Sequence[Battle],
    model: str,
    other: str,
    *,
    metric: Metric | None = None,
    level: float = 0.95,
    examples: Mapping[str, Mapping[str, Values]] | None = None,
) -> Comparison:
    """Return how far a model is above another in a run, by rating, or by what there is.

    Benchmarks are compared example by example where `examples` has the values of both, by
    `suite/benchmark` and model. Ratings rest on all battles of the run, scores on what was graded for both models, win rates on
    the battles of either; several judges are one panel, as in the table.

    Raises:
        ConfigError: a model is not in the run, or the run does not have this figure of both.
    """
    _refuse_unknown(records, battles, model, other)
    table = without_checks(records, battles)
    ways: dict[Metric, _Way] = {
        Metric.RATING: _by_rating,
        Metric.SCORE: _by_score,
        Metric.WIN_RATE: _by_win_rate,
        Metric.BENCHMARK: partial(_by_benchmarks, examples or {}),
    }
    for name in [metric] if metric else ways:
        found = ways[name](table.records, table.battles, (model, other), level)
        if found is not None:
            difference, basis = found
            return Comparison(
                model=model, other=other, metric=name, difference=difference, basis=basis
            )
    what = metric.replace("_", " ") if metric else "rating, score, win rate or benchmark"
    msg = f"the run has no {what} of both {model} and {other}: judge them, or take another --metric"
    raise ConfigError(msg)


def _by_rating(
    records: RunRecords, battles: Sequence[Battle], pair: tuple[str, str], level: float
) -> tuple[Difference, str] | None:
    panel = convene(records, tuple(battles))
    if panel is not None:
        battles = panel.battles
        ratings = panel_standings(panel, None, level=level).ratings
    else:
        ratings = rate(from_battles(battles), level)[0] if battles else None
    if ratings is None or not set(pair) <= set(ratings.models):
        return None
    gap = ratings.contrast(*pair)
    met = sum({battle.model_a, battle.model_b} == set(pair) for battle in battles)
    prior = f", with a small prior ({ratings.penalty})" if ratings.penalty else ""
    basis = f"{ratings.method} ratings{prior}; {len(battles):,} battles, {met:,} between the two"
    return (
        difference_of(gap.value, gap.standard_error, ratings.clusters, level=level),
        basis,
    )


def _by_score(
    records: RunRecords, battles: Sequence[Battle], pair: tuple[str, str], level: float
) -> tuple[Difference, str] | None:
    own = replace(records, graded=tuple(each for each in records.graded if each.model in pair))
    panel = convene(own, tuple(battles))
    scores = score(own, level=level) if panel is None else panel_scores(panel, own, level=level)
    if not set(pair) <= set(scores.means):
        return None
    places = [list(scores.means).index(name) for name in pair]
    direction = np.zeros(len(scores.means))
    direction[places] = 1.0, -1.0
    means = [scores.means[name] for name in pair]
    variance = float(direction @ scores.covariance @ direction)
    error = math.sqrt(max(variance, 0.0)) if not math.isnan(variance) else math.nan
    return (
        difference_of(means[0].value - means[1].value, error, scores.questions, level=level),
        f"scores of {means[0].count:,} answers of each, graded for both",
    )


def _by_win_rate(
    records: RunRecords, battles: Sequence[Battle], pair: tuple[str, str], level: float
) -> tuple[Difference, str] | None:
    panel = convene(records, tuple(battles))
    settled = battles if panel is None else panel.battles
    fighters = {name for battle in settled for name in (battle.model_a, battle.model_b)}
    if not set(pair) <= fighters:
        return None
    either = [each for each in settled if {each.model_a, each.model_b} & set(pair)]
    return (
        win_rate_difference(from_battles(either), *pair, level=level),
        f"win rates in {len(either):,} battles of either",
    )


def _by_benchmarks(
    examples: Mapping[str, Mapping[str, Values]],
    records: RunRecords,
    _battles: Sequence[Battle],
    pair: tuple[str, str],
    level: float,
) -> tuple[Difference, str] | None:
    return benchmark_difference(records.benchmarks, examples, pair, level)


def _refuse_unknown(records: RunRecords, battles: Sequence[Battle], model: str, other: str) -> None:
    known = sorted(
        {answer.model for answer in records.answers}
        | {grade.model for grade in records.graded}
        | {each.model for each in records.benchmarks}
        | {name for battle in battles for name in (battle.model_a, battle.model_b)}
    )
    for name in (model, other):
        if name not in known:
            msg = (
                f"{name} is not in this run{close_match(name, known)}; there are "
                f"{', '.join(known) or 'no models'}"
            )
            raise ConfigError(msg)
    if model == other:
        msg = f"{model} cannot be compared with itself: name two models"
        raise ConfigError(msg)
