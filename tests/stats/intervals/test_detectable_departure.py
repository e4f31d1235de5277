"""The departure of a rate that so many questions find."""

import math

import numpy as np
import pytest
from scipy.stats import binom

from evalharness.stats import clustered_proportion, minimum_detectable_departure


@pytest.mark.parametrize(("bound", "number"), [(0.9, 64), (0.8, 10), (0.95, 80), (0.5, 200)])
def test_it_is_found_with_the_stated_probability(bound, number):
    """The chance of a result whose interval is below the bound is 80%, counted one by one."""
    departure = minimum_detectable_departure(bound, number)
    is_found = [
        clustered_proportion(np.arange(number) < part, range(number)).high < bound
        for part in range(number + 1)
    ]
    chance = binom.pmf(np.arange(number + 1), number, bound - departure)

    assert chance[is_found].sum() == pytest.approx(0.8)


@pytest.mark.parametrize(("bound", "number"), [(0.5, 2), (0.9, 1), (0.05, 10), (0.8, 0)])
def test_few_questions_find_nothing(bound, number):
    """Even a rate of 0 has an interval that holds the bound."""
    assert math.isnan(minimum_detectable_departure(bound, number))
