"""Test lm-eval's tasks over local files in the layouts in which they are distributed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from benchmark_suites import (
    ARC,
    GSM8K,
    HELLASWAG,
    MMLU,
    TRUTHFULQA,
    WINOGRANDE,
    prepared,
    write_lines,
)

from evalharness.benchmarks.task_index import read_task_config
from evalharness.errors import ConfigError, InputError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    """Use a temporary cache for converted data."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _read(ready, split):
    """Return the rows of a split that lm-eval receives."""
    config = read_task_config(ready.folders[-1] / f"{ready.tasks[0]}.yaml")
    paths = config["dataset_kwargs"]["data_files"][split]
    return [json.loads(line) for path in paths for line in Path(path).read_text().splitlines()]


HUB = [
    ("arc_easy", "ai2_arc/ARC-Easy/test", "test", ARC),
    ("arc_challenge", "ai2_arc/ARC-Challenge/test", "test", ARC),
    ("hellaswag", "hellaswag/data/validation", "validation", HELLASWAG),
    ("winogrande", "winogrande/winogrande_xl/validation", "validation", WINOGRANDE),
    ("truthfulqa_mc2", "truthful_qa/multiple_choice/validation", "validation", TRUTHFULQA),
    ("mmlu_anatomy", "mmlu/anatomy/test", "test", MMLU),
]


@pytest.mark.parametrize("form", ["jsonl", "json", "parquet"])
@pytest.mark.parametrize(("task", "place", "split", "row"), HUB, ids=[each[0] for each in HUB])
def test_the_hubs_own_layout_is_read(tmp_path, task, place, split, row, form):
    """Most users have a snapshot of the hub's repository."""
    shard = "-00000-of-00001" if form == "parquet" else ""
    path = tmp_path / f"{place}{shard}.{form}"
    path.parent.mkdir(parents=True)
    if form == "parquet":
        pd.DataFrame([row, row]).to_parquet(path)
    elif form == "json":
        path.write_text(json.dumps([row, row]))
    else:
        write_lines(path, [row, row])

    assert _read(prepared(task, tmp_path), split) == [row, row]


def test_layouts_of_the_public_files_have_the_hubs_columns(data_file):
    """Each row of the distributed files becomes a row with the columns of lm-eval's tasks."""
    data = data_file("benchmarks")
    counts = {
        "arc_easy": ("test", 2376),
        "arc_challenge": ("test", 1172),
        "hellaswag": ("validation", 10042),
        "winogrande": ("validation", 1267),
        "gsm8k": ("test", 1319),
        "truthfulqa_mc2": ("validation", 817),
        "mmlu_anatomy": ("test", 135),
    }
    rows = {task: _read(prepared(task, data), split) for task, (split, _) in counts.items()}

    assert {task: len(found) for task, found in rows.items()} == {
        task: count for task, (_, count) in counts.items()
    }
    first = rows["winogrande"][0]
    assert first["sentence"].replace("_", first[f"option{first['answer']}"]) == (
        "Sarah was a much better surgeon than Maria so Maria always got the easier cases."
    )
    first = rows["hellaswag"][0]
    assert (first["activity_label"], first["ctx_b"], first["label"]) == (
        "Roof shingle removal",
        "he",
        "3",
    )
    right = rows["truthfulqa_mc2"][0]["mc2_targets"]
    assert right["labels"] == sorted(right["labels"], reverse=True)
    assert {0, 1} == set(right["labels"])


def test_winogrande_keeps_every_letter_of_its_texts(data_file):
    """Options of several words and with a common beginning give the original texts."""
    data = data_file("benchmarks")
    source = [
        json.loads(line)
        for line in (data / "llm_foundry/winogrande.jsonl").read_text().splitlines()
    ]
    for row, was in zip(_read(prepared("winogrande", data), "validation"), source, strict=True):
        before, _, after = row["sentence"].partition("_")
        assert [before + row["option1"], before + row["option2"]] == was["context_options"]
        assert after.strip() == was["continuation"].strip()
        assert int(row["answer"]) == was["gold"] + 1


def test_examples_for_the_prompt_must_be_there(tmp_path):
    """With few-shot examples from the scored split, it would be another benchmark."""
    write_lines(tmp_path / "gsm8k/test.jsonl", [GSM8K])

    with pytest.raises(ConfigError, match=r"gsm8k: .* has no train split of openai/gsm8k") as told:
        prepared("gsm8k", tmp_path)

    assert "benchmarks.few_shot=0" in str(told.value)
    assert prepared("gsm8k", tmp_path, few_shot=0).few_shot == {"gsm8k": 0}


def test_the_message_names_the_files_that_were_searched_for(tmp_path):
    """Users read the message and not the documentation."""
    with pytest.raises(
        ConfigError, match=r"looked for ai2_arc/ARC-Easy/test\.parquet, llm_foundry/"
    ):
        prepared("arc_easy", tmp_path)
    with pytest.raises(ConfigError, match="there is no such folder"):
        prepared("arc_easy", tmp_path / "nowhere")


WRONG = [
    ("gsm8k/test.jsonl", "gsm8k", GSM8K | {"answer": "two"}, "answer' must end in ####"),
    ("gsm8k/test.jsonl", "gsm8k", {"question": "?"}, "answer' is missing; there are: question"),
    ("gsm8k/test.jsonl", "gsm8k", GSM8K | {"question": 3}, "question' must be a text, not 3"),
    ("ai2_arc/ARC-Easy/test.jsonl", "arc_easy", ARC | {"answerKey": "E"}, "one of A, B, not 'E'"),
    ("ai2_arc/ARC-Easy/test.jsonl", "arc_easy", ARC | {"choices": []}, "must be a mapping"),
    ("hellaswag/validation.jsonl", "hellaswag", HELLASWAG | {"label": "4"}, "from 0 to 3, not 4"),
    (
        "winogrande/validation.jsonl",
        "winogrande",
        WINOGRANDE | {"sentence": "No gap."},
        "must have a gap",
    ),
    (
        "truthful_qa/validation.jsonl",
        "truthfulqa_mc2",
        TRUTHFULQA | {"mc2_targets": {"choices": ["a"], "labels": [1, 0]}},
        "mc2_targets.labels' must have a 0 or a 1 for each choice",
    ),
    ("mmlu/anatomy/test.jsonl", "mmlu_anatomy", MMLU | {"choices": ["a", "b"]}, "4 or more"),
]


@pytest.mark.parametrize(("place", "task", "row", "problem"), WRONG)
def test_a_wrong_column_is_refused_with_file_row_and_column(tmp_path, place, task, row, problem):
    """This happens before money or time is spent."""
    good = {"gsm8k": GSM8K, "arc_easy": ARC, "hellaswag": HELLASWAG, "mmlu_anatomy": MMLU}
    good |= {"winogrande": WINOGRANDE, "truthfulqa_mc2": TRUTHFULQA}
    path = write_lines(tmp_path / place, [good[task], row])

    with pytest.raises(InputError, match=re.escape(problem)) as told:
        prepared(task, tmp_path, few_shot=0)

    assert (told.value.path, told.value.line) == (path, 2)


def test_a_table_without_header_is_refused_by_its_line(tmp_path):
    """MMLU's own tables have no header; a header must not count as a question."""
    path = tmp_path / "mmlu/anatomy_test.csv"
    path.parent.mkdir()
    path.write_text("What?,a,b,c,d,A\nquestion,A,B,C,D,answer\n")

    with pytest.raises(InputError, match="must be one of A, B, C, D, not 'answer'") as told:
        prepared("mmlu_anatomy", tmp_path)

    assert told.value.line == 2


def test_the_users_own_tasks_read_the_files_in_their_folder(tmp_path):
    """lm-eval would search for them in the current folder."""
    (tmp_path / "mine").mkdir()
    write_lines(tmp_path / "mine/rows.jsonl", [{"q": "a", "a": "b"}])
    task = {
        "task": "my_task",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": "rows.jsonl"}},
        "test_split": "test",
        "doc_to_text": "{{q}}",
        "doc_to_target": "{{a}}",
    }
    (tmp_path / "mine/task.yaml").write_text(yaml.safe_dump(task))
    ready = prepared("my_task", folders=[tmp_path / "mine"])

    assert _read(ready, "test") == [{"q": "a", "a": "b"}]
    assert ready.compares == ()

    write_lines(tmp_path / "mine/rows.jsonl", [{"q": "a", "a": "c"}])
    assert prepared("my_task", folders=[tmp_path / "mine"]).digest != ready.digest
