"""What a plan is asked about, from the composed configuration's plain content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalharness.domain import PlanTargets
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


def build_plan_targets(conf: Mapping[str, Any]) -> PlanTargets:
    """Return the differences that a plan is asked about.

    Raises:
        ConfigError: one is not above zero.
    """
    for name, points in conf.items():
        if points is not None and not points > 0:
            msg = f"plan.{name}={points:g}: must be above 0, in points of {name}"
            raise ConfigError(msg)
    return PlanTargets(**conf)
