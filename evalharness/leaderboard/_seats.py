"""What each judge of a panel is worth: severity, noise, discrimination, what it changes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import EvalHarnessError
from evalharness.leaderboard._panel import judge_aware_ratings, panel_scores, panel_standings
from evalharness.leaderboard._places import places
from evalharness.leaderboard._rows import JudgeRow, PanelAgreement, PanelSummary
from evalharness.stats.agreement import Scale, krippendorff_alpha
from evalharness.stats.judge_aware import Standing
from evalharness.stats.raters import fit_raters

if TYPE_CHECKING:
    from evalharness.domain import RunRecords
    from evalharness.leaderboard._panel import Panel
    from evalharness.panels import Opinions
    from evalharness.stats.ratings import Estimate

    Figures = tuple[float | None, float | None, float | None]

_NONE: Figures = (None, None, None)
_GRID = 4
"""Grades are compared to the quarter: those of probabilities would each be a category."""


def summarize(
    panel: Panel, records: RunRecords, *, level: float = 0.95, seed: int = 0
) -> PanelSummary:
    """Return the judges of a panel, each with its figures, and how far they agree."""
    severity, noise, unweighed = _severity(panel.grades, level)
    discrimination, standing, undiscerned = _discrimination(panel, level)
    rows = []
    for judge in panel.judges:
        severe, sharp = severity.get(judge, _NONE), discrimination.get(judge, _NONE)
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
        rows.append(_with_others(row, panel.without(judge), records, level, seed))
    return PanelSummary(
        rule=panel.rule,
        judges=tuple(rows),
        grade_agreement=_agreement(panel.grades, Scale.INTERVAL, level, [seed, 2]),
        verdict_agreement=_agreement(panel.verdicts, Scale.NOMINAL, level, [seed, 3]),
        remarks=(*unweighed, *undiscerned),
    )


def _with_others(
    row: JudgeRow, others: Panel, records: RunRecords, level: float, seed: int
) -> JudgeRow:
    """Return a judge's row with the table that the other judges make, by the same rule."""
    standings = panel_standings(others, None, level=level)
    scores = panel_scores(others, records, level=level)
    found = places(standings, scores, np.random.default_rng([seed, 1]), level)
    ratings = standings.ratings
    rated = zip(ratings.models, ratings.ratings.tolist(), strict=True) if ratings else ()
    return replace(
        row,
        ranks_without={model: place.rank for model, place in found.items()},
        ratings_without=dict(rated),
        scores_without={model: mean.value for model, mean in scores.means.items()},
    )


def flagged(summary: PanelSummary | None) -> tuple[str, ...]:
    """Return a sentence for each judge whose verdicts follow the ratings the wrong way, or not."""
    said = {
        Standing.UNINFORMATIVE: "may as well toss coins: its verdicts do not follow the ratings",
        Standing.PREFERS_THE_WORSE: "prefers the models that the others hold to be worse",
    }
    return tuple(
        f"The judge {row.judge} {said[Standing(row.standing)]}."
        for row in (summary.judges if summary else ())
        if row.standing is not None and Standing(row.standing) in said
    )


def _severity(
    opinions: Opinions, level: float
) -> tuple[dict[str, Figures], dict[str, float], tuple[str, ...]]:
    """Return severities and noise by judge, or why there are none."""
    if len(opinions.judges) <= 1:
        return {}, {}, ()
    try:
        raters = fit_raters(opinions.values, opinions.questions, level=level)
    except EvalHarnessError as error:
        return {}, {}, (f"No severity: {error}.",)
    severity = dict(zip(opinions.judges, map(_figures, raters.severity), strict=True))
    return severity, dict(zip(opinions.judges, raters.noise.tolist(), strict=True)), ()


def _discrimination(
    panel: Panel, level: float
) -> tuple[dict[str, Figures], dict[str, str], tuple[str, ...]]:
    """Return discriminations and standings by judge, or why there are none."""
    if len(panel.verdicts.judges) <= 1:
        return {}, {}, ()
    try:
        rated = judge_aware_ratings(panel, level=level)
    except EvalHarnessError as error:
        return {}, {}, (f"No discrimination: {error}.",)
    gammas = {judge: _figures(rated.ratings.parameter(judge)) for judge in panel.verdicts.judges}
    if rated.ratings.clusters == 1:
        return gammas, {}, ()
    return gammas, {judge: rated.standing[judge].value for judge in gammas}, ()


def _agreement(
    opinions: Opinions, scale: Scale, level: float, seed: list[int]
) -> PanelAgreement | None:
    shared = np.sum(~np.isnan(opinions.values), axis=1) > 1
    if not shared.any():
        return None
    values = opinions.values[shared]
    if scale is Scale.INTERVAL:
        values = np.round(values * _GRID) / _GRID
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


def _figures(estimate: Estimate) -> Figures:
    if math.isnan(estimate.low):
        return estimate.value, None, None
    return estimate.value, estimate.low, estimate.high
