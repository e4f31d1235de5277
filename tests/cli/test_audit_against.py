"""`audit --against`: judges that are the same, changed, noisy or down; every call is counted."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from server import Server, serving
from server_replies import Behavior

from evalharness.cli import main

LIMIT = 40
HALF = 30
SETTINGS = (
    "models=[vicuna-13b,alpaca-7b]",
    "models.vicuna-13b.backend=scripted",
    "models.alpaca-7b.backend=scripted",
    "judge=scripted",
    "judge.model.backend=openai_compatible",
    "questions.limit=8",
    "run=tonight",
)
AGAINST = ("audit", "--against", "tonight", f"audit.against.limit={LIMIT}")
RUN = Path("results/tonight")


@pytest.fixture(autouse=True)
def in_a_temporary_folder(tmp_path, monkeypatch):
    """Write results to a temporary folder."""
    monkeypatch.chdir(tmp_path)


def at(root):
    """Return the override that sends the judge to a server."""
    return f"judge.model.base_url={root}/v1"


def calls(root):
    """Return the number of calls that a server received."""
    with urllib.request.urlopen(f"{root}/calls") as reply:  # noqa: S310 - the test server
        return json.load(reply)["total"]


def card():
    """Return the report of the last check."""
    return json.loads((RUN / "drift.json").read_text())


def rows():
    """Return the stored replies."""
    path = RUN / "drift.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def test_the_same_judge_is_found_unchanged_and_asked_twice_for_each(capsys):
    """The check does not use the cache, which has all these replies; a new check repeats all calls."""
    with serving() as root:
        assert main(["run", *SETTINGS, at(root)]) == 0
        before = calls(root)
        table = (RUN / "leaderboard.json").read_bytes()
        capsys.readouterr()

        assert main([*AGAINST, at(root)]) == 0
        assert calls(root) - before == 2 * LIMIT
        said = capsys.readouterr().out
        assert "No change found in scripted: a change of " in said
        assert main([*AGAINST, at(root)]) == 0
        assert calls(root) - before == 4 * LIMIT

    assert (card()["number"], card()["is_complete"]) == (2, True)
    assert sorted({row["number"] for row in rows()}) == [1, 2, 3, 4]
    assert len(rows()) == len({row["digest"] for row in rows()}) == 4 * LIMIT
    assert (RUN / "leaderboard.json").read_bytes() == table
    page = (RUN / "report.html").read_text()
    assert "Has the judge changed?" in page
    assert "No change found in scripted" in page
    assert "Its server said that it ran scripted" in page


def test_a_judge_that_behaves_otherwise_behind_the_same_name_is_found(capsys):
    """The exit code is 1, and the leaderboard has a caution."""
    with serving() as root:
        main(["run", *SETTINGS, at(root)])
    capsys.readouterr()
    with serving("--always", "for_first") as root:
        assert main([*AGAINST, at(root)]) == 1

    said = capsys.readouterr().out
    assert "The judge scripted has changed: " in said
    assert "asked with another base_url than in the run" in said
    tests = {test["name"]: test for test in card()["judges"][0]["tests"]}
    assert tests["verdicts"]["is_significant"]
    assert tests["verdict_shares"]["words"].startswith("first place: ")
    assert "100% now" in tests["verdict_shares"]["words"]
    assert tests["mean_grade"]["value"] > 1
    for name in ("leaderboard.md", "report.html"):
        assert "Judgments made now do not continue this table" in (RUN / name).read_text()


def test_a_judge_that_only_varies_is_reported_as_unchanged():
    """Its verdicts differ as much from each other as from the earlier ones."""
    with serving("--always", "noisy") as root:
        main(["run", *SETTINGS, at(root)])
        assert main([*AGAINST, at(root)]) == 0

    judge = card()["judges"][0]
    assert judge["kappa_now"]["value"] < 0.5
    assert judge["kappa_then"]["value"] < 0.5


def test_a_server_that_goes_down_costs_no_repeated_call(capsys):
    """Received replies are kept; the same command makes only the remaining calls."""
    with serving() as root:
        main(["run", *SETTINGS, at(root)])
    port = int(root.rpartition(":")[2])

    async def check(behavior):
        async with Server(behavior, port=port) as server:
            code = await asyncio.to_thread(main, [*AGAINST, at(root)])
            return code, len(server.calls)

    def goes_down(call):
        return Behavior.OK if call.number <= HALF else Behavior.FORBIDDEN

    code, asked = asyncio.run(check(goes_down))
    assert (code, len(rows())) == (3, HALF)
    assert asked > HALF
    assert not card()["is_complete"]
    assert card()["judges"][0]["finding"] == "cannot tell"
    assert "probe failed for scripted" in capsys.readouterr().err
    assert asyncio.run(check(Behavior.OK)) == (0, 2 * LIMIT - HALF)
    assert (card()["number"], card()["is_complete"]) == (1, True)
    assert len(rows()) == 2 * LIMIT


def test_a_killed_check_is_resumed():
    """After SIGKILL, no call is repeated whose reply was stored."""
    with serving("--latency", "0.05") as root:
        main(["run", *SETTINGS, at(root)])
        before = calls(root)
        process = subprocess.Popen(
            [sys.executable, "-m", "evalharness", *AGAINST, at(root), "judge.model.concurrency=1"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ,
        )
        while len(rows()) < 10 and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept = {row["digest"]: row for row in rows()}
        assert 10 <= len(kept) < 2 * LIMIT
        assert not (RUN / "drift.json").exists()

        assert main([*AGAINST, at(root), "judge.model.concurrency=1"]) == 0
        # One call was in flight when the process died, and its reply was lost.
        assert calls(root) - before <= 2 * LIMIT + 1

    after = {row["digest"]: row for row in rows()}
    assert len(after) == 2 * LIMIT
    assert kept.items() <= after.items()
    assert card()["number"] == 1


def test_plan_says_what_a_check_asks_and_costs_and_asks_nothing(capsys):
    """The cost is estimated from the usage of the same calls in the run."""
    prices = ("judge.model.prices.input=10", "judge.model.prices.output=30")
    with serving() as root:
        main(["run", *SETTINGS, at(root)])
        before = calls(root)
        capsys.readouterr()
        assert main(["plan", *AGAINST[1:], at(root), *prices]) == 0
        assert calls(root) == before

    said = capsys.readouterr().out
    assert "20 games and 20 grades of that run, each asked again 2 times" in said
    assert "calls     80, 0 made already; cost $0." in said
    assert not (RUN / "drift.jsonl").exists()
    assert main(["plan", *AGAINST[1:], "judge=gpt-4", "judge.name=scripted"]) == 0
    said = capsys.readouterr().out
    assert "setting   name is another" in said
    assert "setting   backend is another" not in said


def test_the_example_of_the_documentation_prints_the_documented_output(capsys):
    """Its two commands print the output that the page shows."""
    text = (Path(__file__).parents[2] / "docs/drift.md").read_text().partition("## An example")[2]
    commands = [shlex.split(line) for line in text.splitlines() if line.startswith("python -m")]
    for command in commands:
        capsys.readouterr()
        assert main(command[3:]) == 0

    told = text.partition("```text\n")[2].partition("```")[0]
    assert capsys.readouterr().out.rpartition("report: ")[0] == told


def change(name, old, new):
    """Replace text in a file of the run."""
    path = RUN / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("spoil", "overrides", "said"),
    [
        (None, ("judge=gpt-4",), "tonight was judged by scripted, not by gpt-4"),
        (
            None,
            ("judge=scripted", "prompts@judge.prompts.graded=rubric"),
            "asked in other words (its graded prompt graded changed)",
        ),
        (None, ("judge.repairs=1",), "asked in other words (repairs changed)"),
        (
            lambda: change("answers.jsonl", "This is reply", "That is reply"),
            (),
            "40 of the 40 judgments to be asked again are not of the questions, answers and prompts",
        ),
        (
            lambda: change("config.yaml", "a careful expert", "an expert"),
            (),
            "are not of the questions, answers and prompts that stand there now (question ",
        ),
        (
            lambda: change("judgments.jsonl", '"prompt":"graded"', '"prompt":"graded-2"'),
            (),
            "judged with the prompt 'graded-2', which is none of the run's own (graded, pairwise)",
        ),
        (None, ("audit.against.limit=12",), "holds 12 judgments by scripted to ask again"),
        (None, ("audit.against.alpha=2",), "audit.against.alpha=2"),
    ],
)
def test_a_check_that_cannot_show_drift_is_refused_before_any_call(spoil, overrides, said, capsys):
    """Another judge, prompt or answer, or too few judgments: each message says what to do."""
    settings = [each for each in SETTINGS if "backend=openai" not in each]
    main(["run", *settings])
    if spoil:
        spoil()
    capsys.readouterr()

    assert main([*AGAINST, *overrides]) == 2
    assert said in capsys.readouterr().err
    assert not (RUN / "drift.jsonl").exists()


def test_a_run_that_is_not_there_and_one_without_a_judge_are_refused(capsys):
    """There are no judgments to compare with."""
    assert main(["audit", "--against", "nowhere"]) == 2
    assert "there is no run here" in capsys.readouterr().err
