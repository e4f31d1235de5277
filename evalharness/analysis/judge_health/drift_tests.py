"""The tests behind a check of a judge against itself: its replies of then beside two of now."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
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
from evalharness.domain import PairwiseJudgment, Verdict, digest
from evalharness.stats import (
    OddOneOutTest,
    PairedVotes,
    adjust_holm,
    clustered_mean,
    cohen_kappa,
    minimum_detectable_share,
    minimum_detectable_shift,
    odd_one_out_test,
    permutation_shift_test,
    t_test_difference,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import Judgment
    from evalharness.stats import FloatArray, IntArray

_VERDICT_CATEGORIES = (Verdict.A, Verdict.B, Verdict.TIE, None)
_CATEGORY_TITLES = ("first place", "second place", "ties", "unread")
_REPEATS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedJudgment:
    """One judgment of a run with what the judge said later to the same; fewer where it failed."""

    before: Judgment
    later: tuple[Judgment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReplyArrays:
    """Prompts of one kind with all their replies: categories, and scores where there are any."""

    category: IntArray
    score: FloatArray
    question: IntArray
    noun: str


def detect_judge_drift(
    judge: str,
    asked: Sequence[RepeatedJudgment],
    *,
    alpha: float,
    seed: int = 0,
    judges: int = 1,
    changed_settings: Sequence[str] = (),
) -> JudgeDrift:
    """Return whether a judge has changed.

    Args:
        judge: its name.
        asked: its judgments, each with later replies to the same prompt.
        alpha: how often a judge that has not changed may be said to have.
        seed: of the permutations and the bootstrap.
        judges: how many are in the check, which share alpha.
        changed_settings: what is set otherwise than in the run.
    """
    whole = [each for each in asked if len(each.later) == _REPEATS]
    games = [each for each in whole if isinstance(each.before, PairwiseJudgment)]
    grades = [each for each in whole if not isinstance(each.before, PairwiseJudgment)]
    found = JudgeDrift(
        judge=judge,
        finding=DriftFinding.UNKNOWN,
        games=len(games),
        grades=len(grades),
        questions=len({each.before.question_id for each in whole}),
        missing=len(asked) - len(whole),
        changed_settings=tuple(changed_settings),
        served_then=_served_models([each.before for each in whole]),
        served_now=_served_models([later for each in whole for later in each.later]),
    )
    if len(whole) < MIN_REPEATED_JUDGMENTS:
        return found
    rng = np.random.default_rng(int(digest([seed, judge])[:16], 16))
    return _run_tests(found, games, grades, alpha / judges, rng)


def _run_tests(
    found: JudgeDrift,
    games: Sequence[RepeatedJudgment],
    grades: Sequence[RepeatedJudgment],
    alpha: float,
    rng: np.random.Generator,
) -> JudgeDrift:
    """Return what was asked with all tests of it; each could decide at its share of alpha."""
    of_games, of_grades = (
        _build_reply_arrays(games, "verdict"),
        _build_reply_arrays(grades, "grade"),
    )
    share = alpha / (2 * (bool(games) + bool(grades)))
    tests = [
        *(_test_verdicts(of_games, share, rng) if games else ()),
        *(_test_grades(of_grades, share, rng) if grades else ()),
    ]
    judged = tuple(
        replace(test, adjusted=p_value, is_significant=p_value <= alpha)
        for test, p_value in zip(tests, adjust_holm([test.p_value for test in tests]), strict=True)
    )
    changed = any(test.is_significant for test in judged)
    return replace(
        found,
        finding=DriftFinding.CHANGED if changed else DriftFinding.UNCHANGED,
        tests=judged,
        parts=_verdict_share_changes(of_games, rng) if games else (),
        kappa_then=_verdict_kappa(of_games, (0, 1), rng) if games else None,
        kappa_now=_verdict_kappa(of_games, (1, 2), rng) if games else None,
    )


def _build_reply_arrays(asked: Sequence[RepeatedJudgment], noun: str) -> _ReplyArrays:
    rows = [(each.before, *each.later) for each in asked]
    places: dict[str, int] = {}
    return _ReplyArrays(
        category=np.array(
            [[_reply_category(reply) for reply in row] for row in rows], dtype=np.int64
        ),
        score=np.array([[_reply_score(reply) for reply in row] for row in rows], dtype=np.float64),
        question=np.array(
            [places.setdefault(row[0].question_id, len(places)) for row in rows], dtype=np.int64
        ),
        noun=noun,
    )


def _reply_category(reply: Judgment) -> int:
    """Return a verdict's or a whole grade's number; unread is a category as any other."""
    if isinstance(reply, PairwiseJudgment):
        return _VERDICT_CATEGORIES.index(reply.verdict)
    return 0 if reply.score is None else round(reply.score)


def _reply_score(reply: Judgment) -> float:
    score = None if isinstance(reply, PairwiseJudgment) else reply.score
    return math.nan if score is None else score


def _test_verdicts(
    replies: _ReplyArrays, alpha: float, rng: np.random.Generator
) -> tuple[DriftTest, DriftTest]:
    hot = (replies.category[..., None] == np.arange(len(_VERDICT_CATEGORIES))).astype(np.float64)
    moved = permutation_shift_test(hot, rng)
    largest = int(np.argmax(np.abs(moved.value)))
    before, after = hot[:, 0, largest].mean(), hot[:, 1:, largest].mean()
    later = hot[:, 1:, largest].mean(axis=1) - hot[:, 0, largest]
    return _test_single_replies(replies, "single verdicts", alpha), _build_test(
        "verdict_shares",
        "the shares of verdicts",
        f"{_CATEGORY_TITLES[largest]}: {before:.0%} of the verdicts then, {after:.0%} now",
        later,
        replies,
        moved.p_value,
        minimum_detectable_shift(float(np.max(moved.standard_error)), alpha),
    )


def _test_grades(
    replies: _ReplyArrays, alpha: float, rng: np.random.Generator
) -> tuple[DriftTest, ...]:
    odd = _test_single_replies(replies, "single grades", alpha)
    known = ~np.isnan(replies.score).any(axis=1)
    if not known.any():
        return (odd,)
    scores = replies.score[known]
    moved = permutation_shift_test(scores[..., None], rng)
    later = scores[:, 1:].mean(axis=1) - scores[:, 0]
    return odd, _build_test(
        "mean_grade",
        "the mean grade",
        f"the mean grade was {scores[:, 0].mean():.2f} and is {scores[:, 1:].mean():.2f}",
        later,
        replace(replies, question=replies.question[known]),
        moved.p_value,
        minimum_detectable_shift(float(moved.standard_error[0]), alpha),
    )


def _test_single_replies(replies: _ReplyArrays, title: str, alpha: float) -> DriftTest:
    """Return the test of single replies: the earlier one is the odd one out too often."""
    found = odd_one_out_test(replies.category)
    differs = replies.category[:, :1] != replies.category[:, 1:]
    varies = replies.category[:, 1] != replies.category[:, 2]
    beyond = differs.mean(axis=1) - varies
    return _build_test(
        "verdicts" if replies.noun == "verdict" else "grades",
        title,
        _describe_odd_ones(found, replies.noun),
        beyond,
        replies,
        found.p_value,
        minimum_detectable_share(len(beyond), found.noise, alpha),
    )


def _describe_odd_ones(found: OddOneOutTest, noun: str) -> str:
    if not found.splits:
        return f"every {noun} came out as before, both times"
    return (
        f"the earlier {noun} is the odd one out in {found.earlier} of {found.splits} prompts with "
        "two equal replies of three (a third by chance)"
    )


def _build_test(
    name: str,
    title: str,
    words: str,
    changes: FloatArray,
    replies: _ReplyArrays,
    p_value: float,
    detectable: float,
) -> DriftTest:
    mean = clustered_mean(changes, replies.question, level=DRIFT_CONFIDENCE_LEVEL)
    gap = t_test_difference(
        mean.value, mean.standard_error, mean.clusters, level=DRIFT_CONFIDENCE_LEVEL
    )
    return DriftTest(
        name=name,
        title=title,
        words=words,
        value=mean.value,
        low=_none_if_nan(gap.low),
        high=_none_if_nan(gap.high),
        p_value=p_value,
        adjusted=p_value,
        detectable=_none_if_nan(detectable) or None,
        prompts=len(changes),
    )


def _verdict_share_changes(
    replies: _ReplyArrays, rng: np.random.Generator
) -> tuple[VerdictShareChange, ...]:
    parts = []
    for place, name in enumerate(_CATEGORY_TITLES):
        is_it = (replies.category == place).astype(np.float64)
        if not is_it.any():
            continue
        change = clustered_mean(is_it[:, 1:].mean(axis=1) - is_it[:, 0], replies.question)
        parts.append(
            VerdictShareChange(
                name=name,
                before=float(is_it[:, 0].mean()),
                after=float(is_it[:, 1:].mean()),
                low=_none_if_nan(change.low),
                high=_none_if_nan(change.high),
                p_value=permutation_shift_test(is_it[..., None], rng).p_value,
            )
        )
    return tuple(parts)


def _verdict_kappa(
    replies: _ReplyArrays, columns: tuple[int, int], rng: np.random.Generator
) -> VerdictKappa:
    left, right = (replies.category[:, column].astype(np.float64) for column in columns)
    found = cohen_kappa(PairedVotes(left=left, right=right, question=replies.question), rng)
    return VerdictKappa(
        value=_none_if_nan(found.value), low=_none_if_nan(found.low), high=_none_if_nan(found.high)
    )


def _served_models(judgments: Sequence[Judgment]) -> tuple[str, ...]:
    """Return what the server said it runs, in order of name."""
    return tuple(sorted({each.served for each in judgments if each.served}))


def _none_if_nan(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
