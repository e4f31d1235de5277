"""Without Ray, its engine says how to get it."""

from __future__ import annotations

import sys

import pytest

from evalharness import engines
from evalharness.errors import ConfigError


def test_missing_ray_is_told_with_the_command_that_installs_it(monkeypatch):
    """Ray is an extra that few people have."""
    monkeypatch.setitem(sys.modules, "ray", None)
    spec = engines.EngineSpec(name=engines.RAY)

    with pytest.raises(ConfigError, match=r"pip install 'evalharness\[ray\]'"), engines.opened(spec):
        pass
