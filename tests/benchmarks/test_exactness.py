"""Test that we find the same figures as lm-eval's own command line, without a network."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from evalharness.backends.local.embedded_model import (
    explain_missing_embedded_model,
    prepare_embedded_folder,
)

pytestmark = [pytest.mark.weights, pytest.mark.xdist_group("embedded")]

TASKS = ("arc_easy", "hellaswag", "winogrande", "gsm8k")
LIMIT, BATCH = 2, 2
CUT = """
import os, socket

def refuse(self, address, *_):
    with open(os.environ["ATTEMPTS"], "a") as file:
        print(address, file=file)
    raise OSError("there is no network in this test")

socket.socket.connect = socket.socket.connect_ex = refuse
"""

_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
FLOAT32_ROUNDING = 1e-6
"""Relative: some eight units in the last place of a float32."""


@pytest.fixture(scope="module")
def cut(tmp_path_factory):
    """Return the environment of a process without a network, which records each attempt to connect."""
    folder = tmp_path_factory.mktemp("cut")
    (folder / "sitecustomize.py").write_text(CUT)
    attempts = folder / "attempts"
    attempts.touch()
    return {**os.environ, "PYTHONPATH": str(folder), "ATTEMPTS": str(attempts)}


def _run(command, folder, environment):
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done


@pytest.fixture(scope="module")
def ours(tmp_path_factory, cut):
    """Return the folder of a run over local data, made without a network."""
    data = Path(os.environ.get("EVALHARNESS_DATA", Path(__file__).parents[2] / "../shared/data"))
    if not (data / "benchmarks").is_dir():
        pytest.skip(f"no data {data}/benchmarks; EVALHARNESS_DATA names their folder")
    if explain_missing_embedded_model():
        pytest.skip(explain_missing_embedded_model())
    folder = tmp_path_factory.mktemp("ours")
    command = [
        *(sys.executable, "-m", "evalharness", "benchmark", "models=[smollm2-135m-plain]"),
        f"benchmarks=[{','.join(TASKS)}]",
        f"benchmarks.data_dir={data.resolve() / 'benchmarks'}",
        *(f"benchmarks.limit={LIMIT}", f"benchmarks.batch_size={BATCH}", "run=mine"),
    ]
    _run(command, folder, cut)
    return folder / "results" / "mine"


@pytest.fixture(scope="module")
def theirs(tmp_path_factory, ours, cut):
    """Return the folder that lm-eval's command line writes for the same tasks and model."""
    folder = tmp_path_factory.mktemp("theirs")
    manifest = json.loads((ours / "manifest.json").read_text())
    about = manifest["benchmarks"]["smollm2-135m-plain"]
    (folder / "tasks").mkdir()
    for task in TASKS:
        made = Path(about[f"custom/{task}"]["include_path"][-1]) / f"{task}.yaml"
        (folder / "tasks" / made.name).write_text(made.read_text())
    command = [
        *(str(Path(sys.executable).with_name("lm_eval")), "run", "--model", "hf"),
        *(
            "--model_args",
            f"pretrained={prepare_embedded_folder()},dtype=float32",
            "--device",
            "cpu",
        ),
        *("--tasks", ",".join(TASKS), "--include_path", str(folder / "tasks")),
        *("--limit", str(LIMIT), "--batch_size", str(BATCH)),
        *("--log_samples", "--output_path", str(folder / "out")),
    ]
    _run(command, folder, cut | {"HF_HUB_OFFLINE": "1"})
    return folder / "out"


def _one(folder, pattern):
    (path,) = folder.rglob(pattern)
    return path


def test_figures_and_examples_are_those_of_lm_evals_command_line(ours, theirs, cut):
    """Whoever compares our table with a published one compares lm-eval's figures.

    One test, as both runs take long: every score and error, every prompt and reply are equal, and every
    log-likelihood is equal within float32's rounding.
    And nothing looks for a network, not even in vain: behind a firewall each attempt would cost its
    time limit.
    """
    for task in TASKS:
        assert _scores(ours, task) == _expected(theirs, task)
        found = _examples(_one(ours, f"*--{task}.samples.jsonl"))
        _check_equal_examples(found, _examples(_one(theirs, f"samples_{task}_*.jsonl")))
        assert len(found) >= LIMIT
    _check_what_is_said_of_a_stock_task(ours)
    assert Path(cut["ATTEMPTS"]).read_text() == ""


def _scores(ours, task):
    """Return a task's metrics with values and errors, as we keep them."""
    rows = [json.loads(line) for line in (ours / "benchmarks.jsonl").read_text().splitlines()]
    return {(row["metric"], row["value"], row["stderr"]) for row in rows if row["task"] == task}


def _expected(theirs, task):
    """Return the same as lm-eval's command line wrote it."""
    results = json.loads(_one(theirs, "results_*.json").read_text())["results"][task]
    found = {
        (key.removesuffix(",none"), value, results[key.replace(",", "_stderr,", 1)])
        for key, value in results.items()
        if "," in key and "_stderr" not in key
    }
    assert found
    return found


def _examples(path):
    """Return the responses of each example and the hashes of its prompts."""
    hashes = ("doc_hash", "prompt_hash", "target_hash")
    return {
        (row["doc_id"], row["filter"]): (str(row["resps"]).replace("'", ""), *map(row.get, hashes))
        for row in map(json.loads, path.read_text().splitlines())
    }


def _check_equal_examples(found, expected):
    """Compare prompts and replies exactly, and log-likelihoods within the rounding of float32.

    The library of matrix products may round differently from process to process, as its kernel depends
    on where in memory the numbers are.
    """
    assert found.keys() == expected.keys()
    for key, (responses, *hashes) in found.items():
        expected_responses, *expected_hashes = expected[key]
        assert hashes == expected_hashes
        assert _NUMBER.sub("#", responses) == _NUMBER.sub("#", expected_responses)
        numbers, others = (
            [float(number) for number in _NUMBER.findall(text)]
            for text in (responses, expected_responses)
        )
        assert numbers == pytest.approx(others, rel=FLOAT32_ROUNDING)


def _check_what_is_said_of_a_stock_task(ours):
    """Prompts, examples and metrics stay lm-eval's: the written file changes only the data's path."""
    manifest = json.loads((ours / "manifest.json").read_text())
    about = manifest["benchmarks"]["smollm2-135m-plain"]["custom/gsm8k"]
    written = yaml.safe_load((Path(about["include_path"][-1]) / "gsm8k.yaml").read_text())
    kept = {"include", "task", "dataset_path", "dataset_name", "dataset_kwargs"}
    splits = {"training_split", "validation_split", "test_split", "fewshot_split"}

    assert written.keys() <= kept | splits
    assert about["few_shot"] == {"gsm8k": 5}
    assert about["versions"] == {"gsm8k": 3.0}
    assert about["task_hashes"].keys() == {"gsm8k"}
