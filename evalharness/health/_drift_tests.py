"""The tests behind a check of a judge against itself: its replies of then beside two of now."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evalharness.domain import PairwiseJudgment, Verdict, digest
from evalharness.health._drift import FEWEST, LEVEL, DriftTest, Finding, JudgeDrift, Kappa, Part
from evalharness.stats.agreement import cohen_kappa
from evalharness.stats.differences import difference_of
from evalharness.stats.drift import (
    OddOnes,
    detectable_share,
    detectable_shift,
    holm,
    odd_ones,
    shift,
)
from evalharness.stats.means import clustered_mean
from evalharness.stats.votes import PairedVotes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import Judgment
    from evalharness.stats.comparisons import FloatArray, IntArray

_CATEGORIES = (Verdict.A, Verdict.B, Verdict.TIE, None)
_PARTS = ("first place", "second place", "ties", "unread")
_LATER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One judgment of a run with what the judge said later to the same; fewer where it failed."""

    before: Judgment
    later: tuple[Judgment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replies:
    """Prompts of one kind with all their replies: categories, and scores where there are any."""

    category: IntArray
    score: FloatArray
    question: IntArray
    noun: str


def drift(
    judge: str,
    asked: Sequence[Asked],
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
    whole = [each for each in asked if len(each.later) == _LATER]
    games = [each for each in whole if isinstance(each.before, PairwiseJudgment)]
    grades = [each for each in whole if not isinstance(each.before, PairwiseJudgment)]
    found = JudgeDrift(
        judge=judge,
        finding=Finding.UNKNOWN,
        games=len(games),
        grades=len(grades),
        questions=len({each.before.question_id for each in whole}),
        missing=len(asked) - len(whole),
        changed_settings=tuple(changed_settings),
        served_then=_served([each.before for each in whole]),
        served_now=_served([later for each in whole for later in each.later]),
    )
    if len(whole) < FEWEST:
        return found
    rng = np.random.default_rng(int(digest([seed, judge])[:16], 16))
    return _tested(found, games, grades, alpha / judges, rng)


def _tested(
    found: JudgeDrift,
    games: Sequence[Asked],
    grades: Sequence[Asked],
    alpha: float,
    rng: np.random.Generator,
) -> JudgeDrift:
    """Return what was asked with all tests of it; each could decide at its share of alpha."""
    of_games, of_grades = _replies(games, "verdict"), _replies(grades, "grade")
    share = alpha / (2 * (bool(games) + bool(grades)))
    tests = [
        *(_of_verdicts(of_games, share, rng) if games else ()),
        *(_of_grades(of_grades, share, rng) if grades else ()),
    ]
    judged = tuple(
        replace(test, adjusted=p_value, is_significant=p_value <= alpha)
        for test, p_value in zip(tests, holm([test.p_value for test in tests]), strict=True)
    )
    changed = any(test.is_significant for test in judged)
    return replace(
        found,
        finding=Finding.CHANGED if changed else Finding.UNCHANGED,
        tests=judged,
        parts=_parts(of_games, rng) if games else (),
        kappa_then=_kappa(of_games, (0, 1), rng) if games else None,
        kappa_now=_kappa(of_games, (1, 2), rng) if games else None,
    )


def _replies(asked: Sequence[Asked], noun: str) -> _Replies:
    rows = [(each.before, *each.later) for each in asked]
    places: dict[str, int] = {}
    return _Replies(
        category=np.array([[_category(reply) for reply in row] for row in rows], dtype=np.int64),
        score=np.array([[_score(reply) for reply in row] for row in rows], dtype=np.float64),
        question=np.array(
            [places.setdefault(row[0].question_id, len(places)) for row in rows], dtype=np.int64
        ),
        noun=noun,
    )


def _category(reply: Judgment) -> int:
    """Return a verdict's or a whole grade's number; unread is a category as any other."""
    if isinstance(reply, PairwiseJudgment):
        return _CATEGORIES.index(reply.verdict)
    return 0 if reply.score is None else round(reply.score)


def _score(reply: Judgment) -> float:
    score = None if isinstance(reply, PairwiseJudgment) else reply.score
    return math.nan if score is None else score


def _of_verdicts(
    replies: _Replies, alpha: float, rng: np.random.Generator
) -> tuple[DriftTest, DriftTest]:
    hot = (replies.category[..., None] == np.arange(len(_CATEGORIES))).astype(np.float64)
    moved = shift(hot, rng)
    largest = int(np.argmax(np.abs(moved.value)))
    before, after = hot[:, 0, largest].mean(), hot[:, 1:, largest].mean()
    later = hot[:, 1:, largest].mean(axis=1) - hot[:, 0, largest]
    return _odd(replies, "single verdicts", alpha), _test(
        "verdict_shares",
        "the shares of verdicts",
        f"{_PARTS[largest]}: {before:.0%} of the verdicts then, {after:.0%} now",
        later,
        replies,
        moved.p_value,
        detectable_shift(float(np.max(moved.standard_error)), alpha),
    )


def _of_grades(replies: _Replies, alpha: float, rng: np.random.Generator) -> tuple[DriftTest, ...]:
    odd = _odd(replies, "single grades", alpha)
    known = ~np.isnan(replies.score).any(axis=1)
    if not known.any():
        return (odd,)
    scores = replies.score[known]
    moved = shift(scores[..., None], rng)
    later = scores[:, 1:].mean(axis=1) - scores[:, 0]
    return odd, _test(
        "mean_grade",
        "the mean grade",
        f"the mean grade was {scores[:, 0].mean():.2f} and is {scores[:, 1:].mean():.2f}",
        later,
        replace(replies, question=replies.question[known]),
        moved.p_value,
        detectable_shift(float(moved.standard_error[0]), alpha),
    )


def _odd(replies: _Replies, title: str, alpha: float) -> DriftTest:
    """Return the test of single replies: the earlier one is the odd one out too often."""
    found = odd_ones(replies.category)
    differs = replies.category[:, :1] != replies.category[:, 1:]
    varies = replies.category[:, 1] != replies.category[:, 2]
    beyond = differs.mean(axis=1) - varies
    return _test(
        "verdicts" if replies.noun == "verdict" else "grades",
        title,
        _odd_words(found, replies.noun),
        beyond,
        replies,
        found.p_value,
        detectable_share(len(beyond), found.noise, alpha),
    )


def _odd_words(found: OddOnes, noun: str) -> str:
    if not found.splits:
        return f"every {noun} came out as before, both times"
    return (
        f"the earlier {noun} is the odd one out in {found.earlier} of {found.splits} prompts with "
        "two equal replies of three (a third by chance)"
    )


def _test(
    name: str,
    title: str,
    words: str,
    changes: FloatArray,
    replies: _Replies,
    p_value: float,
    detectable: float,
) -> DriftTest:
    mean = clustered_mean(changes, replies.question, level=LEVEL)
    gap = difference_of(mean.value, mean.standard_error, mean.clusters, level=LEVEL)
    return DriftTest(
        name=name,
        title=title,
        words=words,
        value=mean.value,
        low=_known(gap.low),
        high=_known(gap.high),
        p_value=p_value,
        adjusted=p_value,
        detectable=_known(detectable) or None,
        prompts=len(changes),
    )


def _parts(replies: _Replies, rng: np.random.Generator) -> tuple[Part, ...]:
    parts = []
    for place, name in enumerate(_PARTS):
        is_it = (replies.category == place).astype(np.float64)
        if not is_it.any():
            continue
        change = clustered_mean(is_it[:, 1:].mean(axis=1) - is_it[:, 0], replies.question)
        parts.append(
            Part(
                name=name,
                before=float(is_it[:, 0].mean()),
                after=float(is_it[:, 1:].mean()),
                low=_known(change.low),
                high=_known(change.high),
                p_value=shift(is_it[..., None], rng).p_value,
            )
        )
    return tuple(parts)


def _kappa(replies: _Replies, columns: tuple[int, int], rng: np.random.Generator) -> Kappa:
    left, right = (replies.category[:, column].astype(np.float64) for column in columns)
    found = cohen_kappa(PairedVotes(left=left, right=right, question=replies.question), rng)
    return Kappa(value=_known(found.value), low=_known(found.low), high=_known(found.high))


def _served(judgments: Sequence[Judgment]) -> tuple[str, ...]:
    """Return what the server said it runs, in order of name."""
    return tuple(sorted({each.served for each in judgments if each.served}))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
