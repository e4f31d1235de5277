"""Test whether a judge has changed: compare its replies in a run with two later replies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis.judge_health.drift_report import (
    DRIFT_CONFIDENCE_LEVEL,
    MIN_REPEATED_JUDGMENTS,
    DriftFinding,
    DriftTest,
    JudgeDrift,
    VerdictKappa,
    VerdictShareChange,
)
from evalharness.analysis.judge_health.repeated_judgments import (
    VERDICT_CATEGORIES,
    RepeatedJudgment,
    ReplyArrays,
    build_reply_arrays,
    list_served_models,
)
from evalharness.analysis.known_values import none_if_nan
from evalharness.domain import PairwiseJudgment, compute_digest
from evalharness.stats import (
    SCORE_DIFFERENCE_RANGE,
    OddOneOutTest,
    PairedVotes,
    adjust_holm,
    clustered_mean,
    cohen_kappa,
    minimum_detectable_share,
    minimum_detectable_shift,
    odd_one_out_test,
    permutation_shift_test,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.stats import FloatArray

_CATEGORY_TITLES = ("first place", "second place", "ties", "unread")
_REPEATS = 2

_SHARE_CHANGES = (-1.0, 1.0)
"""The smallest and the largest possible change of a share."""


def detect_judge_drift(
    judge: str,
    repeated: Sequence[RepeatedJudgment],
    *,
    alpha: float,
    seed: int = 0,
    judges: int = 1,
    changed_settings: Sequence[str] = (),
) -> JudgeDrift:
    """Return whether a judge has changed.

    Args:
        judge: its name.
        repeated: its judgments, each with the later replies to the same prompt.
        alpha: the probability that a judge that has not changed is reported as changed.
        seed: the seed of the permutations and the bootstrap.
        judges: the number of judges in the check, which share alpha.
        changed_settings: the settings that differ from the run.
    """
    complete = [each for each in repeated if len(each.later) == _REPEATS]
    games = [each for each in complete if isinstance(each.before, PairwiseJudgment)]
    grades = [each for each in complete if not isinstance(each.before, PairwiseJudgment)]
    drift = JudgeDrift(
        judge=judge,
        finding=DriftFinding.UNKNOWN,
        games=len(games),
        grades=len(grades),
        questions=len({each.before.question_id for each in complete}),
        missing=len(repeated) - len(complete),
        changed_settings=tuple(changed_settings),
        served_then=list_served_models([each.before for each in complete]),
        served_now=list_served_models([later for each in complete for later in each.later]),
    )
    if len(complete) < MIN_REPEATED_JUDGMENTS:
        return drift
    rng = np.random.default_rng(int(compute_digest([seed, judge])[:16], 16))
    return _run_tests(drift, games, grades, alpha / judges, rng)


def _run_tests(
    drift: JudgeDrift,
    games: Sequence[RepeatedJudgment],
    grades: Sequence[RepeatedJudgment],
    alpha: float,
    rng: np.random.Generator,
) -> JudgeDrift:
    """Return the drift of a judge with all tests; each test has its share of alpha."""
    game_replies, grade_replies = (
        build_reply_arrays(games, "verdict"),
        build_reply_arrays(grades, "grade"),
    )
    share = alpha / (2 * (bool(games) + bool(grades)))
    tests = [
        *(_test_verdicts(game_replies, share, rng) if games else ()),
        *(_test_grades(grade_replies, share, rng) if grades else ()),
    ]
    p_values = adjust_holm([test.p_value for test in tests]).tolist()
    adjusted_tests = tuple(
        replace(test, adjusted=p_value, is_significant=p_value <= alpha)
        for test, p_value in zip(tests, p_values, strict=True)
    )
    changed = any(test.is_significant for test in adjusted_tests)
    return replace(
        drift,
        finding=DriftFinding.CHANGED if changed else DriftFinding.UNCHANGED,
        tests=adjusted_tests,
        parts=_verdict_share_changes(game_replies, rng) if games else (),
        kappa_then=_verdict_kappa(game_replies, (0, 1), rng) if games else None,
        kappa_now=_verdict_kappa(game_replies, (1, 2), rng) if games else None,
    )


def _test_verdicts(
    replies: ReplyArrays, alpha: float, rng: np.random.Generator
) -> tuple[DriftTest, DriftTest]:
    """Return the tests of single verdicts and of the shares of verdicts."""
    indicators = (replies.category[..., None] == np.arange(len(VERDICT_CATEGORIES))).astype(
        np.float64
    )
    shift = permutation_shift_test(indicators, rng)
    largest = int(np.argmax(np.abs(shift.value)))
    before, after = indicators[:, 0, largest].mean(), indicators[:, 1:, largest].mean()
    changes = indicators[:, 1:, largest].mean(axis=1) - indicators[:, 0, largest]
    return _test_single_replies(replies, "single verdicts", alpha), _build_test(
        "verdict_shares",
        "the shares of verdicts",
        f"{_CATEGORY_TITLES[largest]}: {before:.0%} of the verdicts then, {after:.0%} now",
        changes,
        replies,
        shift.p_value,
        minimum_detectable_shift(float(np.max(shift.standard_error)), alpha),
    )


def _test_grades(
    replies: ReplyArrays, alpha: float, rng: np.random.Generator
) -> tuple[DriftTest, ...]:
    """Return the tests of single grades and of the mean grade."""
    single_test = _test_single_replies(replies, "single grades", alpha)
    is_scored = ~np.isnan(replies.score).any(axis=1)
    if not is_scored.any():
        return (single_test,)
    scores = replies.score[is_scored]
    shift = permutation_shift_test(scores[..., None], rng)
    changes = scores[:, 1:].mean(axis=1) - scores[:, 0]
    return single_test, _build_test(
        "mean_grade",
        "the mean grade",
        f"the mean grade was {scores[:, 0].mean():.2f} and is {scores[:, 1:].mean():.2f}",
        changes,
        replace(replies, question=replies.question[is_scored]),
        shift.p_value,
        minimum_detectable_shift(float(shift.standard_error[0]), alpha),
    )


def _test_single_replies(replies: ReplyArrays, title: str, alpha: float) -> DriftTest:
    """Return the test of whether the earlier reply is the odd one out more often than by chance."""
    result = odd_one_out_test(replies.category)
    differs = replies.category[:, :1] != replies.category[:, 1:]
    varies = replies.category[:, 1] != replies.category[:, 2]
    excess = differs.mean(axis=1) - varies
    return _build_test(
        "verdicts" if replies.noun == "verdict" else "grades",
        title,
        _describe_odd_ones(result, replies.noun),
        excess,
        replies,
        result.p_value,
        minimum_detectable_share(len(excess), result.noise, alpha),
    )


def _describe_odd_ones(result: OddOneOutTest, noun: str) -> str:
    """Return the result of the odd-one-out test in words."""
    if not result.splits:
        return f"every {noun} came out as before, both times"
    return (
        f"the earlier {noun} is the odd one out in {result.earlier} of {result.splits} prompts with "
        "two equal replies of three (a third by chance)"
    )


def _build_test(
    name: str,
    title: str,
    words: str,
    changes: FloatArray,
    replies: ReplyArrays,
    p_value: float,
    detectable: float,
) -> DriftTest:
    """Return a test with the interval of the change, clustered by question."""
    # The exact test decides, and the interval shows the size. Grades hardly ever change by 9 points.
    scale: tuple[float, float] | None = _SHARE_CHANGES
    if name == "mean_grade":
        scale = None if np.ptp(changes) > 0 else SCORE_DIFFERENCE_RANGE
    mean = clustered_mean(changes, replies.question, level=DRIFT_CONFIDENCE_LEVEL, scale=scale)
    return DriftTest(
        name=name,
        title=title,
        words=words,
        value=mean.value,
        low=none_if_nan(mean.low),
        high=none_if_nan(mean.high),
        p_value=p_value,
        adjusted=p_value,
        detectable=none_if_nan(detectable) or None,
        prompts=len(changes),
    )


def _verdict_share_changes(
    replies: ReplyArrays, rng: np.random.Generator
) -> tuple[VerdictShareChange, ...]:
    """Return the change of the share of each verdict that occurs."""
    changes = []
    for category, name in enumerate(_CATEGORY_TITLES):
        is_category = (replies.category == category).astype(np.float64)
        if not is_category.any():
            continue
        change = clustered_mean(
            is_category[:, 1:].mean(axis=1) - is_category[:, 0],
            replies.question,
            scale=_SHARE_CHANGES,
        )
        changes.append(
            VerdictShareChange(
                name=name,
                before=float(is_category[:, 0].mean()),
                after=float(is_category[:, 1:].mean()),
                low=none_if_nan(change.low),
                high=none_if_nan(change.high),
                p_value=permutation_shift_test(is_category[..., None], rng).p_value,
            )
        )
    return tuple(changes)


def _verdict_kappa(
    replies: ReplyArrays, columns: tuple[int, int], rng: np.random.Generator
) -> VerdictKappa:
    """Return Cohen's kappa between two columns of replies."""
    left, right = (replies.category[:, column].astype(np.float64) for column in columns)
    estimate = cohen_kappa(PairedVotes(left=left, right=right, question=replies.question), rng)
    return VerdictKappa(
        value=none_if_nan(estimate.value),
        low=none_if_nan(estimate.low),
        high=none_if_nan(estimate.high),
    )
