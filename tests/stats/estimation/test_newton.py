"""Newton's method with step halving, on functions whose maximum is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose

from evalharness.errors import ConvergenceError
from evalharness.stats.estimation.newton import maximize_by_newton


@dataclass(frozen=True)
class Point:
    """A point of a function."""

    coefficients: np.ndarray
    value: float


def parabola(coefficients):
    """Return a point of the parabola with its maximum at 3."""
    return Point(coefficients, -float((coefficients[0] - 3) ** 2))


def maximize(compute_step, *, check=lambda point: point, max_iterations=50):
    """Return the maximum of the parabola, from 0, by the given steps."""
    return maximize_by_newton(
        parabola,
        compute_step,
        check,
        np.zeros(1),
        smallest_step=1e-5,
        max_iterations=max_iterations,
        name="the parabola",
    )


def test_a_parabola_needs_one_step_and_a_second_one_to_see_it():
    """The full Newton step is exact; the next one is zero, which stops."""
    best, steps = maximize(lambda point: 3 - point.coefficients)

    assert_allclose(best.coefficients, 3, rtol=1e-5)
    assert steps == 2


def test_a_step_that_overshoots_is_halved():
    """Three times the Newton step would lower the value at every step."""
    visited = []

    def record(point):
        visited.append(point.value)
        return point

    best, _ = maximize(lambda point: 3 * (3 - point.coefficients), check=record)

    assert_allclose(best.coefficients, 3, rtol=1e-5)
    assert visited == sorted(visited)


def test_a_step_in_the_wrong_direction_is_refused():
    """No share of it raises the value."""
    with pytest.raises(ConvergenceError, match="the parabola did not converge: no step raises"):
        maximize(lambda point: point.coefficients - 3)


def test_too_many_steps_are_refused():
    """Short steps would arrive, but later than allowed."""
    with pytest.raises(ConvergenceError, match="the parabola did not converge in 5 Newton steps"):
        maximize(lambda point: 0.1 * (3 - point.coefficients), max_iterations=5)


def test_the_check_of_a_point_can_move_it():
    """A fit whose scale is free normalizes every point."""

    def cap(point):
        return parabola(np.minimum(point.coefficients, 2.0))

    with pytest.raises(ConvergenceError, match="Newton steps"):
        maximize(lambda point: 3 - point.coefficients, check=cap, max_iterations=3)
