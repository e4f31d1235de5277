"""Test for judge drift: whether a judge's replies to the same prompts have changed.

Each prompt has one earlier and several later replies. Without a change all are draws from one
distribution, and the position of the earlier one among them is random. That is the null hypothesis
of every test here, so the tests are exact for any number of prompts, any noise of the judge and any
mixture of prompts. Prompts of one question need no clustering: replies are independent given the
prompt.

With a single later reply, `permutation_shift_test` of categories is the test of Stuart (1955,
Biometrika 42) and Maxwell (1970, British Journal of Psychiatry 116), and of one category the test
of McNemar (1947, Psychometrika 12), with their statistics and exact p values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import bdtr, bdtrc, chdtrc, ndtri

if TYPE_CHECKING:
    from evalharness.stats.arrays import FloatArray, IntArray

REPLIES_PER_PROMPT = 3
"""The replies to each prompt of `odd_one_out_test`: one earlier, two later."""
_DRAWS = 20_000
_DRAWS_PER_BATCH = 500
_TOLERANCE = 1e-9
_BISECTION_STEPS = 30
_MAX_DISAGREEMENT = 0.5
"""The largest rate at which two replies of two categories differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OddOneOutTest:
    """The test of prompts on which exactly two of three replies are equal.

    Attributes:
        splits: the number of such prompts.
        earlier: the number of those on which the earlier reply is the odd one; a third by chance.
        noise: the share of prompts on which the two later replies differ.
        p_value: the probability of at least `earlier` by chance.
    """

    splits: int
    earlier: int
    noise: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeanShift:
    """The shift of means from the earlier to the later replies.

    Attributes:
        value: the mean of the later replies minus that of the earlier ones, by quantity.
        standard_error: the standard error of `value`, without a change.
        chi_square: the test statistic.
        degrees: the degrees of freedom of `chi_square`.
        p_value: the exact p value, up to the number of draws.
        asymptotic: the p value from the chi-square distribution.
        prompts: the number of prompts.
    """

    value: FloatArray
    standard_error: FloatArray
    chi_square: float
    degrees: int
    p_value: float
    asymptotic: float
    prompts: int


def odd_one_out_test(replies: IntArray) -> OddOneOutTest:
    """Return a test of whether the earlier reply is the odd one out more often than by chance.

    Args:
        replies: one row per prompt: the category of the earlier reply, then of two later ones.

    Raises:
        ValueError: a prompt does not have three replies.
    """
    _check_shape(replies)
    earlier, one, other = replies.T
    is_odd = (one == other) & (earlier != one)
    is_split = is_odd | ((earlier == one) != (earlier == other))
    splits, odd = int(is_split.sum()), int(is_odd.sum())
    return OddOneOutTest(
        splits=splits,
        earlier=odd,
        noise=float(np.mean(one != other)) if len(replies) else float("nan"),
        p_value=_upper_tail_probability(odd, splits),
    )


def permutation_shift_test(
    values: FloatArray, rng: np.random.Generator, *, draws: int = _DRAWS
) -> MeanShift:
    """Return an exact permutation test of a shift of means from the earlier to the later replies.

    Args:
        values: by prompt, reply (the earlier one first) and quantity: a score, or an indicator of
            each category.
        rng: draws the position of the earlier reply.
        draws: the number of draws; the smallest p value is 1 / (draws + 1).

    Raises:
        ValueError: there are no prompts, or no later replies.
    """
    if values.ndim != REPLIES_PER_PROMPT or not len(values) or values.shape[1] < 2:  # noqa: PLR2004
        msg = "values by prompt, reply and quantity are needed, at least two replies to a prompt"
        raise ValueError(msg)
    number, replies, _ = values.shape
    # The difference that each prompt contributes if this one of its replies is the earlier one.
    contribution = (values.sum(axis=1, keepdims=True) - replies * values) / (replies - 1)
    spread = np.einsum("prc,prd->cd", contribution, contribution) / replies
    inverse, degrees = _pseudo_inverse(spread)
    shift = contribution[:, 0].sum(axis=0)
    observed = float(shift @ inverse @ shift)
    at_least = 0
    for start in range(0, draws, _DRAWS_PER_BATCH):
        size = min(_DRAWS_PER_BATCH, draws - start)
        earlier = rng.integers(replies, size=(size, number))
        drawn = contribution[np.arange(number), earlier].sum(axis=1)
        statistic = np.einsum("bc,cd,bd->b", drawn, inverse, drawn)
        at_least += int(np.sum(statistic >= observed * (1 - _TOLERANCE) - _TOLERANCE))
    return MeanShift(
        value=shift / number,
        standard_error=np.sqrt(np.diag(spread)) / number,
        chi_square=observed,
        degrees=degrees,
        p_value=(1 + at_least) / (1 + draws),
        asymptotic=float(chdtrc(degrees, observed)) if degrees else 1.0,
        prompts=number,
    )


def minimum_detectable_share(
    prompts: int, noise: float, alpha: float, *, power: float = 0.8
) -> float:
    """Return the share of prompts that must have changed for `odd_one_out_test` to detect it.

    A changed prompt has a different most frequent reply. Before and after, replies vary between two
    categories: with noise q, the earlier reply is odd in q / 2 of the unchanged and in 1 - 3q / 2
    of the changed prompts, and a later one in q of both. NaN if the test cannot detect even a
    change of all prompts.

    Args:
        prompts: the number of prompts.
        noise: the share of prompts to which two replies differ without a change.
        alpha: the test's level.
        power: the probability of detecting the change.
    """
    differ = min(noise, _MAX_DISAGREEMENT)
    number = np.arange(prompts + 1)
    critical = np.array([_critical_count(int(each), alpha) for each in number])

    def detection_rate(share: float) -> float:
        odd = share * (1 - 1.5 * differ) + (1 - share) * differ / 2
        split = odd + differ
        chance = np.diff(bdtr(number, prompts, split), prepend=0.0)
        return float(chance @ bdtrc(critical - 1, number, odd / split if split else 0.0))

    if detection_rate(1.0) < power:
        return float("nan")
    low, high = 0.0, 1.0
    for _ in range(_BISECTION_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if detection_rate(middle) >= power else (middle, high)
    return high


def minimum_detectable_shift(standard_error: float, alpha: float, *, power: float = 0.8) -> float:
    """Return the smallest shift of a mean that a two-sided normal test detects.

    Args:
        standard_error: the standard error of the shift.
        alpha: the test's level.
        power: the probability of detecting the shift.
    """
    return float((ndtri(1 - alpha / 2) + ndtri(power)) * standard_error)


def _critical_count(splits: int, alpha: float) -> int:
    """Return the smallest significant number of odd earlier replies, or `splits` + 1 if none is."""
    tails = bdtrc(np.arange(splits + 1) - 1, splits, 1 / REPLIES_PER_PROMPT)
    tails[0] = 1.0
    significant = np.flatnonzero(tails <= alpha)
    return int(significant[0]) if significant.size else splits + 1


def _upper_tail_probability(odd: int, splits: int) -> float:
    return float(bdtrc(odd - 1, splits, 1 / REPLIES_PER_PROMPT)) if odd else 1.0


def _pseudo_inverse(spread: FloatArray) -> tuple[FloatArray, int]:
    """Return the pseudo-inverse, and the rank."""
    values, vectors = np.linalg.eigh(spread)
    varied = values > _TOLERANCE * max(float(values[-1]), _TOLERANCE)
    inverse: FloatArray = (vectors[:, varied] / values[varied]) @ vectors[:, varied].T
    return inverse, int(varied.sum())


def _check_shape(replies: IntArray) -> None:
    if replies.ndim != 2 or replies.shape[1] != REPLIES_PER_PROMPT:  # noqa: PLR2004 - prompts by replies
        msg = f"three replies to each prompt are needed, not an array of shape {replies.shape}"
        raise ValueError(msg)
