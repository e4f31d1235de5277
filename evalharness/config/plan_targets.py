"""Check the differences between models that a plan should be able to detect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalharness.domain import PlanTargets
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


def build_plan_targets(conf: Mapping[str, Any]) -> PlanTargets:
    """Return the differences that a plan should be able to detect.

    Args:
        conf: the section `plan` of the configuration.

    Raises:
        ConfigError: a difference is not above zero.
    """
    for name, points in conf.items():
        if points is not None and not points > 0:
            msg = f"plan.{name}={points:g}: must be above 0, in points of {name}"
            raise ConfigError(msg)
    return PlanTargets(**conf)
