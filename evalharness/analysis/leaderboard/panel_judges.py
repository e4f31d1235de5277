"""Measure each judge of a panel: severity, noise, discrimination, and its effect on the ranking."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis.estimates.panel import (
    estimate_panel_battles,
    estimate_panel_scores,
    fit_judge_aware_ratings,
)
from evalharness.analysis.estimates.ranks import rank_models
from evalharness.analysis.known_values import value_and_interval
from evalharness.analysis.leaderboard.rows import JudgeRow, PanelAgreement, PanelSummary
from evalharness.errors import EvalHarnessError
from evalharness.stats import (
    JudgeDiscrimination,
    MeasurementScale,
    fit_rater_model,
    krippendorff_alpha,
)

if TYPE_CHECKING:
    from evalharness.analysis.estimates.panel import JudgePanel
    from evalharness.analysis.judgment_matrix import JudgmentMatrix
    from evalharness.domain import RunRecords

    ValueWithInterval = tuple[float | None, float | None, float | None]

_NO_VALUE: ValueWithInterval = (None, None, None)
_STEPS_PER_POINT = 4
"""Grades are rounded to quarters; grades from probabilities would otherwise all be distinct."""


def summarize_panel(
    panel: JudgePanel, records: RunRecords, *, level: float = 0.95, seed: int = 0
) -> PanelSummary:
    """Return the judges of a panel with their figures, and the agreement between them."""
    severity, noise, severity_remarks = _estimate_severity(panel.grades, level)
    discrimination, standing, discrimination_remarks = _estimate_discrimination(panel, level)
    rows = []
    for judge in panel.judges:
        judge_severity, judge_discrimination = (
            severity.get(judge, _NO_VALUE),
            discrimination.get(judge, _NO_VALUE),
        )
        row = JudgeRow(
            judge=judge,
            grades=panel.grades.counts_by_judge.get(judge, 0),
            battles=panel.verdicts.counts_by_judge.get(judge, 0),
            severity=judge_severity[0],
            severity_low=judge_severity[1],
            severity_high=judge_severity[2],
            noise=noise.get(judge),
            discrimination=judge_discrimination[0],
            discrimination_low=judge_discrimination[1],
            discrimination_high=judge_discrimination[2],
            standing=standing.get(judge),
        )
        rows.append(_add_table_without_judge(row, panel.without_judge(judge), records, level, seed))
    return PanelSummary(
        rule=panel.rule,
        judges=tuple(rows),
        grade_agreement=_estimate_agreement(
            panel.grades, MeasurementScale.INTERVAL, level, [seed, 2]
        ),
        verdict_agreement=_estimate_agreement(
            panel.verdicts, MeasurementScale.NOMINAL, level, [seed, 3]
        ),
        remarks=(*severity_remarks, *discrimination_remarks),
    )


def _add_table_without_judge(
    row: JudgeRow, others: JudgePanel, records: RunRecords, level: float, seed: int
) -> JudgeRow:
    """Return a judge's row with the ranks, ratings and scores that the other judges give."""
    battle_estimates = estimate_panel_battles(others, None, level=level)
    scores = estimate_panel_scores(others, records, level=level)
    ranges = rank_models(battle_estimates, scores, np.random.default_rng([seed, 1]), level)
    ratings = battle_estimates.ratings
    ratings_by_model = zip(ratings.models, ratings.ratings.tolist(), strict=True) if ratings else ()
    return replace(
        row,
        ranks_without={model: rank_range.rank for model, rank_range in ranges.items()},
        ratings_without=dict(ratings_by_model),
        scores_without={model: mean.value for model, mean in scores.means.items()},
    )


def caution_about_judges(summary: PanelSummary | None) -> tuple[str, ...]:
    """Return a sentence for each judge that does not follow the ratings, or opposes them."""
    description = {
        JudgeDiscrimination.UNINFORMATIVE: "is no better than a coin flip: its verdicts do not follow the ratings",
        JudgeDiscrimination.PREFERS_THE_WORSE: "prefers the models that the others hold to be worse",
    }
    return tuple(
        f"The judge {row.judge} {description[JudgeDiscrimination(row.standing)]}."
        for row in (summary.judges if summary else ())
        if row.standing is not None and JudgeDiscrimination(row.standing) in description
    )


def _estimate_severity(
    grades: JudgmentMatrix, level: float
) -> tuple[dict[str, ValueWithInterval], dict[str, float], tuple[str, ...]]:
    """Return the severity and noise of each judge, or a remark on why there is none."""
    if len(grades.judges) <= 1:
        return {}, {}, ()
    try:
        fit = fit_rater_model(grades.values, grades.question_numbers, level=level)
    except EvalHarnessError as error:
        return {}, {}, (f"No severity: {error}.",)
    severity = dict(zip(grades.judges, map(value_and_interval, fit.severity), strict=True))
    return severity, dict(zip(grades.judges, fit.noise.tolist(), strict=True)), ()


def _estimate_discrimination(
    panel: JudgePanel, level: float
) -> tuple[dict[str, ValueWithInterval], dict[str, str], tuple[str, ...]]:
    """Return the discrimination and standing of each judge, or a remark on why there is none."""
    if len(panel.verdicts.judges) <= 1:
        return {}, {}, ()
    try:
        fit = fit_judge_aware_ratings(panel, level=level)
    except EvalHarnessError as error:
        return {}, {}, (f"No discrimination: {error}.",)
    discriminations = {
        judge: value_and_interval(fit.ratings.parameter(judge)) for judge in panel.verdicts.judges
    }
    if fit.ratings.clusters == 1:
        return discriminations, {}, ()
    return (
        discriminations,
        {judge: fit.discrimination[judge].value for judge in discriminations},
        (),
    )


def _estimate_agreement(
    matrix: JudgmentMatrix, scale: MeasurementScale, level: float, seed: list[int]
) -> PanelAgreement | None:
    """Return Krippendorff's alpha, or None if no unit has two judges."""
    is_shared = np.sum(~np.isnan(matrix.values), axis=1) > 1
    if not is_shared.any():
        return None
    values = matrix.values[is_shared]
    if scale is MeasurementScale.INTERVAL:
        values = np.round(values * _STEPS_PER_POINT) / _STEPS_PER_POINT
    alpha = krippendorff_alpha(
        values,
        matrix.question_numbers[is_shared],
        np.random.default_rng(seed),
        scale=scale,
        level=level,
    )
    value, low, high = value_and_interval(alpha)
    if value is None:
        return None
    return PanelAgreement(alpha=value, low=low, high=high, units=int(is_shared.sum()))
