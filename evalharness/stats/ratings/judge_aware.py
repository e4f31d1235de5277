"""Fit Bradley-Terry ratings from a panel of judges that differ in discrimination.

P(i beats j before judge m) = s(gamma_m (theta_i - theta_j)), s the logistic function (Xu, Tan, Wu &
Zhou 2026, arXiv:2601.21817). The votes of a judge with gamma near 0 are random, and have no weight.
Gammas may be negative, because a judge may prefer the worse model. The common sign is the one with
which more battles have a judge that prefers the better model. The mean log gamma of the judges that
discriminate is 0. Ties count as half a win; intervals come from the sandwich clustered by question.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import BattlesError
from evalharness.stats.battles.connectivity import require_connected_models
from evalharness.stats.estimation.fitted_ratings import MEAN_RATING, FittedRatings
from evalharness.stats.intervals.estimates import critical_value
from evalharness.stats.ratings.panel_likelihood import PanelFit, fit_panel_likelihood

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from evalharness.stats.arrays import BoolArray, IntArray
    from evalharness.stats.battles.comparisons import Comparisons


class JudgeDiscrimination(StrEnum):
    """Whether the interval of a judge's gamma lies above 0, around 0, or below 0."""

    DISCRIMINATES = "discriminates"
    UNINFORMATIVE = "uninformative"
    PREFERS_THE_WORSE = "prefers_the_worse"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JudgeAwareRatings:
    """Ratings from a panel of judges.

    With a single question there are no intervals, and every judge counts as uninformative.

    Attributes:
        ratings: the ratings of the models; their `parameters` are the judges' gammas.
        discrimination: the discrimination of each judge, by name.
    """

    ratings: FittedRatings
    discrimination: Mapping[str, JudgeDiscrimination]


def judge_aware(
    comparisons: Comparisons,
    judges: Sequence[str],
    judge: npt.ArrayLike,
    *,
    level: float = 0.95,
    max_iterations: int = 500,
) -> JudgeAwareRatings:
    """Return ratings from all judges, with the discrimination of each judge.

    Args:
        comparisons: the battles.
        judges: the judges' names.
        judge: each battle's judge, as an index into `judges`.
        level: the intervals' level.
        max_iterations: the maximum number of scoring steps.

    Raises:
        BattlesError: the judges do not match the battles.
        DisconnectedError: the battles do not connect the models.
        SeparationError: a strength or gamma has no finite value.
        ConvergenceError: the fit did not converge.
    """
    critical_value(level, 2)  # refuses a level outside 0..1 before any work
    judge_index = np.asarray(judge, dtype=np.int64)
    _check_judges(comparisons, judges, judge_index)
    require_connected_models(comparisons)
    fitted = fit_panel_likelihood(
        comparisons, judge_index, len(judges), max_iterations=max_iterations
    )
    unscaled = _build_ratings(comparisons, judges, fitted, level)
    discrimination = {name: _classify_judge(unscaled, name) for name in judges}
    discriminates = np.array(
        [discrimination[name] is JudgeDiscrimination.DISCRIMINATES for name in judges]
    )
    gamma = fitted.coefficients[len(comparisons.models) :]
    chosen = discriminates if discriminates.any() else gamma > 0
    rescaled = _rescale_gammas(fitted, chosen)
    return JudgeAwareRatings(
        ratings=_build_ratings(comparisons, judges, rescaled, level),
        discrimination=discrimination,
    )


def _check_judges(comparisons: Comparisons, judges: Sequence[str], judge_index: IntArray) -> None:
    if judge_index.shape != comparisons.first.shape:
        msg = f"{len(comparisons.first)} battles need as many judges, not {judge_index.size}"
        raise BattlesError(msg)
    if len(set(judges)) != len(judges):
        msg = "two judges have the same name"
        raise BattlesError(msg)
    if np.any((judge_index < 0) | (judge_index >= len(judges))):
        msg = f"a battle names a judge outside 0..{len(judges) - 1}"
        raise BattlesError(msg)
    idle = set(range(len(judges))) - set(judge_index.tolist())
    if idle:
        msg = f"the judge {judges[min(idle)]} judged no battle: leave it out"
        raise BattlesError(msg)


def _classify_judge(ratings: FittedRatings, judge: str) -> JudgeDiscrimination:
    gamma = ratings.parameter(judge)
    if gamma.low > 0:
        return JudgeDiscrimination.DISCRIMINATES
    if gamma.high < 0:
        return JudgeDiscrimination.PREFERS_THE_WORSE
    return JudgeDiscrimination.UNINFORMATIVE


def _rescale_gammas(fitted: PanelFit, chosen: BoolArray) -> PanelFit:
    """Return the same log-odds with the chosen gammas' mean logarithm at 0 (delta method)."""
    size = len(fitted.coefficients) - len(chosen)
    gamma = fitted.coefficients[size:]
    scale = float(np.exp(np.mean(np.log(gamma[chosen]))))
    factors = np.concatenate([np.full(size, scale), np.full(len(gamma), 1 / scale)])
    coefficients = factors * fitted.coefficients
    # how the logarithm of the scale changes with each gamma
    share = np.zeros(len(gamma))
    share[chosen] = 1 / gamma[chosen] / chosen.sum()
    jacobian = np.diag(factors)
    jacobian[:size, size:] += np.outer(coefficients[:size], share)
    jacobian[size:, size:] -= np.outer(coefficients[size:], share)
    return replace(
        fitted,
        coefficients=coefficients,
        inverse=jacobian @ fitted.inverse @ jacobian.T,
        covariance=jacobian @ fitted.covariance @ jacobian.T,
    )


def _build_ratings(
    comparisons: Comparisons, judges: Sequence[str], fitted: PanelFit, level: float
) -> FittedRatings:
    size = len(comparisons.models)
    return FittedRatings(
        method="judge-aware Bradley-Terry",
        models=comparisons.models,
        strengths=fitted.coefficients[:size],
        parameters=dict(zip(judges, fitted.coefficients[size:].tolist(), strict=True)),
        covariance=fitted.covariance,
        inverse_information=fitted.inverse,
        log_likelihood=fitted.log_likelihood,
        battles=comparisons.battles,
        level=level,
        clusters=len(np.unique(comparisons.cluster)),
        clustered_by=comparisons.clustered_by,
        iterations=fitted.iterations,
        penalty=0.0,
        anchor=None,
        anchor_rating=MEAN_RATING,
    )
