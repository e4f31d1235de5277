"""What each judge of a panel is worth: severity, noise, discrimination, what it changes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis.estimates.panel import (
    estimate_panel_battles,
    estimate_panel_scores,
    fit_judge_aware_ratings,
)
from evalharness.analysis.estimates.ranks import rank_models
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
    from evalharness.stats import IntervalEstimate

    ValueWithInterval = tuple[float | None, float | None, float | None]

_NO_VALUE: ValueWithInterval = (None, None, None)
_STEPS_PER_POINT = 4
"""Grades are compared to the quarter: those of probabilities would each be a category."""


def summarize_panel(
    panel: JudgePanel, records: RunRecords, *, level: float = 0.95, seed: int = 0
) -> PanelSummary:
    """Return the judges of a panel, each with its figures, and how far they agree."""
    severity, noise, unweighed = _estimate_severity(panel.grades, level)
    discrimination, standing, undiscerned = _estimate_discrimination(panel, level)
    rows = []
    for judge in panel.judges:
        severe, sharp = severity.get(judge, _NO_VALUE), discrimination.get(judge, _NO_VALUE)
        row = JudgeRow(
            judge=judge,
            grades=panel.grades.counts.get(judge, 0),
            battles=panel.verdicts.counts.get(judge, 0),
            severity=severe[0],
            severity_low=severe[1],
            severity_high=severe[2],
            noise=noise.get(judge),
            discrimination=sharp[0],
            discrimination_low=sharp[1],
            discrimination_high=sharp[2],
            standing=standing.get(judge),
        )
        rows.append(_add_table_without_judge(row, panel.without(judge), records, level, seed))
    return PanelSummary(
        rule=panel.rule,
        judges=tuple(rows),
        grade_agreement=_estimate_agreement(
            panel.grades, MeasurementScale.INTERVAL, level, [seed, 2]
        ),
        verdict_agreement=_estimate_agreement(
            panel.verdicts, MeasurementScale.NOMINAL, level, [seed, 3]
        ),
        remarks=(*unweighed, *undiscerned),
    )


def _add_table_without_judge(
    row: JudgeRow, others: JudgePanel, records: RunRecords, level: float, seed: int
) -> JudgeRow:
    """Return a judge's row with the table that the other judges make, by the same rule."""
    standings = estimate_panel_battles(others, None, level=level)
    scores = estimate_panel_scores(others, records, level=level)
    found = rank_models(standings, scores, np.random.default_rng([seed, 1]), level)
    ratings = standings.ratings
    rated = zip(ratings.models, ratings.ratings.tolist(), strict=True) if ratings else ()
    return replace(
        row,
        ranks_without={model: place.rank for model, place in found.items()},
        ratings_without=dict(rated),
        scores_without={model: mean.value for model, mean in scores.means.items()},
    )


def caution_about_judges(summary: PanelSummary | None) -> tuple[str, ...]:
    """Return a sentence for each judge whose verdicts follow the ratings the wrong way, or not."""
    said = {
        JudgeDiscrimination.UNINFORMATIVE: "may as well toss coins: its verdicts do not follow the ratings",
        JudgeDiscrimination.PREFERS_THE_WORSE: "prefers the models that the others hold to be worse",
    }
    return tuple(
        f"The judge {row.judge} {said[JudgeDiscrimination(row.standing)]}."
        for row in (summary.judges if summary else ())
        if row.standing is not None and JudgeDiscrimination(row.standing) in said
    )


def _estimate_severity(
    opinions: JudgmentMatrix, level: float
) -> tuple[dict[str, ValueWithInterval], dict[str, float], tuple[str, ...]]:
    """Return severities and noise by judge, or why there are none."""
    if len(opinions.judges) <= 1:
        return {}, {}, ()
    try:
        raters = fit_rater_model(opinions.values, opinions.questions, level=level)
    except EvalHarnessError as error:
        return {}, {}, (f"No severity: {error}.",)
    severity = dict(zip(opinions.judges, map(_value_and_interval, raters.severity), strict=True))
    return severity, dict(zip(opinions.judges, raters.noise.tolist(), strict=True)), ()


def _estimate_discrimination(
    panel: JudgePanel, level: float
) -> tuple[dict[str, ValueWithInterval], dict[str, str], tuple[str, ...]]:
    """Return discriminations and standings by judge, or why there are none."""
    if len(panel.verdicts.judges) <= 1:
        return {}, {}, ()
    try:
        rated = fit_judge_aware_ratings(panel, level=level)
    except EvalHarnessError as error:
        return {}, {}, (f"No discrimination: {error}.",)
    gammas = {
        judge: _value_and_interval(rated.ratings.parameter(judge))
        for judge in panel.verdicts.judges
    }
    if rated.ratings.clusters == 1:
        return gammas, {}, ()
    return gammas, {judge: rated.standing[judge].value for judge in gammas}, ()


def _estimate_agreement(
    opinions: JudgmentMatrix, scale: MeasurementScale, level: float, seed: list[int]
) -> PanelAgreement | None:
    shared = np.sum(~np.isnan(opinions.values), axis=1) > 1
    if not shared.any():
        return None
    values = opinions.values[shared]
    if scale is MeasurementScale.INTERVAL:
        values = np.round(values * _STEPS_PER_POINT) / _STEPS_PER_POINT
    found = krippendorff_alpha(
        values,
        opinions.questions[shared],
        np.random.default_rng(seed),
        scale=scale,
        level=level,
    )
    if math.isnan(found.value):
        return None
    low, high = (None, None) if math.isnan(found.low) else (found.low, found.high)
    return PanelAgreement(alpha=found.value, low=low, high=high, units=int(shared.sum()))


def _value_and_interval(estimate: IntervalEstimate) -> ValueWithInterval:
    if math.isnan(estimate.low):
        return estimate.value, None, None
    return estimate.value, estimate.low, estimate.high
