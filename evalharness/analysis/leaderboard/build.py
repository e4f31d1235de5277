"""From a run's records and battles to its table."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis.estimates.always_valid_intervals import choose_mixture
from evalharness.analysis.estimates.human_labels import exclude_label_checks
from evalharness.analysis.estimates.length_controlled_rates import (
    estimate_length_controlled_win_rates,
)
from evalharness.analysis.estimates.panel import (
    assemble_panel,
    estimate_panel_battles,
    estimate_panel_scores,
)
from evalharness.analysis.estimates.ranks import RankRange, rank_models
from evalharness.analysis.estimates.ratings import estimate_from_battles
from evalharness.analysis.estimates.scores import estimate_scores
from evalharness.analysis.label_correction.correction import (
    correct_by_labels,
    select_corrected_fields,
)
from evalharness.analysis.leaderboard.benchmark_figures import collect_benchmark_values
from evalharness.analysis.leaderboard.completeness import count_completeness
from evalharness.analysis.leaderboard.own_family import list_excluded_families
from evalharness.analysis.leaderboard.panel_judges import caution_about_judges, summarize_panel
from evalharness.analysis.leaderboard.rows import Leaderboard, LeaderboardRow, ModelPairRow
from evalharness.domain import RunStage
from evalharness.stats import estimate_better_probabilities

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.analysis.estimates.ratings import BattleEstimates
    from evalharness.analysis.estimates.scores import ScoreEstimates
    from evalharness.analysis.label_correction.corrected_rows import CorrectedTable
    from evalharness.analysis.leaderboard.completeness import ModelCompleteness
    from evalharness.domain import Battle, RunRecords
    from evalharness.stats import ClusteredMean, IntervalEstimate, WinRate


def build_leaderboard(
    records: RunRecords, battles: Sequence[Battle], *, level: float = 0.95, seed: int = 0
) -> Leaderboard:
    """Return the table of a run: every model that it names, best first.

    Several judges become one by the panel's rule (the run's `judging.panel`); the question stays
    the unit of every interval. Models are ranked by rating, or by score where there are no ratings.

    Args:
        records: the run.
        battles: its games, settled.
        level: the level of all intervals and rank sets.
        seed: of the orders for online Elo and of the rank sets' simulation.
    """
    labelled, everything = records, battles
    table = exclude_label_checks(records, battles)
    records, battles = table.records, table.battles
    panel = assemble_panel(records, battles)
    draws = np.random.default_rng([seed, 0])
    if panel is None:
        standings = estimate_from_battles(
            battles, draws, level=level, mixture=choose_mixture(records, battles, level)
        )
        scores = estimate_scores(records, level=level)
    else:
        battles = panel.battles
        standings = estimate_panel_battles(panel, draws, level=level)
        scores = estimate_panel_scores(panel, records, level=level)
    found = rank_models(standings, scores, np.random.default_rng([seed, 1]), level)
    by_people = correct_by_labels(
        labelled, everything, panel, np.random.default_rng([seed, 2]), level=level
    )
    summary = summarize_panel(panel, records, level=level, seed=seed) if panel else None
    at_equal_length = estimate_length_controlled_win_rates(records, battles)
    rows = [
        _build_row(
            model,
            found.get(model, RankRange()),
            own,
            standings=standings,
            scores=scores,
            at_equal_length=at_equal_length.get(model),
            benchmarks=collect_benchmark_values(records.benchmarks, model),
            by_people=by_people,
        )
        for model, own in count_completeness(records, battles).items()
    ]
    return Leaderboard(
        rows=tuple(sorted(rows, key=lambda row: (row.rank is None, row.rank))),
        pairs=_build_pair_rows(standings),
        level=level,
        method=standings.method,
        notes=(
            *standings.notes,
            *scores.notes,
            *_caution_about_failed_judgments(records),
            *list_excluded_families(records),
            *caution_about_judges(summary),
            *table.notes,
        ),
        panel=summary,
        corrected=by_people,
        separated=frozenset(
            (model, other) for model, place in found.items() for other in place.above
        ),
    )


def _build_row(
    model: str,
    place: RankRange,
    counts: ModelCompleteness,
    *,
    standings: BattleEstimates,
    scores: ScoreEstimates,
    at_equal_length: float | None,
    benchmarks: Mapping[str, float],
    by_people: Sequence[CorrectedTable],
) -> LeaderboardRow:
    is_rated = standings.ratings is not None and model in standings.ratings.models
    rated = standings.ratings.rating(model) if standings.ratings and is_rated else None
    rating, rating_low, rating_high = _value_and_interval(rated)
    win_rate, win_rate_low, win_rate_high = _value_and_interval(standings.win_rates.get(model))
    mean, score_low, score_high = _value_and_interval(scores.means.get(model))
    return LeaderboardRow(
        model=model,
        rank=place.rank,
        rank_low=place.low,
        rank_high=place.high,
        rating=rating,
        rating_low=rating_low,
        rating_high=rating_high,
        elo=standings.elo.get(model),
        win_rate=win_rate,
        win_rate_low=win_rate_low,
        win_rate_high=win_rate_high,
        length_controlled_win_rate=at_equal_length,
        score=mean,
        score_low=score_low,
        score_high=score_high,
        score_by_turn=scores.by_turn.get(model, {}),
        score_by_category=scores.by_category.get(model, {}),
        battles=counts.battles,
        graded=counts.graded,
        unscored=counts.unscored,
        failed=counts.failed,
        truncated=counts.truncated,
        benchmarks=benchmarks,
        **select_corrected_fields(by_people, model),
    )


def _build_pair_rows(standings: BattleEstimates) -> tuple[ModelPairRow, ...]:
    ratings = standings.ratings
    if ratings is None or ratings.clusters == 1:
        return tuple(_build_pair_row(rate) for rate in standings.pairs)
    better = estimate_better_probabilities(
        ratings.ratings, ratings.rating_covariance, degrees_of_freedom=ratings.clusters - 1
    )
    place = {model: number for number, model in enumerate(ratings.models)}
    return tuple(
        replace(
            _build_pair_row(rate),
            better=float(better[place[rate.model], place[rate.opponent or ""]]),
        )
        for rate in standings.pairs
    )


def _build_pair_row(rate: WinRate) -> ModelPairRow:
    _, low, high = _value_and_interval(rate)
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


def _value_and_interval(
    estimate: IntervalEstimate | ClusteredMean | WinRate | None,
) -> tuple[float | None, float | None, float | None]:
    """Return an estimate with the ends of its interval; None for what could not be computed."""
    if estimate is None:
        return None, None, None
    if math.isnan(estimate.low):
        return estimate.value, None, None
    return estimate.value, estimate.low, estimate.high


def _caution_about_failed_judgments(records: RunRecords) -> tuple[str, ...]:
    """Say how many judgments are missing: they lower no model's count, yet thin out its figures."""
    failed = Counter(each.model for each in records.failures if each.stage is RunStage.JUDGE)
    return tuple(
        f"{number} judgments by {judge} failed and are part of no figure."
        for judge, number in sorted(failed.items())
    )
