"""Guard the intervals of bounded means that rest on few questions.

Student's t and Wilson's interval estimate the error of a mean from the spread of the observed
questions. That spread is too small where few questions, or rare outcomes, did not show all that
happens: in 80 questions of which 1% fail, a t interval of 95% covers .55. The guard is the interval
of Gaffke (see `gaffke_tail`): it adds a question with the worst value of the scale, and holds for
any distribution on the scale.

If each question has one end of the scale, as yes or no, the guard is the interval of Clopper and
Pearson, and it is the interval. It also replaces the t interval of 80 or more questions with two
other values that occur eight times each. With a tail of .6 (1 - level) on each side it covers at least .94
at level .95, for any number of questions, and is about as wide as Wilson's. From 150 questions on
the tail falls to (1 - level) / 2, so that it stays as wide: an exact interval of n even outcomes is
as wide as a normal one whose quantile is larger by 1 / sqrt(n). With weights, the number of
questions is the effective one (Korn & Graubard 1998, Survey Methodology 24).

Otherwise an interval is the union of both. The guard of many questions would be wider than a t
interval that holds. Two rules keep this price small where 80 questions show the spread:

- The tail of each side is .6 (1 - level) up to 20 questions, and grows to 1.1 (1 - level) at 80.
- The added question has the worst value of the scale while one such question would move the mean by
  more than 2.5 standard errors. If it would move the mean by less than 4/3, the added question has
  the worst value observed; in between, a value in between. Differences of two models are believed
  from a smaller spread on (see `question_means`).

`tests/performance/interval_coverage.py` measures the coverage, by which these numbers were chosen;
the documentation has the table, with the cases that remain below .94.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import betainc, betaincinv, ndtr, ndtri

from evalharness.stats.intervals.gaffke import gaffke_tail
from evalharness.stats.intervals.question_means import EQUAL, QuestionMeans

_FEW, _MANY = 20, 80
_TAIL_OF_FEW, _TAIL_OF_MANY = 0.6, 1.1
"""The tail on each side, as a multiple of 1 - level, up to `_FEW` and from `_MANY` questions on."""

_OFTEN = 8
"""How often both of two inner values occur if there is hardly a third one."""

_MAX_TAIL = 0.5
_DECIMALS = 9
_PRECISION = 1e-7
_MARGIN = 1e-3
"""The share of a bracket by which a secant step stays away from its ends."""


def guard_tail(clusters: float, level: float) -> float:
    """Return the probability on each side of the guard.

    Args:
        clusters: the number of questions.
        level: the interval's level.
    """
    part = min(max((clusters - _FEW) / (_MANY - _FEW), 0.0), 1.0)
    share = _TAIL_OF_FEW + part * (_TAIL_OF_MANY - _TAIL_OF_FEW)
    return min(share * (1 - level), _MAX_TAIL)


def exact_tail(number: float, level: float) -> float:
    """Return the probability on each side of the exact interval of yes-or-no questions.

    Args:
        number: the effective number of questions.
        level: the interval's level.
    """
    as_normal = ndtr(1 / math.sqrt(number) - ndtri((1 + level) / 2))
    return min(guard_tail(_FEW, level), float(as_normal))


def guard_interval(
    questions: QuestionMeans, low: float, high: float, error: float, *, level: float
) -> tuple[float, float]:
    """Return an interval widened to the guard's, and clipped to the scale.

    The interval of yes-or-no questions is the exact one.

    Args:
        questions: the mean of each question.
        low: the lower end of the interval.
        high: the upper end.
        error: the standard error of the mean.
        level: the interval's level.
    """
    pair = questions.two_values
    if pair is not None and _has_exact_interval(questions, pair):
        low, high = _bound_two_values(questions, pair, exact_tail(questions.number, level))
        if pair == questions.scale:
            return low, high
    alpha = guard_tail(questions.number, level)
    low, high = questions.clip(low, high)
    if questions.are_equal:
        mean, unseen = questions.mean, 1 - alpha ** (1 / questions.number)
        bounds = [mean + unseen * (worst - mean) for worst in questions.scale]
        return min(low, bounds[0]), max(high, bounds[1])
    added = questions.added_values(error)
    lower, upper = _excess_tails(questions, (low, high), added, alpha)
    if lower > 0:
        low = _lower_bound(questions, low, lower, added[0], alpha)
    if upper > 0:
        high = -_lower_bound(questions.mirror(), -high, upper, -added[1], alpha)
    return low, high


def guard_p_value(
    questions: QuestionMeans, null: float, p_value: float, error: float, *, level: float
) -> float:
    """Return a two-sided p value raised to the guard's.

    It is below 1 - level where the interval of `guard_interval` excludes `null`.

    Args:
        questions: the mean of each question.
        null: the mean under the null hypothesis.
        p_value: the p value that agrees with the interval before it is widened.
        error: the standard error of the mean.
        level: the level of the interval that the p value agrees with.
    """
    mean = questions.mean
    if abs(mean - null) <= EQUAL * questions.width:
        return 1.0
    if mean < null:
        questions, mean, null = questions.mirror(), -mean, -null
    worst, pair = questions.scale[0], questions.two_values
    if pair is not None and _has_exact_interval(questions, pair):
        more, less = _count_two_values(questions, pair)
        share = np.clip((null - pair[0]) / (pair[1] - pair[0]), 0.0, 1.0)
        tail = float(betainc(more, less + 1, share))
        p_value = min(1.0, tail * (1 - level) / exact_tail(questions.number, level))
        if pair == questions.scale:
            return p_value
    ratio = guard_tail(questions.number, level) / (1 - level)
    if null <= worst:
        return p_value
    if questions.are_equal:
        tail = float(((null - worst) / (mean - worst)) ** questions.number)
    else:
        tail = _tail(questions, null, questions.added_values(error)[0])
    return max(p_value, min(1.0, tail / ratio))


def _has_exact_interval(questions: QuestionMeans, pair: tuple[float, float]) -> bool:
    """Return whether an exact interval replaces the given one; few questions may hide more values."""
    if pair == questions.scale:
        return True
    return questions.number > _MANY - 1 and min(_count_two_values(questions, pair)) >= _OFTEN


def _count_two_values(questions: QuestionMeans, pair: tuple[float, float]) -> tuple[float, float]:
    """Return the effective numbers of questions with the larger and with the smaller value."""
    number = questions.number
    share = (questions.mean - pair[0]) / (pair[1] - pair[0])
    above = round(number * min(max(share, 0.0), 1.0), _DECIMALS)
    return above, max(number - above, 0.0)


def _bound_two_values(
    questions: QuestionMeans, pair: tuple[float, float], alpha: float
) -> tuple[float, float]:
    """Return the interval of Clopper and Pearson."""
    above, below = _count_two_values(questions, pair)
    low = float(betaincinv(above, below + 1, alpha)) if above else 0.0
    high = 1 - float(betaincinv(below, above + 1, alpha)) if below else 1.0
    (start, end), width = pair, pair[1] - pair[0]
    return start + low * width, end - (1 - high) * width


def _tail(questions: QuestionMeans, bound: float, added: float) -> float:
    """Return Gaffke's p value of a mean of at most `bound`."""
    values = questions.weight * (questions.value - bound)
    pseudo = _added_weight(questions) * (added - bound)
    return float(gaffke_tail(values, pseudo, counts=questions.count))


def _added_weight(questions: QuestionMeans) -> float:
    """Return the weight of the added question: the mean weight of questions drawn by weight.

    Questions of little weight add little certainty, so they do not reduce it.
    """
    weight, count = questions.weight, questions.count
    return float(count @ weight**2 / (count @ weight))


def _excess_tails(
    questions: QuestionMeans,
    bounds: tuple[float, float],
    added: tuple[float, float],
    alpha: float,
) -> tuple[float, float]:
    """Return how far both bounds are inside the guard, in normal quantiles of the tail."""
    signs, both, worst = np.array([1.0, -1.0]), np.array(bounds), np.array(added)
    values = signs[:, None] * questions.weight * (questions.value - both[:, None])
    pseudo = signs * _added_weight(questions) * (worst - both)
    lower, upper = ndtri(gaffke_tail(values, pseudo, counts=questions.count)) - ndtri(alpha)
    return float(lower), float(upper)


def _lower_bound(
    questions: QuestionMeans, start: float, start_excess: float, added: float, alpha: float
) -> float:
    """Return the guard's lower bound, below `start`.

    The excess is almost linear in the bound, so secant steps in a bracket find it.
    """
    low, high = min(added, float(questions.value.min())), start
    low_excess, high_excess, target = -math.inf, start_excess, float(ndtri(alpha))
    while high - low > _PRECISION * questions.width:
        middle = (low + high) / 2
        if math.isfinite(low_excess) and math.isfinite(high_excess):
            secant = high - high_excess * (high - low) / (high_excess - low_excess)
            margin = _MARGIN * (high - low)
            middle = min(max(secant, low + margin), high - margin)
        excess = float(ndtri(_tail(questions, middle, added))) - target
        if excess > 0:
            high, high_excess = middle, excess
        else:
            low, low_excess = middle, excess
    return low
