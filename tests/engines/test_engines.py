"""What stands in the way of an engine is told before anything is done."""

from __future__ import annotations

import socket
import sys
from contextlib import closing

import pytest

from evalharness import engines
from evalharness.errors import ConfigError


def test_missing_ray_is_told_with_the_command_that_installs_it(monkeypatch):
    """Ray is an extra that few people have."""
    monkeypatch.setitem(sys.modules, "ray", None)
    spec = engines.EngineSpec(name=engines.RAY)

    with (
        pytest.raises(ConfigError, match=r"pip install 'evalharness\[ray\]'"),
        engines.opened(spec),
    ):
        pass


def test_an_unreachable_cluster_is_told_in_one_line():
    """Ray itself would try for a minute and end with a traceback."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'evalharness[ray]'")
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    spec = engines.EngineSpec(name=engines.RAY, address=f"127.0.0.1:{port}")

    with pytest.raises(ConfigError) as caught, engines.opened(spec):
        pass

    assert str(caught.value).startswith(f"engine.address=127.0.0.1:{port}: no Ray cluster")
    assert "\n" not in str(caught.value)
