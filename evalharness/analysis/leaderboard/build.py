"""Build the leaderboard of a run from its records and battles."""

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
from evalharness.analysis.leaderboard.cautions import collect_cautions, label_cautions
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
    """Return the leaderboard of a run: every model that the run names, best first.

    Several judges are combined by the panel's rule (`judging.panel` of the run). The question is
    the unit of every interval. Models are ranked by rating, or by score if there are no ratings.

    Args:
        records: the run.
        battles: the settled battles of the run.
        level: the level of all intervals and rank sets.
        seed: of the shuffled orders of online Elo and of the rank sets' simulation.
    """
    all_records, all_battles = records, battles
    to_rank = exclude_label_checks(records, battles)
    records, battles = to_rank.records, to_rank.battles
    panel = assemble_panel(records, battles)
    rng = np.random.default_rng([seed, 0])
    if panel is None:
        battle_estimates = estimate_from_battles(
            battles, rng, level=level, mixture=choose_mixture(records, battles, level)
        )
        score_estimates = estimate_scores(records, level=level)
    else:
        battles = panel.battles
        battle_estimates = estimate_panel_battles(panel, rng, level=level)
        score_estimates = estimate_panel_scores(panel, records, level=level)
    ranges = rank_models(battle_estimates, score_estimates, np.random.default_rng([seed, 1]), level)
    corrections = correct_by_labels(
        all_records, all_battles, panel, np.random.default_rng([seed, 2]), level=level
    )
    panel_summary = summarize_panel(panel, records, level=level, seed=seed) if panel else None
    length_controlled = estimate_length_controlled_win_rates(records, battles)
    rows = [
        _build_row(
            model,
            ranges.get(model, RankRange()),
            counts,
            battle_estimates=battle_estimates,
            score_estimates=score_estimates,
            length_controlled_win_rate=length_controlled.get(model),
            benchmarks=collect_benchmark_values(records.benchmarks, model),
            corrections=corrections,
        )
        for model, counts in count_completeness(records, battles).items()
    ]
    return Leaderboard(
        rows=tuple(sorted(rows, key=lambda row: (row.rank is None, row.rank))),
        pairs=_build_pair_rows(battle_estimates),
        level=level,
        method=battle_estimates.method,
        cautions=collect_cautions(
            all_records,
            label_cautions(
                ratings=battle_estimates.notes,
                scores=score_estimates.notes,
                judgments=_caution_about_failed_judgments(records),
                judge=list_excluded_families(records),
                panel=(
                    *caution_about_judges(panel_summary),
                    *(panel_summary.remarks if panel_summary else ()),
                ),
                labels=to_rank.notes,
            ),
        ),
        panel=panel_summary,
        corrected=corrections,
        separated=frozenset(
            (model, other) for model, place in ranges.items() for other in place.above
        ),
    )


def _build_row(
    model: str,
    rank_range: RankRange,
    counts: ModelCompleteness,
    *,
    battle_estimates: BattleEstimates,
    score_estimates: ScoreEstimates,
    length_controlled_win_rate: float | None,
    benchmarks: Mapping[str, float],
    corrections: Sequence[CorrectedTable],
) -> LeaderboardRow:
    """Return the leaderboard row of one model."""
    is_rated = battle_estimates.ratings is not None and model in battle_estimates.ratings.models
    rating_estimate = (
        battle_estimates.ratings.rating(model) if battle_estimates.ratings and is_rated else None
    )
    rating, rating_low, rating_high = _value_and_interval(rating_estimate)
    win_rate, win_rate_low, win_rate_high = _value_and_interval(
        battle_estimates.win_rates.get(model)
    )
    score, score_low, score_high = _value_and_interval(score_estimates.means.get(model))
    return LeaderboardRow(
        model=model,
        rank=rank_range.rank,
        rank_low=rank_range.low,
        rank_high=rank_range.high,
        rating=rating,
        rating_low=rating_low,
        rating_high=rating_high,
        elo=battle_estimates.elo.get(model),
        win_rate=win_rate,
        win_rate_low=win_rate_low,
        win_rate_high=win_rate_high,
        length_controlled_win_rate=length_controlled_win_rate,
        score=score,
        score_low=score_low,
        score_high=score_high,
        score_by_turn=score_estimates.by_turn.get(model, {}),
        score_by_category=score_estimates.by_category.get(model, {}),
        battles=counts.battles,
        graded=counts.graded,
        unscored=counts.unscored,
        failed=counts.failed,
        truncated=counts.truncated,
        benchmarks=benchmarks,
        **select_corrected_fields(corrections, model),
    )


def _build_pair_rows(battle_estimates: BattleEstimates) -> tuple[ModelPairRow, ...]:
    """Return the results of each pair of models."""
    ratings = battle_estimates.ratings
    if ratings is None or ratings.clusters == 1:
        return tuple(_build_pair_row(rate) for rate in battle_estimates.pairs)
    better = estimate_better_probabilities(
        ratings.ratings, ratings.rating_covariance, degrees_of_freedom=ratings.clusters - 1
    )
    index = {model: position for position, model in enumerate(ratings.models)}
    return tuple(
        replace(
            _build_pair_row(rate),
            better=float(better[index[rate.model], index[rate.opponent or ""]]),
        )
        for rate in battle_estimates.pairs
    )


def _build_pair_row(rate: WinRate) -> ModelPairRow:
    """Return the result of one pair, without the probability of being better."""
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
    """Return a sentence for each judge with failed judgments, which are part of no figure."""
    failed = Counter(each.model for each in records.failures if each.stage is RunStage.JUDGE)
    return tuple(
        f"{number} judgments by {judge} failed and are part of no figure."
        for judge, number in sorted(failed.items())
    )
