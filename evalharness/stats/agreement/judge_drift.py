"""Whether replies to the same prompts have changed: one earlier reply beside later ones.

If nothing has changed, an earlier and the later replies to one prompt are draws from one
distribution, and which of them came first is chance. Every test here takes just that as its null,
so it is exact for any number of prompts, whatever the judge's own noise and however prompts differ;
prompts of one question need no clustering, as replies are independent given what was asked.

With a single later reply, `shift` of categories is the test of Stuart (1955, Biometrika 42) and
Maxwell (1970, British Journal of Psychiatry 116), and of one category that of McNemar (1947,
Psychometrika 12), with their statistics and exact p values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import bdtr, bdtrc, chdtrc, ndtri

if TYPE_CHECKING:
    from evalharness.stats.arrays import FloatArray, IntArray

REPLIES_PER_PROMPT = 3
"""Of each prompt: one earlier, two later."""
_DRAWS = 20_000
_DRAWS_PER_BATCH = 500
_TOLERANCE = 1e-9
_BISECTION_STEPS = 30
_MAX_DISAGREEMENT = 0.5
"""How often two replies differ at most that have two categories."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OddOneOutTest:
    """Prompts on which two of three replies are the same.

    `earlier` of the `splits` have the earlier reply as the odd one, a third by chance; `p_value`
    is that of so many or more. `noise` is how often the two later ones differ.
    """

    splits: int
    earlier: int
    noise: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeanShift:
    """How far the mean of something moved from the earlier to the later replies.

    `chi_square` has `degrees` under no change; `p_value` is exact, up to the draws, and
    `asymptotic` the chi-square distribution's. `standard_error` is that under no change.
    """

    value: FloatArray
    standard_error: FloatArray
    chi_square: float
    degrees: int
    p_value: float
    asymptotic: float
    prompts: int


def odd_one_out_test(replies: IntArray) -> OddOneOutTest:
    """Return how often the earlier reply is the odd one out.

    Args:
        replies: a row a prompt: the earlier reply's category, then two later ones'.

    Raises:
        ValueError: there are not three replies to each prompt.
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
    """Return how far the later replies' mean lies from the earlier ones', tested exactly.

    Args:
        values: by prompt, reply (the earlier one first) and quantity: a score, or a 1 for each
            category that the reply is.
        rng: draws which reply was the earlier one.
        draws: how often; the smallest p value is 1 / (draws + 1).

    Raises:
        ValueError: there are no prompts, or no later replies.
    """
    if values.ndim != REPLIES_PER_PROMPT or not len(values) or values.shape[1] < 2:  # noqa: PLR2004
        msg = "values by prompt, reply and quantity are needed, at least two replies to a prompt"
        raise ValueError(msg)
    number, replies, _ = values.shape
    # What each prompt adds to the difference, were this reply of it the earlier one.
    added = (values.sum(axis=1, keepdims=True) - replies * values) / (replies - 1)
    spread = np.einsum("prc,prd->cd", added, added) / replies
    inverse, degrees = _pseudo_inverse(spread)
    moved = added[:, 0].sum(axis=0)
    found = float(moved @ inverse @ moved)
    at_least = 0
    for start in range(0, draws, _DRAWS_PER_BATCH):
        size = min(_DRAWS_PER_BATCH, draws - start)
        earlier = rng.integers(replies, size=(size, number))
        drawn = added[np.arange(number), earlier].sum(axis=1)
        statistic = np.einsum("bc,cd,bd->b", drawn, inverse, drawn)
        at_least += int(np.sum(statistic >= found * (1 - _TOLERANCE) - _TOLERANCE))
    return MeanShift(
        value=moved / number,
        standard_error=np.sqrt(np.diag(spread)) / number,
        chi_square=found,
        degrees=degrees,
        p_value=(1 + at_least) / (1 + draws),
        asymptotic=float(chdtrc(degrees, found)) if degrees else 1.0,
        prompts=number,
    )


def minimum_detectable_share(
    prompts: int, noise: float, alpha: float, *, power: float = 0.8
) -> float:
    """Return the share of prompts whose reply must have changed for `odd_ones` to see it.

    The change is one to another usual reply, and replies vary around the usual one, before and
    after, between two categories: with noise q, the earlier one is odd in q / 2 of the unchanged and
    in 1 - 3q / 2 of the changed prompts, and a later one in q of either. NaN where even a change of
    all would not be seen.

    Args:
        prompts: how many are asked.
        noise: how often two replies to a prompt differ without any change.
        alpha: the test's level.
        power: how often the change is to be seen.
    """
    differ = min(noise, _MAX_DISAGREEMENT)
    number = np.arange(prompts + 1)
    needed = np.array([_critical_count(int(each), alpha) for each in number])

    def seen(share: float) -> float:
        odd = share * (1 - 1.5 * differ) + (1 - share) * differ / 2
        split = odd + differ
        chance = np.diff(bdtr(number, prompts, split), prepend=0.0)
        return float(chance @ bdtrc(needed - 1, number, odd / split if split else 0.0))

    if seen(1.0) < power:
        return float("nan")
    low, high = 0.0, 1.0
    for _ in range(_BISECTION_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if seen(middle) >= power else (middle, high)
    return high


def minimum_detectable_shift(standard_error: float, alpha: float, *, power: float = 0.8) -> float:
    """Return the shift of a mean that a two-sided test at this level sees with this power."""
    return float((ndtri(1 - alpha / 2) + ndtri(power)) * standard_error)


def _critical_count(splits: int, alpha: float) -> int:
    """Return how many odd earlier replies among so many splits are significant; none: one more."""
    tails = bdtrc(np.arange(splits + 1) - 1, splits, 1 / REPLIES_PER_PROMPT)
    tails[0] = 1.0
    significant = np.flatnonzero(tails <= alpha)
    return int(significant[0]) if significant.size else splits + 1


def _upper_tail_probability(odd: int, splits: int) -> float:
    return float(bdtrc(odd - 1, splits, 1 / REPLIES_PER_PROMPT)) if odd else 1.0


def _pseudo_inverse(spread: FloatArray) -> tuple[FloatArray, int]:
    """Return the inverse where anything varies, and in how many directions that is."""
    values, vectors = np.linalg.eigh(spread)
    varied = values > _TOLERANCE * max(float(values[-1]), _TOLERANCE)
    inverse: FloatArray = (vectors[:, varied] / values[varied]) @ vectors[:, varied].T
    return inverse, int(varied.sum())


def _check_shape(replies: IntArray) -> None:
    if replies.ndim != 2 or replies.shape[1] != REPLIES_PER_PROMPT:  # noqa: PLR2004 - prompts by replies
        msg = f"three replies to each prompt are needed, not an array of shape {replies.shape}"
        raise ValueError(msg)
