"""What stands in the way of an engine is told before anything is done."""

from __future__ import annotations

import socket
import sys
import threading
from contextlib import closing

import pytest

from evalharness.backends import ENGINE_NAMES, RAY_ENGINE, EngineSpec, open_engine
from evalharness.cli import main
from evalharness.config import load_settings
from evalharness.errors import ConfigError


@pytest.mark.parametrize("verb", ["plan", "run"])
def test_missing_ray_is_told_with_the_command_that_installs_it(tmp_path, monkeypatch, capsys, verb):
    """Ray is an extra that few people have."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "ray", None)

    code = main([verb, "+models=[vicuna-13b]", "judge=scripted", "engine=ray"])

    assert code == 2
    assert "engine=ray: Ray is not installed: pip install 'evalharness[ray]'" in (
        capsys.readouterr().err
    )


def test_an_unreachable_cluster_is_told_in_one_line():
    """Ray itself would try for a minute and end with a traceback."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'evalharness[ray]'")
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    spec = EngineSpec(name=RAY_ENGINE, address=f"127.0.0.1:{port}")

    with pytest.raises(ConfigError) as caught, open_engine(spec):
        pass

    assert str(caught.value).startswith(f"engine.address=127.0.0.1:{port}: no Ray cluster")
    assert "\n" not in str(caught.value)


def test_what_listens_but_is_no_cluster_is_told_at_once():
    """Ray itself waits for two minutes, and then ends the process."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'evalharness[ray]'")
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_answer_as_a_web_server, args=(server,), daemon=True).start()
        spec = EngineSpec(name=RAY_ENGINE, address=f"127.0.0.1:{server.getsockname()[1]}")

        with pytest.raises(ConfigError, match="is no Ray cluster"), open_engine(spec):
            pass


def _answer_as_a_web_server(server):
    connection, _ = server.accept()
    with connection:
        connection.recv(64)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize("verb", ["plan", "run", "benchmark"])
def test_benchmarks_of_weights_on_nodes_are_refused_before_anything_is_done(
    tmp_path, monkeypatch, capsys, verb
):
    """The cluster of this test does not exist, and is not even looked for."""
    monkeypatch.chdir(tmp_path)
    model = "models.vicuna-13b"
    arguments = ["+models=[vicuna-13b]", f"{model}.weights=here", "benchmarks=openllm_v1"]
    engine = ["engine=ray", "engine.address=127.0.0.1:1", "judge=scripted", "questions=quick"]

    code = main([verb, *arguments, *engine])

    said = capsys.readouterr().err
    assert code == 2
    assert "`benchmark` with engine=local and the same run=NAME" in said
    assert list(tmp_path.iterdir()) == []


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
        load_settings(["+experiment=demo", "engine=ray", override])

    assert str(caught.value).startswith(said)


def test_the_engine_changes_neither_the_name_of_a_run_nor_what_is_asked():
    """A run that was begun on one machine is continued on many."""
    local, ray = (load_settings(["+experiment=demo", f"engine={name}"]) for name in ENGINE_NAMES)

    assert local.run == ray.run
    assert ray.engine == EngineSpec(name=RAY_ENGINE)
