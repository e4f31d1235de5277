"""Ctrl-C in real child processes: once, calls in flight finish; twice, the process ends at once."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time

import pytest
from readme_run import (
    ALL_CALLS,
    IN_FLIGHT,
    JUDGE_CALLS,
    SLOWLY,
    TRIAL_CALLS,
    calls,
    command,
    environment,
    records,
    run,
)
from server import serving

from evalharness.backends import StopSignal
from evalharness.cli.terminal.interrupt import run_interruptible
from evalharness.store import read_run


@pytest.fixture(autouse=True)
def _hang_up_by_default():
    """Take SIGHUP as a terminal sends it, also where the tests were started with nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def _start(url, folder, *overrides, verb="run"):
    return subprocess.Popen(
        command(url, *SLOWLY, *overrides, verb=verb),
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _await_calls(process, url, least):
    while process.poll() is None and sum(calls(url).values()) < least:
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("number", "cache"), [(signal.SIGINT, "cache=on"), (signal.SIGHUP, "cache=off")]
)
def test_an_interrupt_keeps_what_was_asked_and_leaves_a_page(tmp_path, number, cache):
    """Every reply that the server sent is stored, so the next run makes only the other calls."""
    folder = tmp_path / "results/mine"
    with serving("--latency", "0.1") as url:
        process = _start(url, tmp_path, cache)
        _await_calls(process, url, 20)
        process.send_signal(number)
        said = process.communicate(timeout=60)
        asked, kept = sum(calls(url).values()), read_run(folder)
        page = (folder / "report.html").read_text()
        finished = run(url, tmp_path, cache)
        in_all = calls(url)

    assert process.returncode == 130, said
    assert "interrupted: waiting for the" in said[1]
    assert "the same command resumes" in said[1]
    stored = sum(len(answer.turns) for answer in kept.answers) + len(kept.judgments)
    assert 20 <= asked == stored + TRIAL_CALLS < ALL_CALLS
    assert page.lower().startswith("<!doctype html>")
    assert finished.returncode == 0
    assert (sum(in_all.values()), max(in_all.values())) == (ALL_CALLS, 1)
    assert len(read_run(folder).judgments) == JUDGE_CALLS


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_of_schedulers_and_terminals_count_as_ctrl_c(number):
    """Each sets the stop signal, and the work goes on to its own end."""
    stop = StopSignal()

    async def work():
        signal.raise_signal(number)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return stop.is_set

    assert run_interruptible(work(), stop) is True
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL


def test_nohup_is_respected():
    """A process that was told to ignore the end of its terminal goes on asking."""
    stop = StopSignal()

    async def work():
        signal.raise_signal(signal.SIGHUP)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return stop.is_set

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run_interruptible(work(), stop) is False
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_interrupt_ends_at_once(tmp_path):
    """A second Ctrl-C does not wait for a slow server; the received replies are kept."""
    with serving("--latency", "0.05", "--behaviors", ",".join(["ok"] * 12 + ["hang"] * 20)) as url:
        process = _start(url, tmp_path)
        _await_calls(process, url, 13)
        while process.poll() is None and records(tmp_path / "results/mine") < 12:
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        first = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        rest = process.communicate(timeout=30)
        took = time.monotonic() - began

    assert "waiting for the" in first
    assert process.returncode == 130
    assert took < 30  # the server never answers
    assert "at once" in rest[1]
    assert not (tmp_path / "results/mine/report.html").exists()
    assert records(tmp_path / "results/mine") == 12


def test_an_interrupted_wait_for_another_try_is_not_waited_for(tmp_path):
    """A call that waits 7 seconds for its next attempt is not in flight: the run ends now."""
    with serving("--behaviors", ",".join(["rate_limited"] * 50)) as url:
        process = _start(url, tmp_path)
        _await_calls(process, url, 4)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)
        asked = sum(calls(url).values())

    assert process.returncode == 130, said
    assert asked <= IN_FLIGHT
    assert records(tmp_path / "results/mine") == 0
    assert not read_run(tmp_path / "results/mine").failures


def test_an_interrupted_audit_keeps_its_replies(tmp_path):
    """The calls of an audit cost money too."""
    folder = tmp_path / "results/mine"
    with serving("--latency", "0.05") as url:
        run(url, tmp_path, *SLOWLY)
        before = sum(calls(url).values())
        process = _start(url, tmp_path, verb="audit")
        _await_calls(process, url, before + 10)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)
        asked = sum(calls(url).values()) - before
        kept = (folder / "probes.jsonl").read_bytes().count(b"\n")
        card = json.loads((folder / "audit.json").read_text())
        finished = run(url, tmp_path, *SLOWLY, verb="audit")

    assert process.returncode == 130, said
    assert 10 <= asked <= kept  # a repeated judgment can take two calls, and no reply is lost
    assert card["judges"]
    assert finished.returncode == 0
