"""Compare two models of a run by one figure, and test the difference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from evalharness.analysis.comparison.benchmark_difference import compare_on_benchmarks
from evalharness.analysis.comparison.common_opponents import (
    list_common_battles,
    select_common_battles,
)
from evalharness.analysis.estimates.human_labels import exclude_label_checks
from evalharness.analysis.estimates.panel import (
    assemble_panel,
    estimate_panel_battles,
    estimate_panel_scores,
)
from evalharness.analysis.estimates.ratings import find_run_rating_model, fit_ratings
from evalharness.analysis.estimates.scores import estimate_scores
from evalharness.analysis.judge_health.labelled_sets import find_labelled_sides
from evalharness.errors import ConfigError, suggest_close_match
from evalharness.stats import (
    DifferenceTest,
    build_comparisons_from_battles,
    compare_win_rates,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalharness.analysis.comparison.benchmark_difference import ExampleValues
    from evalharness.domain import Battle, RunRecords

    _MetricComparison = Callable[
        [RunRecords, Sequence[Battle], tuple[str, str], float], tuple[DifferenceTest, str] | None
    ]


class ComparisonMetric(StrEnum):
    """The figure by which models are compared."""

    RATING = "rating"
    SCORE = "score"
    WIN_RATE = "win_rate"
    BENCHMARK = "benchmark"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelComparison:
    """Two models compared by one figure.

    Attributes:
        model: the first model.
        other: the second model.
        metric: the figure.
        difference: the first model's figure minus the second's, tested.
        basis: what the difference is based on, in words.
    """

    model: str
    other: str
    metric: ComparisonMetric
    difference: DifferenceTest
    basis: str


def compare_models(
    records: RunRecords,
    battles: Sequence[Battle],
    model: str,
    other: str,
    *,
    metric: ComparisonMetric | None = None,
    level: float = 0.95,
    examples: Mapping[str, Mapping[str, ExampleValues]] | None = None,
) -> ModelComparison:
    """Return the difference between two models of a run, by one figure.

    Ratings use all battles of the run. Scores use the questions that were graded for both models.
    Win rates use the battles against opponents that both models met under the same judge, and
    those between the two. Benchmarks are compared example by example if
    `examples` has the values of both. Several judges are combined as in the leaderboard.

    Args:
        records: the run.
        battles: its settled battles.
        model: the first model.
        other: the second model.
        metric: the figure; None takes the first of rating, score, win rate and benchmark that
            exists.
        level: the level of the interval.
        examples: the values of single benchmark examples, by `suite/benchmark` and model.

    Raises:
        ConfigError: a model is not in the run, or the run does not have this figure of both.
    """
    _require_known_models(records, battles, model, other)
    _refuse_labelled_sides(records, model, other)
    to_rank = exclude_label_checks(records, battles)
    comparisons: dict[ComparisonMetric, _MetricComparison] = {
        ComparisonMetric.RATING: _compare_ratings,
        ComparisonMetric.SCORE: _compare_scores,
        ComparisonMetric.WIN_RATE: _compare_win_rates,
        ComparisonMetric.BENCHMARK: partial(_compare_benchmarks, examples or {}),
    }
    for name in [metric] if metric else comparisons:
        compared = comparisons[name](to_rank.records, to_rank.battles, (model, other), level)
        if compared is not None:
            difference, basis = compared
            return ModelComparison(
                model=model, other=other, metric=name, difference=difference, basis=basis
            )
    if metric is ComparisonMetric.WIN_RATE and _have_battles(to_rank.battles, (model, other)):
        msg = (
            f"{model} and {other} met no common opponent under the same judge, so that their win "
            "rates are not comparable: take --metric rating, or judge both against one baseline"
        )
        raise ConfigError(msg)
    figure = metric.replace("_", " ") if metric else "rating, score, win rate or benchmark"
    msg = (
        f"the run has no {figure} of both {model} and {other}: judge them, or take another --metric"
    )
    raise ConfigError(msg)


def _refuse_labelled_sides(records: RunRecords, model: str, other: str) -> None:
    """Refuse places of a labelled set, which are no models."""
    if {model, other} <= find_labelled_sides(records):
        msg = (
            f"{model} and {other} are places in a labelled set, not models, so there is nothing to "
            "compare; the page shows how often each judge finds the label"
        )
        raise ConfigError(msg)


def _compare_ratings(
    records: RunRecords, battles: Sequence[Battle], pair: tuple[str, str], level: float
) -> tuple[DifferenceTest, str] | None:
    """Return the difference of ratings with its basis, or None without ratings of both."""
    panel = assemble_panel(records, tuple(battles))
    if panel is not None:
        battles = panel.battles
        ratings = estimate_panel_battles(panel, None, level=level).ratings
    else:
        model = find_run_rating_model(records)
        ratings = (
            fit_ratings(build_comparisons_from_battles(battles), model, level).ratings
            if battles
            else None
        )
    if ratings is None or not set(pair) <= set(ratings.models):
        return None
    direct_battles = sum({battle.model_a, battle.model_b} == set(pair) for battle in battles)
    prior = f", with a small prior ({ratings.penalty})" if ratings.penalty else ""
    basis = f"{ratings.method} ratings{prior}; {len(battles):,} battles, {direct_battles:,} between the two"
    return ratings.test_difference(*pair), basis


def _compare_scores(
    records: RunRecords, battles: Sequence[Battle], pair: tuple[str, str], level: float
) -> tuple[DifferenceTest, str] | None:
    """Return the difference of mean scores with its basis, or None without scores of both."""
    pair_records = replace(
        records, graded=tuple(grade for grade in records.graded if grade.model in pair)
    )
    panel = assemble_panel(pair_records, tuple(battles))
    scores = (
        estimate_scores(pair_records, level=level)
        if panel is None
        else estimate_panel_scores(panel, pair_records, level=level)
    )
    if not set(pair) <= set(scores.means):
        return None
    return (
        scores.compare(*pair, level=level),
        f"scores of {scores.means[pair[0]].count:,} answers of each, graded for both",
    )


def _compare_win_rates(
    records: RunRecords, battles: Sequence[Battle], pair: tuple[str, str], level: float
) -> tuple[DifferenceTest, str] | None:
    """Return the difference of win rates with its basis, or None without battles of both."""
    # The judges of a panel become one, so common opponents are found before it is assembled.
    same_judges = list_common_battles(battles, pair)
    panel = assemble_panel(records, same_judges)
    common = select_common_battles(same_judges if panel is None else panel.battles, pair)
    if common is None:
        return None
    left_out = sum(bool(set(pair) & set(battle.models)) for battle in battles) - len(same_judges)
    basis = f"win rates in {len(common.comparisons.first):,} battles of either"
    if common.opponents:
        others = "1 opponent" if common.opponents == 1 else f"{common.opponents:,} opponents"
        basis += f", against {others} of both"
    if left_out:
        basis += f"; {left_out:,} against others or before other judges are left out"
    return compare_win_rates(common.comparisons, *pair, level=level), basis


def _have_battles(battles: Sequence[Battle], pair: tuple[str, str]) -> bool:
    return set(pair) <= {name for battle in battles for name in battle.models}


def _compare_benchmarks(
    examples: Mapping[str, Mapping[str, ExampleValues]],
    records: RunRecords,
    _battles: Sequence[Battle],
    pair: tuple[str, str],
    level: float,
) -> tuple[DifferenceTest, str] | None:
    """Return the mean difference on shared benchmarks with its basis, or None without any."""
    return compare_on_benchmarks(records.benchmarks, examples, pair, level)


def _require_known_models(
    records: RunRecords, battles: Sequence[Battle], model: str, other: str
) -> None:
    """Raise if a model is not in the run, or if both are the same."""
    known = sorted(
        {answer.model for answer in records.answers}
        | {grade.model for grade in records.graded}
        | {score.model for score in records.benchmarks}
        | {name for battle in battles for name in (battle.model_a, battle.model_b)}
    )
    for name in (model, other):
        if name not in known:
            msg = (
                f"{name} is not in this run{suggest_close_match(name, known)}; there are "
                f"{', '.join(known) or 'no models'}"
            )
            raise ConfigError(msg)
    if model == other:
        msg = f"{model} cannot be compared with itself: name two models"
        raise ConfigError(msg)
