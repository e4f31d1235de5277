"""Check the engine: where models that need memory run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalharness.backends import ENGINE_NAMES, EngineSpec
from evalharness.domain import require_at_least, require_one_of
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


def build_engine_spec(conf: Mapping[str, Any]) -> EngineSpec:
    """Return the engine, which decides where models that need memory run.

    Args:
        conf: the section `engine` of the configuration.

    Raises:
        ConfigError: there is no such engine, or a number is out of its range.
    """
    require_one_of(conf["name"], ENGINE_NAMES, "engine")
    for name in ("replicas", "in_flight", "models_at_once"):
        if conf[name] is not None:
            require_at_least(conf[name], 1, f"engine.{name}")
    for name in ("num_gpus", "num_cpus"):
        require_at_least(conf[name] or 0, 0, f"engine.{name}")
    if (conf["num_gpus"] or 0) > 1 and not float(conf["num_gpus"]).is_integer():
        msg = f"engine.num_gpus={conf['num_gpus']}: must be a whole number, or a part of one GPU"
        raise ConfigError(msg)
    for name, amount in conf["resources"].items():
        require_at_least(amount, 0, f"engine.resources.{name}")
    return EngineSpec(**conf)
