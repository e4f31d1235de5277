"""Correct a judge's figures by people's labels on a part of its work.

Votes correct ratings and win rates; grades correct scores. Each corrected figure is reported with
the judge's own figure. If the labels do not support a figure, a sentence says why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from evalharness.analysis.estimates.ranks import RankRange, rank_by_estimates, rank_by_ratings
from evalharness.analysis.estimates.ratings import fit_ratings
from evalharness.analysis.judgment_matrix import PANEL
from evalharness.analysis.known_values import value_and_interval
from evalharness.analysis.label_correction.corrected_rows import (
    CORRECTED_KINDS,
    CorrectedFigure,
    CorrectedRow,
    CorrectedTable,
    LabelCorrection,
)
from evalharness.analysis.label_correction.label_checks import (
    find_disconnected_reason,
    find_refusal_reason,
)
from evalharness.analysis.label_correction.labelled_arrays import compare_votes, group_by_model
from evalharness.analysis.label_correction.labelled_units import collect_judge_labels
from evalharness.domain import DEFAULT_RATING
from evalharness.errors import EvalHarnessError
from evalharness.stats import (
    SCORE_RANGE,
    clustered_mean,
    clustered_proportion,
    find_rating_model,
    prediction_powered_means,
    prediction_powered_ratings,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalharness.analysis.estimates.panel import JudgePanel
    from evalharness.analysis.label_correction.corrected_rows import CorrectedKind
    from evalharness.analysis.label_correction.labelled_units import LabelledUnits
    from evalharness.domain import Battle, RunRecords
    from evalharness.stats import ClusteredMean, IntervalEstimate, LabelSaving


@dataclass(frozen=True, slots=True, kw_only=True)
class _CorrectedPart:
    """The correction of one kind of figure.

    Attributes:
        correction: the effect of the labels.
        figures: the corrected figures by model.
        ranks: the ranks by model.
    """

    correction: LabelCorrection
    figures: Mapping[str, CorrectedFigure] = field(default_factory=dict)
    ranks: Mapping[str, RankRange] = field(default_factory=dict)


def correct_by_labels(
    records: RunRecords,
    battles: Sequence[Battle],
    panel: JudgePanel | None,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
) -> tuple[CorrectedTable, ...]:
    """Return the corrected table of the panel and of each judge with work that people labelled.

    Args:
        records: a run with people's grades (judge names that begin with `human`).
        battles: all battles of the run, with people's votes.
        panel: the panel, if there are several judges.
        rng: the random numbers of the checks of the labels and of the rank sets.
        level: the level of the intervals.
    """
    tables = []
    for labelled in collect_judge_labels(records, battles, panel):
        parts = []
        if labelled.pairs:
            refusal = find_refusal_reason(labelled.pairs, rng)
            parts += [_correct_ratings(labelled.pairs, refusal, rng, level)]
            parts += [_correct_means("win_rate", labelled.pairs, refusal, rng, level)]
        if labelled.answers:
            parts += [
                _correct_means(
                    "score",
                    labelled.answers,
                    find_refusal_reason(labelled.answers, rng),
                    rng,
                    level,
                )
            ]
        tables.append(_build_corrected_table(labelled.judge, parts))
    return tuple(tables)


def select_corrected_fields(tables: Sequence[CorrectedTable], model: str) -> dict[str, Any]:
    """Return the corrected fields of a model's leaderboard row.

    They come from the panel, or from the only judge. There are none if several judges form no
    panel, because no single judge's correction applies to the table.
    """
    if not tables or (len(tables) > 1 and tables[0].judge != PANEL):
        return {}
    row = next((each for each in tables[0].rows if each.model == model), None)
    if row is None:
        return {}
    fields: dict[str, Any] = {
        f"corrected_{name}": getattr(row, name) for name in ("rank", "rank_low", "rank_high")
    }
    for kind in CORRECTED_KINDS:
        figure: CorrectedFigure | None = getattr(row, kind)
        if figure is not None:
            fields |= {
                f"corrected_{kind}": figure.value,
                f"corrected_{kind}_low": figure.low,
                f"corrected_{kind}_high": figure.high,
            }
    return fields


def _build_corrected_table(judge: str, parts: Sequence[_CorrectedPart]) -> CorrectedTable:
    """Return the models with all figures, ranked by the first part that has ranks."""
    ranks = next((part.ranks for part in parts if part.ranks), {})
    models = dict.fromkeys(model for part in parts for model in part.figures)
    rows = [
        CorrectedRow(
            model=model,
            rank=ranks[model].rank if model in ranks else None,
            rank_low=ranks[model].low if model in ranks else None,
            rank_high=ranks[model].high if model in ranks else None,
            **{
                part.correction.kind: part.figures[model] for part in parts if model in part.figures
            },
        )
        for model in models
    ]
    return CorrectedTable(
        judge=judge,
        rows=tuple(sorted(rows, key=lambda row: (row.rank is None, row.rank, row.model))),
        corrections=tuple(part.correction for part in parts),
    )


def _correct_ratings(
    labelled: LabelledUnits, refusal: str, rng: np.random.Generator, level: float
) -> _CorrectedPart:
    """Return the corrected ratings, or the refusal."""
    votes, judge_outcomes, judge_battles = compare_votes(labelled)
    refusal = refusal or find_disconnected_reason(votes)
    if refusal:
        return _CorrectedPart(correction=_build_correction("rating", labelled, refusal=refusal))
    try:
        corrected = prediction_powered_ratings(votes, judge_outcomes, judge_battles, level=level)
        # Both are Bradley-Terry, so that the difference is the correction.
        judge_ratings = fit_ratings(judge_battles, find_rating_model(DEFAULT_RATING), level).ratings
    except EvalHarnessError as error:
        return _CorrectedPart(
            correction=_build_correction("rating", labelled, refusal=_error_sentence(error))
        )
    ratings = corrected.ratings
    label_counts = labelled.labels_by_model
    figures = {
        model: _build_figure(
            ratings.rating(model),
            judge_ratings.rating(model) if judge_ratings else None,
            label_counts[model],
        )
        for model in ratings.models
    }
    ranks = rank_by_ratings(ratings, rng, level)
    correction = _build_correction(
        "rating", labelled, figures.values(), corrected.trust, corrected.saving
    )
    return _CorrectedPart(correction=correction, figures=figures, ranks=ranks)


def _correct_means(
    kind: CorrectedKind,
    labelled: LabelledUnits,
    refusal: str,
    rng: np.random.Generator,
    level: float,
) -> _CorrectedPart:
    """Return the corrected win rates (ties count half) or mean scores, or the refusal."""
    if refusal:
        return _CorrectedPart(correction=_build_correction(kind, labelled, refusal=refusal))
    models = labelled.models
    judge_rows = group_by_model(labelled, labelled.judged)
    corrected = prediction_powered_means(
        group_by_model(labelled, {unit: labelled.mean_label(unit) for unit in labelled.labels}),
        group_by_model(labelled, {unit: labelled.judged[unit] for unit in labelled.labels}).value,
        judge_rows,
        len(models),
        level=level,
    )
    is_share, label_counts = kind == "win_rate", labelled.labels_by_model
    judge_mean = clustered_proportion if is_share else partial(clustered_mean, scale=SCORE_RANGE)
    figures = {}
    for index, model in enumerate(models):
        is_own = judge_rows.group == index
        figures[model] = _build_figure(
            corrected.share(index) if is_share else corrected.estimate(index, SCORE_RANGE),
            judge_mean(judge_rows.value[is_own], judge_rows.question[is_own], level=level),
            label_counts[model],
        )
    ranks: Mapping[str, RankRange] = {}
    if not is_share:  # models with win rates have ratings too, and are ranked by those
        clusters = int(corrected.clusters.min())
        ranks = rank_by_estimates(
            models, corrected.values, corrected.covariance, clusters, rng, level
        )
    correction = _build_correction(
        kind, labelled, figures.values(), corrected.trust, corrected.saving
    )
    return _CorrectedPart(correction=correction, figures=figures, ranks=ranks)


def _build_figure(
    corrected: IntervalEstimate, judge: IntervalEstimate | ClusteredMean | None, labels: int
) -> CorrectedFigure:
    """Return a corrected figure with the judge's own; NaN becomes None."""
    value, low, high = value_and_interval(judge)
    return CorrectedFigure(
        value=corrected.value,
        low=corrected.low,
        high=corrected.high,
        judge=value,
        judge_low=low,
        judge_high=high,
        labels=labels,
    )


def _build_correction(
    kind: CorrectedKind,
    labelled: LabelledUnits,
    figures: Iterable[CorrectedFigure] = (),
    trust: float | None = None,
    saving: LabelSaving | None = None,
    *,
    refusal: str = "",
) -> LabelCorrection:
    """Return the effect of the labels on one kind of figure."""
    half_widths = [(figure.high - figure.low) / 2 for figure in figures]
    return LabelCorrection(
        kind=kind,
        labels=labelled.label_count,
        judged=len(labelled.judged),
        questions=labelled.question_count,
        trust=trust,
        half_width=float(np.mean(half_widths)) if half_widths else None,
        saving=saving,
        refusal=refusal,
    )


def _error_sentence(error: EvalHarnessError) -> str:
    """Return an error message as a sentence."""
    message = str(error)
    return f"{message[:1].upper()}{message[1:]}{'' if message.endswith('.') else '.'}"
