"""The verb `benchmark`: checkpoints, kills, shared results and refusals."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import checkpoints
import pytest
from benchmark_suites import GSM8K, write_lines
from readme_run import calls
from server import serving

from evalharness.cli import main
from evalharness.cli.terminal.exit_codes import INTERRUPTED, REFUSED
from evalharness.store import read_benchmark_results, read_run

VICUNA = "models.vicuna-13b"


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Return a folder with a tiny model."""
    return checkpoints.save(tmp_path_factory.mktemp("weights"))


def _of(model, weights):
    return [
        f"models.{model}.weights={weights}",
        f"models.{model}.context_length=256",
        f"models.{model}.template=tokenizer",
    ]


def _command(weights, *overrides):
    return [
        *(sys.executable, "-X", "importtime", "-m", "evalharness", "benchmark"),
        *("models=[vicuna-13b]", "run=mine", *_of("vicuna-13b", weights), *overrides),
    ]


def _run(weights, folder, *overrides):
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        _command(weights, *overrides), cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done


def _times(run):
    return {path.name: path.stat().st_mtime_ns for path in (run / "benchmarks").glob("*.json")}


def _worked(process):
    """Return the processor time of a process, in seconds."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.weights
def test_a_kill_costs_only_what_was_unfinished(tmp_path, weights):
    """A finished benchmark is not repeated, and the scores are those of an uninterrupted run."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    _run(weights, whole)
    cut.mkdir()
    process = subprocess.Popen(
        _command(weights), cwd=cut, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    run = cut / "results" / "mine"
    while not (finished := _times(run)):
        assert process.poll() is None
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()

    _run(weights, cut)

    assert {name: _times(run)[name] for name in finished} == finished
    scores = [(each / "results/mine/benchmarks.jsonl").read_text() for each in (whole, cut)]
    assert scores[0] == scores[1]
    before = _times(run)
    again = _run(weights, cut)
    assert _times(run) == before
    assert "lm_eval" not in again.stderr
    assert "torch" not in again.stderr


@pytest.mark.parametrize("cache", ["cache=on", "cache=off"])
def test_a_kill_pays_for_no_reply_of_an_endpoint_twice(tmp_path, cache):
    """A benchmark is complete with its last reply; each reply is stored until then."""
    rows, in_flight = 40, 2
    write_lines(tmp_path / "tasks/rows.jsonl", [{"q": f"{n}?", "a": "b"} for n in range(rows)])
    (tmp_path / "tasks/mine.yaml").write_text(
        "task: my_task\ndataset_path: json\ndataset_kwargs: {data_files: {test: rows.jsonl}}\n"
        "test_split: test\ndoc_to_text: '{{q}}'\ndoc_to_target: '{{a}}'\n"
    )
    with serving("--latency", "0.05") as url:
        command = [
            *(sys.executable, "-m", "evalharness", "benchmark", "models=[vicuna-13b]", "run=mine"),
            *(f"{VICUNA}.backend=openai_compatible", f"{VICUNA}.base_url={url}/v1", cache),
            *(f"{VICUNA}.concurrency={in_flight}", "benchmarks=[my_task]"),
            f"benchmarks.folders=[{tmp_path / 'tasks'}]",
        ]
        process = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while sum(calls(url).values()) < rows // 2:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not _times(tmp_path / "results/mine")
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        asked = sum(calls(url).values())

    assert done.returncode == 0, done.stderr[-2000:]
    assert rows <= asked <= rows + in_flight
    assert [each.scores[0].n for each in read_benchmark_results(tmp_path / "results/mine")] == [
        rows
    ]


@pytest.mark.weights
def test_an_interrupt_in_the_middle_of_a_reply_ends_in_order(tmp_path, weights):
    """The thread of the model stops at the next token; otherwise the process would crash."""
    tasks = tmp_path / "tasks"
    write_lines(tasks / "rows.jsonl", [{"q": "a", "a": "b"}] * 400)
    (tasks / "long.yaml").write_text(
        "task: long\ndataset_path: json\ndataset_kwargs: {data_files: {test: rows.jsonl}}\n"
        "test_split: test\ndoc_to_text: '{{q}}'\ndoc_to_target: '{{a}}'\n"
        "generation_kwargs: {until: [], max_gen_toks: 200}\n"
    )
    command = _command(weights, "benchmarks=[smoke_facts,long]")
    command += [f"benchmarks.folders=[tasks/smoke,{tasks}]", "benchmarks.batch_size=1"]
    told = tmp_path / "told"
    with told.open("w") as file:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=file)
    run = tmp_path / "results" / "mine"
    while not _times(run):
        assert process.poll() is None
        time.sleep(0.001)
    begun = _worked(process)
    while _worked(process) < begun + 1:  # in the middle of the long one
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)

    assert process.wait(60) == INTERRUPTED
    assert told.read_text().splitlines()[-1] == "evalharness: interrupted; the same command resumes"
    assert (run / "report.html").is_file()


@pytest.mark.weights
def test_equal_models_share_a_result_and_a_chat_template_makes_another(tmp_path, weights):
    """A setting that does not change the prompts of a benchmark does not repeat it."""
    both = ["models=[vicuna-13b,alpaca-7b]", *_of("alpaca-7b", weights), "benchmarks=[smoke_sums]"]
    both += ["benchmarks.folders=[tasks/smoke]"]
    _run(weights, tmp_path, *both)
    run = tmp_path / "results" / "mine"
    results = {each.model: each for each in read_benchmark_results(run)}

    assert results["vicuna-13b"].digest == results["alpaca-7b"].digest
    shared = [each.about.get("same_as") for each in results.values()]
    assert sorted(map(bool, shared)) == [False, True]
    prompt = read_run(run).samples[0].prompt
    assert prompt.startswith("What is")

    _run(weights, tmp_path, *both, "benchmarks.chat_template=true")
    asked = read_run(run)
    assert {each.chat_template for each in asked.benchmarks} == {True}
    assert {each.prompt[:11] for each in asked.samples} == {"<s><|user|>"}
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["benchmarks"]["vicuna-13b"]["custom/smoke_sums"]["chat_template"]


@pytest.mark.weights
def test_a_run_has_judged_quality_and_benchmarks_in_one_table(tmp_path):
    """One command gives both; published scores are separate from measured ones."""
    with serving() as url:
        command = [
            *(sys.executable, "-m", "evalharness", "run", "models=[vicuna-13b,vicuna-7b]"),
            *(f"models.{name}.backend=openai_compatible" for name in ("vicuna-13b", "vicuna-7b")),
            *(f"models.{name}.base_url={url}/v1" for name in ("vicuna-13b", "vicuna-7b")),
            *("judge=scripted", "questions.limit=2", "run=mine", "benchmarks=[smoke_sums]"),
            *("benchmarks.folders=[tasks/smoke]", "benchmarks.published=true"),
        ]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    run = tmp_path / "results" / "mine"
    for row in json.loads((run / "leaderboard.json").read_text()):
        assert row["rating"] is not None
        assert row["benchmarks"] == {"smoke_sums": 0.0}
    page = (run / "report.html").read_text()
    assert "published: <a href" in page
    assert "lmsys/vicuna-7b-v1.5" in page
    assert "smoke_sums" in (run / "leaderboard.csv").read_text()


def _refused(capsys, *arguments):
    code = main(["benchmark", *arguments])
    told = capsys.readouterr()
    assert code == REFUSED
    assert told.out == ""
    return told.err


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (["benchmarks=hellaswagg"], "no task, group or tag 'hellaswagg'; did you mean hellaswag"),
        (["benchmarks=smoke", "benchmarks.limit=0"], "benchmarks.limit=0: must be at least 1"),
        (["benchmarks=./nowhere"], "there is no such folder"),
        (["benchmarks=[a,]"], "is no name of a task"),
        (["benchmarks=gsm8k", "benchmarks.data_dir=nowhere"], "data_dir=nowhere: there is no such"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_done(
    tmp_path, monkeypatch, capsys, weights, overrides, problem
):
    """In one or two lines, with a valid value."""
    monkeypatch.chdir(tmp_path)
    told = _refused(capsys, "models=[vicuna-13b]", *_of("vicuna-13b", weights), *overrides)

    assert problem in told
    assert not list(tmp_path.glob("results/*/*.jsonl"))


def test_without_lm_eval_the_installation_command_is_printed(
    tmp_path, monkeypatch, capsys, weights
):
    """The message has one pip command, and no traceback."""
    found = importlib.util.find_spec
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *_: None if name == "lm_eval" else found(name)
    )

    told = _refused(capsys, "models=[vicuna-13b]", *_of("vicuna-13b", weights), "benchmarks=smoke")

    assert "pip install 'evalharness[benchmarks]'" in told


def test_a_wrong_column_is_reported_with_its_location(tmp_path, monkeypatch, capsys, weights):
    """File, row and column."""
    monkeypatch.chdir(tmp_path)
    write_lines(tmp_path / "data/gsm8k/train.jsonl", [GSM8K])
    write_lines(tmp_path / "data/gsm8k/test.jsonl", [GSM8K, {"Question": "?", "answer": "#### 1"}])
    told = _refused(
        capsys,
        *("models=[vicuna-13b]", *_of("vicuna-13b", weights)),
        *("benchmarks=gsm8k", f"benchmarks.data_dir={tmp_path / 'data'}"),
    )

    assert "gsm8k/test.jsonl:2: column 'question' is missing; there are: Question, answer" in told


def test_unavailable_data_is_refused_with_the_setting_that_provides_it(
    tmp_path, monkeypatch, capsys, weights
):
    """The library of the hub would retry for minutes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    told = _refused(
        capsys, "models=[vicuna-13b]", *_of("vicuna-13b", weights), "benchmarks=hellaswag"
    )

    assert "Rowan/hellaswag is not on this machine, and HF_HUB_OFFLINE forbids" in told
    assert "benchmarks.data_dir=DIR" in told


def test_recorded_answers_alone_cannot_be_benchmarked(tmp_path, monkeypatch, capsys):
    """There is no model to call."""
    monkeypatch.chdir(tmp_path)
    answers = write_lines(tmp_path / "answers.jsonl", [])
    told = _refused(
        capsys,
        *("models=[vicuna-13b]", f"{VICUNA}.backend=recorded", f"{VICUNA}.answers={answers}"),
        "benchmarks=smoke",
    )

    assert "nothing" in told
