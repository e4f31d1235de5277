"""Runs of words that two texts have in common, from the places of the n-grams that they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from evalharness.analysis.overlap.hashed_words import Hashes, Indices


class CommonRuns(NamedTuple):
    """Where runs begin in the one text and in the other, and how many words they have."""

    one: Indices
    other: Indices
    words: Indices


def find_common_runs(one: Indices, other: Indices, length: int) -> CommonRuns:
    """Return the runs of words behind pairs of equal n-grams.

    Pairs that move on by a word on both sides belong to one run.

    Args:
        one: the word at which each pair's n-gram begins on one side.
        other: the same on the other side.
        length: the n of the n-grams.
    """
    order = np.lexsort((one, other - one))
    one, other = one[order], other[order]
    goes_on = (np.diff(one) == 1) & (np.diff(other) == 1)
    begins = np.flatnonzero(np.r_[True, ~goes_on]) if len(one) else order
    number = np.diff(np.r_[begins, len(one)])
    return CommonRuns(one[begins], other[begins], number + length - 1)


def match_equal_hashes(one: Hashes, other: Hashes) -> tuple[Indices, Indices]:
    """Return the places of all pairs of equal hashes; the second ones must be in order."""
    low = np.searchsorted(other, one, side="left")
    return expand_stretches(low, np.searchsorted(other, one, side="right") - low)


def expand_stretches(begins: Indices, numbers: Indices) -> tuple[Indices, Indices]:
    """Return every place of stretches that begin so and have so many places, behind its stretch."""
    stretch = np.repeat(np.arange(len(begins)), numbers)
    within = np.arange(len(stretch)) - np.repeat(np.cumsum(numbers) - numbers, numbers)
    return stretch, np.repeat(begins, numbers) + within


def is_copied(run: int, words: int) -> bool:
    """Whether a run in common is more than chance and the subject bring about.

    Of 360 answers of six models of 2023 to the questions of MT-bench that have references, none has
    half of an answer and 25 words in a row in common with the reference, or 50 words; of 2,400
    pairs of answers to the same question, next to none, but for what stands in the question.
    """
    return run >= LONG_RUN_WORDS or (run >= SHORT_RUN_WORDS and 2 * run >= words)


SHORT_RUN_WORDS = 25
LONG_RUN_WORDS = 50
