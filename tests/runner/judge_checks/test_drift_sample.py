"""Test the sample of judgments that a drift check repeats, and the number of the check."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from builders import a_run
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.domain import PairwiseJudgment
from evalharness.runner import next_check_number, sample_judgments


def drawn(records, limit, seed=0):
    """Return a sample of a run's judgments."""
    return sample_judgments(records.judgments, limit, random.Random(seed))


@given(seed=st.integers(0, 10**6), limit=st.integers(1, 60))
@settings(max_examples=20)
def test_the_sample_is_balanced_and_a_larger_one_starts_with_a_smaller_one(seed, limit):
    """The sample is balanced over models and pairs."""
    records = a_run(4, 8)
    chosen = drawn(records, limit, seed)
    games = [each for each in chosen if isinstance(each, PairwiseJudgment)]
    pairs = Counter(frozenset((each.model_a, each.model_b)) for each in games)
    models = Counter(each.model for each in chosen if not isinstance(each, PairwiseJudgment))

    assert len({each.digest for each in chosen}) == limit
    assert abs(len(games) - limit / 2) <= 1
    assert len(games) < 6 or max(pairs.values()) - min(pairs.values()) <= 1
    assert limit < 8 or max(models.values()) - min(models.values()) <= 1
    assert drawn(records, limit + 7, seed)[:limit] == chosen


def test_the_sample_ignores_the_order_of_the_file_and_includes_unscored_judgments():
    """With readable judgments only, a judge that varies would seem to have changed."""
    records = a_run(3, 8)
    unread = replace(
        records,
        graded=(),
        games=tuple(replace(each, verdict=None, unscored="no_verdict") for each in records.games),
    )
    turned = replace(records, graded=records.graded[::-1], games=records.games[::-1])

    assert drawn(turned, 20) == drawn(records, 20)
    assert len(drawn(unread, 20)) == 20
    assert len(drawn(records, 10_000)) == len(records.judgments)


@pytest.mark.parametrize(
    ("kept", "last", "is_complete", "number"),
    [
        ([], 0, False, 1),
        ([1, 2, 1], 0, False, 1),
        ([1, 2], 1, False, 1),
        ([1, 2], 1, True, 2),
        ([1, 2, 3], 1, True, 2),
        ([1, 2, 3, 4], 2, True, 3),
        ([5], 0, False, 3),
    ],
)
def test_a_check_is_resumed_until_it_is_complete_and_then_a_new_one_starts(
    kept, last, is_complete, number
):
    """A new check does not reuse the replies of an earlier one."""
    assert next_check_number(kept, last, is_complete=is_complete) == number
