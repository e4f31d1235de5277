"""Newton's method with step halving, for any function whose maximum is unique."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from evalharness.errors import ConvergenceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalharness.stats.arrays import FloatArray

_ROUNDING = 1e-12
"""A value that is lower by this share may be lower by rounding only."""


class NewtonPoint(Protocol):
    """A point of the function: where it is, and its value there."""

    @property
    def coefficients(self) -> FloatArray:
        """Where the point is."""

    @property
    def value(self) -> float:
        """The function's value there."""


Point = TypeVar("Point", bound=NewtonPoint)


def maximize_by_newton(
    evaluate: Callable[[FloatArray], Point],
    compute_step: Callable[[Point], FloatArray],
    check: Callable[[Point], Point],
    start: FloatArray,
    *,
    smallest_step: float,
    max_iterations: int,
    name: str,
    step_name: str = "Newton",
) -> tuple[Point, int]:
    """Return the maximum of a function, and the number of steps to it.

    Args:
        evaluate: returns the point at given coefficients.
        compute_step: returns the full step from a point.
        check: is given every point after a step; returns it, moved to an equivalent one if need
            be, or raises.
        start: the coefficients to start from.
        smallest_step: the largest entry of a step after which there is nothing left to gain.
        max_iterations: the number of steps before giving up.
        name: the subject of error messages: `the logistic fit`.
        step_name: the kind of step in error messages.

    Raises:
        ConvergenceError: no step raises the value, or there are too many steps.
    """
    point = evaluate(start)
    for iteration in range(1, max_iterations + 1):
        step = compute_step(point)
        point = check(_take_step(evaluate, point, step, name))
        if np.max(np.abs(step)) < smallest_step:
            return point, iteration
    msg = f"{name} did not converge in {max_iterations} {step_name} steps"
    raise ConvergenceError(msg)


def _take_step(
    evaluate: Callable[[FloatArray], Point], point: Point, step: FloatArray, name: str
) -> Point:
    """Return the point after a step, which is halved until it does not lower the value."""
    lowest = point.value - _ROUNDING * (1 + abs(point.value))
    share = 1.0
    while share > _ROUNDING:
        stepped = evaluate(point.coefficients + share * step)
        if stepped.value >= lowest:
            return stepped
        share /= 2
    msg = f"{name} did not converge: no step raises the likelihood"
    raise ConvergenceError(msg)
