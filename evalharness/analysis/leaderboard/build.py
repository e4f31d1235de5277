"""Build the leaderboard of a run from its records and battles."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis.estimates.human_labels import exclude_label_checks
from evalharness.analysis.estimates.panel import assemble_panel
from evalharness.analysis.estimates.ranks import RankRange
from evalharness.analysis.judge_health.labelled_sets import measure_labelled_sets
from evalharness.analysis.known_values import value_and_interval
from evalharness.analysis.label_correction.correction import (
    correct_by_labels,
    select_corrected_fields,
)
from evalharness.analysis.leaderboard.benchmark_figures import collect_benchmark_values
from evalharness.analysis.leaderboard.cautions import collect_cautions
from evalharness.analysis.leaderboard.completeness import count_completeness
from evalharness.analysis.leaderboard.rows import (
    Leaderboard,
    LeaderboardRow,
    ModelPairRow,
    RatingParameter,
)
from evalharness.analysis.leaderboard.run_estimates import estimate_run
from evalharness.analysis.leaderboard.run_progress import measure_run_progress
from evalharness.stats import estimate_better_probabilities, find_rating_model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.analysis.estimates.ratings import BattleEstimates
    from evalharness.analysis.leaderboard.completeness import ModelCompleteness
    from evalharness.analysis.leaderboard.run_estimates import RunEstimates
    from evalharness.domain import Battle, RunRecords
    from evalharness.stats import IntervalEstimate, WinRate


def build_leaderboard(
    records: RunRecords, battles: Sequence[Battle], *, level: float = 0.95, seed: int = 0
) -> Leaderboard:
    """Return the leaderboard of a run: every model that the run names, best first.

    The run's settings name the rating model (`rating`) and how several judges are combined
    (`judging.panel`). The question is the unit of every interval. Models are ranked by rating, or
    by score if there are no ratings.

    Args:
        records: the run.
        battles: the settled battles of the run.
        level: the level of all intervals and rank sets.
        seed: the seed of the shuffled orders of online Elo and of the rank sets' simulation.
    """
    to_rank = exclude_label_checks(records, battles)
    panel = assemble_panel(to_rank.records, to_rank.battles)
    corrections = correct_by_labels(
        records, battles, panel, np.random.default_rng([seed, 2]), level=level
    )
    ranked_battles = to_rank.battles if panel is None else panel.battles
    estimates = estimate_run(to_rank, panel, corrections, level=level, seed=seed)
    progress = measure_run_progress(records)
    rows = [
        _build_row(model, counts, estimates, collect_benchmark_values(records.benchmarks, model))
        for model, counts in count_completeness(
            to_rank.records, ranked_battles, progress.not_asked_by_model
        ).items()
    ]
    return Leaderboard(
        rows=tuple(sorted(rows, key=lambda row: (row.rank is None, row.rank))),
        pairs=_build_pair_rows(estimates.battles),
        level=level,
        method=estimates.battles.method,
        rating=estimates.battles.rating,
        rating_parameters=_list_rating_parameters(estimates.battles),
        cautions=collect_cautions(records, estimates.cautions, progress=progress),
        panel=estimates.panel,
        corrected=corrections,
        separated=frozenset(
            (model, other) for model, each in estimates.ranges.items() for other in each.above
        ),
        progress=progress,
        labelled_sets=measure_labelled_sets(records, level=level),
    )


def _build_row(
    model: str,
    counts: ModelCompleteness,
    estimates: RunEstimates,
    benchmarks: Mapping[str, float],
) -> LeaderboardRow:
    """Return the leaderboard row of one model."""
    of_battles, of_scores = estimates.battles, estimates.scores
    rank_range = estimates.ranges.get(model, RankRange())
    rating, rating_low, rating_high = value_and_interval(_find_rating(of_battles, model))
    win_rate, win_rate_low, win_rate_high = value_and_interval(of_battles.win_rates.get(model))
    score, score_low, score_high = value_and_interval(of_scores.means.get(model))
    return LeaderboardRow(
        model=model,
        rank=rank_range.rank,
        rank_low=rank_range.low,
        rank_high=rank_range.high,
        rating=rating,
        rating_low=rating_low,
        rating_high=rating_high,
        elo=of_battles.elo.get(model),
        win_rate=win_rate,
        win_rate_low=win_rate_low,
        win_rate_high=win_rate_high,
        length_controlled_win_rate=estimates.length_controlled.get(model),
        score=score,
        score_low=score_low,
        score_high=score_high,
        score_by_turn=of_scores.by_turn.get(model, {}),
        score_by_category=of_scores.by_category.get(model, {}),
        battles=counts.battles,
        graded=counts.graded,
        unscored=counts.unscored,
        failed=counts.failed,
        not_asked=counts.not_asked,
        truncated=counts.truncated,
        empty=sum(counts.empty.values()),
        empty_by_cause=counts.empty,
        benchmarks=benchmarks,
        **select_corrected_fields(estimates.corrections, model),
    )


def _find_rating(of_battles: BattleEstimates, model: str) -> IntervalEstimate | None:
    """Return the rating of a model, or None if it has none."""
    ratings = of_battles.ratings
    return ratings.rating(model) if ratings is not None and model in ratings.models else None


def _list_rating_parameters(of_battles: BattleEstimates) -> tuple[RatingParameter, ...]:
    """Return the parameters that the rating model estimated in addition to the ratings."""
    ratings = of_battles.ratings
    if ratings is None:
        return ()
    parameters = []
    for name, description in find_rating_model(of_battles.rating).parameters.items():
        if name in ratings.parameters:
            value, low, high = value_and_interval(ratings.parameter(name))
            parameters.append(
                RatingParameter(name=name, description=description, value=value, low=low, high=high)
            )
    return tuple(parameters)


def _build_pair_rows(of_battles: BattleEstimates) -> tuple[ModelPairRow, ...]:
    """Return the results of each pair of models."""
    ratings = of_battles.ratings
    if ratings is None or ratings.clusters == 1:
        return tuple(_build_pair_row(rate) for rate in of_battles.pairs)
    better = estimate_better_probabilities(
        ratings.ratings,
        ratings.rating_covariance,
        errors=ratings.difference_errors,
        degrees_of_freedom=ratings.clusters - 1,
    )
    index = {model: position for position, model in enumerate(ratings.models)}
    return tuple(
        replace(
            _build_pair_row(rate),
            better=float(better[index[rate.model], index[rate.opponent or ""]]),
        )
        for rate in of_battles.pairs
    )


def _build_pair_row(rate: WinRate) -> ModelPairRow:
    """Return the result of one pair, without the probability of being better."""
    _, low, high = value_and_interval(rate)
    return ModelPairRow(
        model_a=rate.model,
        model_b=rate.opponent or "",
        win_rate=rate.value,
        low=low,
        high=high,
        wins=rate.wins,
        losses=rate.losses,
        ties=rate.ties,
    )
