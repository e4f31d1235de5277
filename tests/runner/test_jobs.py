"""Test jobs: one per model, each with its own shard, merged into one run."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from server import serving

from evalharness.cli.overrides.multirun import run_requested_jobs
from evalharness.domain import RunStage
from evalharness.errors import ConfigError
from evalharness.store import (
    SHARD_RUN_NAME,
    RunFolder,
    locate_shard,
    read_run,
    wait_for_shard_writer,
)

BOTH = (RunStage.ANSWER, RunStage.JUDGE)
MODELS = ("vicuna-13b", "alpaca-7b")
SETTINGS = (
    *(f"models.{name}.backend=scripted" for name in MODELS),
    "judge=scripted",
    "questions=quick",
    "questions.limit=2",
)
SWEPT = ("-m", "+models=[vicuna-13b],[alpaca-7b]", *SETTINGS)


def _run(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "evalharness", "run", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def _content(path):
    records = read_run(path)
    return (
        {answer.digest: [turn.text for turn in answer.turns] for answer in records.answers},
        {judgment.digest for judgment in (*records.graded, *records.games)},
    )


def test_jobs_of_a_queue_write_the_run_that_one_process_writes(tmp_path):
    """Submitit's local executor launches the jobs as SLURM would."""
    reason = "submitit is not installed: pip install 'evalharness[slurm]'"
    pytest.importorskip("submitit", reason=reason)
    results = tmp_path / "results"

    swept = _run(tmp_path, *SWEPT, "hydra/launcher=processes", "run=swept")
    alone = _run(tmp_path, "+models=[vicuna-13b,alpaca-7b]", *SETTINGS, "run=alone", "cache=off")

    shards = sorted(path.parent.name for path in results.glob("swept/shards/*/answers"))
    assert (swept.returncode, alone.returncode) == (0, 0), swept.stderr + alone.stderr
    assert shards == sorted(MODELS)
    assert _content(results / "swept") == _content(results / "alone")
    assert len(_content(results / "swept")[0]) == 4


def test_the_same_command_repeats_what_a_job_failed_to_do(tmp_path):
    """The run lists the failures of a job; the same command repeats them."""
    settings = [each for each in SWEPT if each != "models.alpaca-7b.backend=scripted"]
    with serving("--behaviors", "context_length") as url:
        served = (
            "models.alpaca-7b.backend=openai_compatible",
            f"models.alpaca-7b.base_url={url}/v1",
        )
        first = _run(tmp_path, *settings, *served, "run=r")
        failed = read_run(tmp_path / "results/r").failures
        again = _run(tmp_path, *settings, *served, "run=r")

    records = read_run(tmp_path / "results/r")
    assert (first.returncode, again.returncode) == (1, 0), first.stderr + again.stderr
    assert [failure.model for failure in failed] == ["alpaca-7b"]
    assert len(records.answers) == 4
    assert records.failures == ()


QUEUE = {
    "srun": "",
    "sacct": "print('JobID|State|NodeList|\\n7_0|CANCELLED by 0||\\n7_1|RUNNING|here|')",
    "sbatch": """
import os, shlex, subprocess, sys
command = shlex.split(open(sys.argv[-1]).read().splitlines()[-1])
names = "NTASKS=1 JOB_NUM_NODES=1 NODEID=0 PROCID=0 LOCALID=0 JOB_NODELIST=here JOB_ID=9"
there = dict(pair.split("=") for pair in f"{names} ARRAY_JOB_ID=7 ARRAY_TASK_ID=1".split())
place = {f"SLURM_{name}": value for name, value in there.items()}
subprocess.Popen(
    command[command.index("-u") - 1 :],
    env=os.environ | place | {"SUBMITIT_EXECUTOR": "slurm"},
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
)
print("Submitted batch job 7")
""",
}
"""A queue that takes two jobs, loses the first and does the second, by the commands of SLURM."""


def test_a_job_that_the_queue_lost_is_named_and_the_others_are_waited_for(tmp_path, monkeypatch):
    """The other answers are judged, and the same command repeats the lost job."""
    pytest.importorskip("submitit", reason="submitit is not installed")
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, text in QUEUE.items():
        (commands / name).write_text(f"#!{sys.executable}\n{text}")
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")

    first = _run(tmp_path, *SWEPT, "hydra/launcher=slurm", "run=r")
    answered = {answer.model for answer in read_run(tmp_path / "results/r").answers}
    again = _run(tmp_path, *SWEPT, "run=r")

    assert first.returncode == 1
    assert "job vicuna-13b: was lost by its queue (CANCELLED by 0): its log" in first.stderr
    assert answered == {"alpaca-7b"}
    assert again.returncode == 0, again.stderr
    assert len(read_run(tmp_path / "results/r").answers) == 4


def test_a_job_waits_while_an_earlier_one_writes_its_shard(tmp_path):
    """A queue continues its jobs after the launching command was stopped."""
    place = locate_shard(tmp_path, "vicuna-13b")
    with ThreadPoolExecutor() as threads:
        with RunFolder.open(place / SHARD_RUN_NAME):
            waiting = threads.submit(wait_for_shard_writer, place)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
        waiting.result(timeout=10)
    wait_for_shard_writer(locate_shard(tmp_path, "alpaca-7b"))  # which no process wrote


def _questions():
    from evalharness.config import load_settings

    settings = load_settings(["+models=[vicuna-13b]", *SETTINGS[0:1], *SETTINGS[2:]])
    return [question.question_id for question in settings.run.questions]


def test_names_of_any_kind_are_swept(tmp_path):
    """Two providers' models of one id, of which one is a variant: three jobs, three candidates."""
    providers = tmp_path / "own/providers"
    providers.mkdir(parents=True)
    for name in ("lab", "shop"):
        (providers / f"{name}.yaml").write_text("backend: scripted\n")

    done = _run(
        tmp_path,
        "-m",
        "models=lab/zz.1,shop/zz.1,lab/zz.1?temperature=1",
        "models.lab/zz.1.system=hi",
        *SETTINGS[2:],
        "run=r",
        "--config-dir",
        "own",
    )

    records = read_run(tmp_path / "results/r")
    assert done.returncode == 0, done.stderr
    assert sorted({answer.model for answer in records.answers}) == [
        "lab/zz.1",
        "shop/zz.1",
        "zz.1 (temperature=1)",
    ]
    assert len(records.answers) == 6
    assert records.failures == ()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-m", *SETTINGS[2:]), "one job per model"),
        ((*SWEPT, "budget.calls=5"), "hold in one process"),
        ((*SWEPT[:-3], "judge=gpt-4"), "judge gpt-4"),
        ((*SWEPT, "hydra/launcher=nope"), "hydra/launcher"),
    ],
    ids=["no models", "budget", "no key", "no such launcher"],
)
def test_what_would_fail_after_hours_is_refused_before_a_job_is_launched(
    tmp_path, monkeypatch, arguments, said
):
    """A job may wait in a queue for a day before it starts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    with pytest.raises(ConfigError, match=said):
        run_requested_jobs(arguments, BOTH)

    assert not list(tmp_path.rglob("answers.jsonl"))


def test_a_missing_launcher_is_reported_with_the_command_that_installs_it(tmp_path, monkeypatch):
    """The message of Hydra would only name a missing file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "submitit", None)

    with pytest.raises(ConfigError, match=r"pip install 'evalharness\[slurm\]'"):
        run_requested_jobs((*SWEPT, "hydra/launcher=slurm"), BOTH)


def test_without_the_flag_everything_is_left_to_this_process():
    """Jobs are launched only with the flag."""
    left = run_requested_jobs(["+models=[a]"], BOTH)

    assert (left.arguments, left.stages, left.problems) == (["+models=[a]"], list(BOTH), ())
