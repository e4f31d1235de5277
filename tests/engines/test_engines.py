"""What stands in the way of an engine is told before anything is done."""

from __future__ import annotations

import socket
import sys
from contextlib import closing

import pytest

from evalharness import config, engines
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


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("engine.num_gpus=1.5", "engine.num_gpus=1.5: must be a whole number"),
        ("engine.replicas=0", "engine.replicas=0: must be at least 1"),
        ("engine.in_flight=0", "engine.in_flight=0: must be at least 1"),
        ("engine.num_cpus=-1", "engine.num_cpus=-1"),
        ("engine.resources={a: -1}", "engine.resources.a=-1"),
        ("engine.name=rey", "engine=rey: must be one of local, ray; did you mean ray?"),
    ],
)
def test_settings_of_an_engine_out_of_their_range_are_refused(override, said):
    """Ray would find out when the run has begun, or never."""
    with pytest.raises(ConfigError) as caught:
        config.load(["+experiment=demo", "engine=ray", override])

    assert str(caught.value).startswith(said)


def test_the_engine_changes_neither_the_name_of_a_run_nor_what_is_asked():
    """A run that was begun on one machine is continued on many."""
    local, ray = (config.load(["+experiment=demo", f"engine={name}"]) for name in engines.NAMES)

    assert local.run == ray.run
    assert ray.engine == engines.EngineSpec(name=engines.RAY)
