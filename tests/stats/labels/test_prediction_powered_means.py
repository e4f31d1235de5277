"""Means of several groups, from human labels on a few questions and a judge's on many."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from evalharness.errors import BattlesError
from evalharness.stats import (
    GroupedValues,
    LabelSaving,
    critical_value,
    prediction_powered_mean,
    prediction_powered_means,
)

SIZE = 3


def grouped(rng, questions, noise=1.0):
    """Return one row a question and group, with an effect of the question that all groups share."""
    question = np.repeat(np.arange(questions), SIZE)
    group = np.tile(np.arange(SIZE), questions)
    effect = np.random.default_rng(5).normal(size=100)[question]
    return GroupedValues(
        value=group + effect + noise * rng.normal(size=len(group)), group=group, question=question
    )


def part(rows, chosen):
    """Return some of the rows."""
    return GroupedValues(
        value=rows.value[chosen], group=rows.group[chosen], question=rows.question[chosen]
    )


@given(st.integers(0, 500), st.sampled_from([0.0, 0.3, 1.0]))
def test_each_group_has_the_mean_and_error_that_it_has_alone(seed, trust):
    """At the same trust, other groups do not matter; shared questions show in the covariance only."""
    rng = np.random.default_rng(seed)
    judge = grouped(rng, 30)
    few = judge.question < 12
    labels = part(judge, few)
    people = GroupedValues(
        value=labels.value - 0.5 + rng.normal(size=36), group=labels.group, question=labels.question
    )
    found = prediction_powered_means(people, labels.value, judge, SIZE, trust=trust)

    for place in range(SIZE):
        own, all_own = people.group == place, judge.group == place
        alone = prediction_powered_mean(
            people.value[own],
            labels.value[own],
            judge.value[all_own],
            question=people.question[own],
            unlabelled_question=judge.question[all_own],
            trust=trust,
        )
        estimate = found.estimate(place)
        assert_allclose(
            [estimate.value, estimate.low, estimate.high], [alone.value, alone.low, alone.high]
        )
        assert found.labelled_error[place] == pytest.approx(alone.labelled_error)
        assert (found.clusters[place], found.labelled[place]) == (12, 12)


def test_groups_that_share_questions_vary_together():
    """The difference of two is surer than their separate intervals suggest."""
    rng = np.random.default_rng(0)
    people = grouped(rng, 40, noise=0.3)
    found = prediction_powered_means(people, people.value, people, SIZE, trust=0.0)
    covariance = found.covariance

    difference = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert difference < 0.3 * (covariance[0, 0] + covariance[1, 1])


def test_with_labels_on_everything_the_judge_changes_nothing():
    """Where people labelled everything, their mean is the estimate, and the saving is zero."""
    rng = np.random.default_rng(0)
    people, judge = grouped(rng, 20), grouped(rng, 20)
    found = prediction_powered_means(people, judge.value, judge, SIZE)

    assert_allclose(found.values, people.means(SIZE))
    assert found.saving.label_factor == 1


def test_a_useless_judge_is_said_to_save_next_to_nothing():
    """Its weight is fitted to chance, which the label factor takes off again; 200 runs."""
    rng = np.random.default_rng(1)
    factors, raw = [], []
    for _ in range(200):
        labels, predictions, others = rng.normal(size=20), rng.normal(size=20), rng.normal(size=200)
        found = prediction_powered_mean(labels, predictions, others)
        factors.append(found.label_factor)
        raw.append((found.humans.standard_error / found.standard_error) ** 2)

    assert np.median(factors) == 1
    assert np.mean(factors) < np.mean(raw)
    assert np.mean(factors) < 1.04


def test_more_labels_shrink_their_own_part_only():
    """A half-width of one half takes more than four times the labels, if it can be had at all."""
    saving = LabelSaving(alone=2.0, together=1.0, labelled=0.9, clusters=20)

    assert saving.labels_for(1.0, 50) == pytest.approx(50)
    assert saving.labels_for(0.5, 50) == pytest.approx(50 * 0.9 / (0.25 - 0.1))
    assert saving.labels_for(0.3, 50) == math.inf


def test_shares_stay_between_0_and_1():
    """A correction that carries a win rate out of its range leaves it at the end, with an interval."""
    group, question = np.zeros(12, dtype=int), np.arange(12)
    rows = GroupedValues(value=np.ones(12), group=group, question=question)
    judge = GroupedValues(
        value=np.repeat([0.5, 1.0], 6), group=np.zeros(12, dtype=int), question=question + 12
    )
    found = prediction_powered_means(rows, judge.value[::-1] / 2, judge, 1, trust=1.0)

    share = found.share(0)

    assert found.values[0] > 1
    assert share.value == 1
    assert 0 < share.low < share.high <= 1
    assert share.low == pytest.approx(1 / (1 + critical_value(0.95, 12) ** 2 / 12))


def test_a_group_without_labels_is_refused():
    """A group without labels has no figure."""
    rows = grouped(np.random.default_rng(0), 12)
    labels = part(rows, rows.group > 0)

    with pytest.raises(BattlesError, match="every group needs"):
        prediction_powered_means(labels, labels.value, rows, SIZE)
