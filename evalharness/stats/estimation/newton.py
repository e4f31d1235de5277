"""Maximize a function with a unique maximum by Newton's method with step halving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from evalharness.errors import ConvergenceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalharness.stats.arrays import FloatArray

_ROUNDING = 1e-12
"""A decrease by at most this share may be only rounding."""


class NewtonPoint(Protocol):
    """A point of the function, with the value of the function."""

    @property
    def coefficients(self) -> FloatArray:
        """The coordinates of the point."""

    @property
    def value(self) -> float:
        """The value of the function at the point."""


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
    """Return the maximum of a function, and the number of steps taken.

    Args:
        evaluate: a function that returns the point at given coefficients.
        compute_step: a function that returns the full step from a point.
        check: a function that receives each point after a step. It returns this point or an
            equivalent one, or raises.
        start: the coefficients to start from.
        smallest_step: the method has converged if no entry of a step is larger than this.
        max_iterations: the maximum number of steps.
        name: the subject of error messages, such as `the logistic fit`.
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
