"""Whole runs on the command line whose only server goes away at its fortieth call."""

from __future__ import annotations

import asyncio
import json
import os

from readme_run import command, environment
from server import Behavior, Server

_DIES_AT = 40


async def _run_with_lost_server(folder, *, back_after_s: float | None, settings: dict[str, int]):
    """Return the exit code and the words of a run, and the calls of both lives of the server."""
    died = asyncio.Event()

    def choose(call):
        if call.number >= _DIES_AT:
            died.set()
            return Behavior.DISCONNECT
        return Behavior.OK

    async with Server(choose) as first:
        places = ("models.vicuna-13b", "models.alpaca-7b", "judge.model")
        overrides = [
            f"{place}.{key}={value}" for place in places for key, value in settings.items()
        ]
        running = await asyncio.create_subprocess_exec(
            *command(first.root, *overrides),
            cwd=folder,
            env=environment(folder) | {"PYTHONPATH": os.environ.get("PYTHONPATH", "")},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        talking = asyncio.create_task(running.communicate())
        await asyncio.wait_for(died.wait(), 60)
    second = Server(port=first.port)
    if back_after_s is not None:
        await asyncio.sleep(back_after_s)
        async with second:
            said, _ = await talking
    else:
        said, _ = await talking
    return running.returncode, said.decode(), first.calls, second.calls


async def test_a_server_that_comes_back_costs_nothing(tmp_path):
    """The calls wait for it, and the run ends as if nothing had been."""
    code, said, before, after = await _run_with_lost_server(tmp_path, back_after_s=3.0, settings={})

    folder = tmp_path / "results/mine"
    assert code == 0, said
    assert not (folder / "failures.jsonl").exists() or not (folder / "failures.jsonl").read_text()
    assert (folder / "report.html").exists()
    assert len(before) < _DIES_AT + 64
    assert len(after) > _DIES_AT


async def test_a_server_that_never_comes_back_leaves_a_page_and_a_list_of_failures(tmp_path):
    """It is tried a few times; each missing answer has its cause, and the run can be continued."""
    code, said, _, _ = await _run_with_lost_server(
        tmp_path, back_after_s=None, settings={"give_up_after": 3}
    )

    folder = tmp_path / "results/mine"
    assert code == 1, said
    assert "Traceback" not in said
    failures = [json.loads(line) for line in (folder / "failures.jsonl").read_text().splitlines()]
    assert failures
    assert all("connection" in str(each) for each in failures)
    assert (folder / "report.html").exists()
    assert (folder / "manifest.json").exists()
