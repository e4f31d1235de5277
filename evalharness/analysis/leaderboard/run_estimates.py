"""Estimate all figures of a run from its battles and grades."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis.estimates.always_valid_intervals import choose_mixture
from evalharness.analysis.estimates.length_controlled_rates import (
    estimate_length_controlled_win_rates,
)
from evalharness.analysis.estimates.panel import estimate_panel_battles, estimate_panel_scores
from evalharness.analysis.estimates.ranks import rank_models
from evalharness.analysis.estimates.ratings import (
    estimate_from_battles,
    find_run_rating_model,
)
from evalharness.analysis.estimates.scores import estimate_scores
from evalharness.analysis.leaderboard.cautions import label_cautions
from evalharness.analysis.leaderboard.own_family import list_excluded_families
from evalharness.analysis.leaderboard.panel_judges import caution_about_judges, summarize_panel
from evalharness.analysis.leaderboard.unscored_judgments import list_unscored_cautions
from evalharness.domain import DEFAULT_RATING, RunStage
from evalharness.stats import find_rating_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalharness.analysis.estimates.human_labels import RecordsToRank
    from evalharness.analysis.estimates.panel import JudgePanel
    from evalharness.analysis.estimates.ranks import RankRange
    from evalharness.analysis.estimates.ratings import BattleEstimates
    from evalharness.analysis.estimates.scores import ScoreEstimates
    from evalharness.analysis.label_correction.corrected_rows import CorrectedTable
    from evalharness.analysis.leaderboard.cautions import Caution
    from evalharness.analysis.leaderboard.rows import PanelSummary
    from evalharness.domain import RunRecords


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEstimates:
    """All estimates from the judgments of a run.

    Attributes:
        battles: ratings, online Elo and win rates.
        scores: mean scores.
        ranges: the ranks by model.
        corrections: the tables that people's labels correct.
        length_controlled: length-controlled win rates by model.
        panel: the judges of a panel; None for a single judge.
        cautions: what the estimates say about themselves.
    """

    battles: BattleEstimates
    scores: ScoreEstimates
    ranges: Mapping[str, RankRange]
    corrections: tuple[CorrectedTable, ...]
    length_controlled: Mapping[str, float]
    panel: PanelSummary | None
    cautions: tuple[Caution, ...]


def estimate_run(
    to_rank: RecordsToRank,
    panel: JudgePanel | None,
    corrections: tuple[CorrectedTable, ...],
    *,
    level: float,
    seed: int,
) -> RunEstimates:
    """Return all estimates of a run, of its panel if it has several judges."""
    records, battles = to_rank.records, to_rank.battles
    rng = np.random.default_rng([seed, 0])
    if panel is None:
        model = find_run_rating_model(records)
        mixture = choose_mixture(records, battles, level)
        of_battles = estimate_from_battles(battles, model, rng, level=level, mixture=mixture)
        of_scores = estimate_scores(records, level=level)
    else:
        battles = panel.battles
        of_battles = estimate_panel_battles(panel, rng, level=level)
        of_scores = estimate_panel_scores(panel, records, level=level)
    summary = summarize_panel(panel, records, level=level, seed=seed) if panel else None
    return RunEstimates(
        battles=of_battles,
        scores=of_scores,
        ranges=rank_models(of_battles, of_scores, np.random.default_rng([seed, 1]), level),
        corrections=corrections,
        length_controlled=estimate_length_controlled_win_rates(records, battles),
        panel=summary,
        cautions=label_cautions(
            ratings=(*of_battles.notes, *_note_correction_method(of_battles, corrections)),
            scores=of_scores.notes,
            judgments=(
                *_caution_about_failed_judgments(records),
                *list_unscored_cautions(
                    records, battles, find_run_rating_model(records), level=level
                ),
            ),
            judge=list_excluded_families(records),
            panel=(*caution_about_judges(summary), *(summary.remarks if summary else ())),
            labels=to_rank.notes,
        ),
    )


def _note_correction_method(
    of_battles: BattleEstimates, corrections: tuple[CorrectedTable, ...]
) -> tuple[str, ...]:
    """Say by which rating model people's labels correct, if it is not the leaderboard's."""
    is_corrected = any(row.rating for table in corrections for row in table.rows)
    if not is_corrected or of_battles.rating == DEFAULT_RATING:
        return ()
    used, default = find_rating_model(of_battles.rating), find_rating_model(DEFAULT_RATING)
    return (
        f"Ratings corrected by people's labels are by {default.title}, the others by {used.title}.",
    )


def _caution_about_failed_judgments(records: RunRecords) -> tuple[str, ...]:
    """Return a sentence for each judge with failed judgments, which are part of no figure."""
    failed = Counter(each.model for each in records.failures if each.stage is RunStage.JUDGE)
    return tuple(
        f"{number} judgments by {judge} failed and are part of no figure."
        for judge, number in sorted(failed.items())
    )
