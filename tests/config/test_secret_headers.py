"""Secrets in headers: sent from the environment, kept as a reference, and refused where written."""

from __future__ import annotations

import pytest
from background_server import serve_in_background
from server import Behavior, Server

from evalharness.cli import main
from evalharness.config import load_settings
from evalharness.errors import ConfigError

SECRET = "internal-gateway-2f9c81"  # noqa: S105 - in no form that anyone knows


@pytest.fixture(autouse=True)
def key(monkeypatch):
    """The judge's configuration names a key."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")


def _overrides(url, *more):
    return [
        "models=[vicuna-13b]",
        "models.vicuna-13b.backend=openai_compatible",
        f"models.vicuna-13b.base_url={url}",
        "models.vicuna-13b.headers={X-Gateway: '${oc.env:GATEWAY_PASS}', X-Team: research}",
        f"judge.model.base_url={url}",
        "judging.pairwise=false",
        "questions.limit=2",
        "run=secret",
        *more,
    ]


def test_a_secret_header_is_sent_and_stands_in_no_file(tmp_path, monkeypatch, capsys):
    """The run's folder can be shared; a server that repeats the header changes nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEWAY_PASS", SECRET)

    def refuse(body):
        if body["model"] != "vicuna-13b" or len(body["messages"]) < 3:
            return None
        return 400, {"error": {"message": f"no model for {SECRET}"}}

    with serve_in_background(Server(Behavior.OK, refuse=refuse)) as server:
        main(["run", *_overrides(server.url)])
        asked = [call for call in server.calls if call.model == "vicuna-13b"]

    assert {call.headers["X-Gateway"] for call in asked} == {SECRET}
    assert {call.headers["X-Team"] for call in asked} == {"research"}
    assert all("X-Gateway" not in call.headers for call in server.calls if call not in asked)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in "".join(capsys.readouterr())
    config = (tmp_path / "results" / "secret" / "config.yaml").read_text()
    assert "${oc.env:GATEWAY_PASS}" in config


def test_a_run_with_a_secret_header_goes_on_under_another_value(tmp_path, monkeypatch):
    """The reference is part of a model's identity, its value is not: secrets are renewed."""
    monkeypatch.chdir(tmp_path)
    with serve_in_background(Server()) as server:
        for value in (SECRET, "another-one-4c1d"):
            monkeypatch.setenv("GATEWAY_PASS", value)
            assert main(["run", *_overrides(server.url)]) == 0
        asked = [call for call in server.calls if call.model == "vicuna-13b"]

    assert {call.headers["X-Gateway"] for call in asked} == {SECRET}


def test_a_header_whose_variable_is_not_set_is_named_before_any_call(tmp_path, monkeypatch, capsys):
    """Without its header, every call would fail after the others were paid for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GATEWAY_PASS", raising=False)
    with serve_in_background(Server()) as server:
        assert main(["run", *_overrides(server.url)]) == 2
        assert server.calls == []

    assert "GATEWAY_PASS is not set" in capsys.readouterr().err


@pytest.mark.parametrize("header", ["Authorization", "X-Api-Key", "api-key", "Cookie", "X-Token"])
def test_a_written_secret_is_refused_with_the_way_to_write_it(header):
    """The configuration is kept and shown."""
    written = f"models.vicuna-13b.headers={{{header}: written-here}}"
    with pytest.raises(ConfigError) as caught:
        load_settings([*_overrides("http://127.0.0.1/v1"), written])

    assert f"models.vicuna-13b.headers.{header}: " in str(caught.value)
    assert "${oc.env:NAME}" in str(caught.value)
    assert "written-here" not in str(caught.value)


def test_a_secret_header_is_not_sent_without_encryption(monkeypatch):
    """Plain http to a stranger would show it to everyone on the way."""
    monkeypatch.setenv("GATEWAY_PASS", SECRET)
    from evalharness.backends import find_backend

    spec = load_settings(_overrides("http://models.example.com/v1")).run.models[0]

    assert "without encryption" in find_backend(spec.backend).explain_missing(spec)
