"""The figures on real data in docs/corrected.md are those that the package computes."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

import evalharness
from evalharness.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "corrected.md").read_text(encoding="utf-8")
ROW = re.compile(
    r"^\| (\S+) \| (\d+) \[(\d+), (\d+)\] \| (\d+) \[(\d+), (\d+)\] \| (\d+) \|$", re.MULTILINE
)


@pytest.fixture
def runs(data_file, tmp_path, monkeypatch, capsys):
    """Import the verdicts of GPT-4 with human votes on 16 questions, and the human votes alone."""
    human, gpt4 = (data_file(f"mt_bench_human/{name}.jsonl") for name in ("human", "gpt4_pair"))
    asked = data_file("mt_bench/question.jsonl")
    monkeypatch.chdir(tmp_path)
    rows = [json.loads(line) for line in human.read_text().splitlines()]
    chosen = random.Random(0).sample(sorted({row["question_id"] for row in rows}), 16)
    part = Path("human_on_16.jsonl")
    part.write_text("".join(f"{json.dumps(r)}\n" for r in rows if r["question_id"] in chosen))
    for name, files in (("mt", (gpt4, part)), ("people", (human,))):
        assert main(["import", "mt-bench", str(asked), *map(str, files), "--run", name]) == 0
    capsys.readouterr()
    return evalharness.load_run("results/mt"), evalharness.load_run("results/people")


def test_the_real_example_comes_out_as_printed(runs):
    """Every figure of the table, and the distance of judge and corrected ratings from human votes."""
    run, people = runs
    table = run.corrected.set_index("model")
    figures = table[
        [f"{who}rating{end}" for who in ("judge_", "") for end in ("", "_low", "_high")]
    ]
    truth = people.leaderboard.rating
    printed = {name: tuple(map(int, rest)) for name, *rest in ROW.findall(PAGE)}

    found = {
        model: (*(round(figure) for figure in row), round(truth[model]))
        for model, row in zip(figures.index, figures.to_numpy().tolist(), strict=True)
    }

    assert found == printed
    assert run.corrections.sentence[0] in PAGE
    held = {
        who: int((table[f"{who}rating_low"].le(truth) & table[f"{who}rating_high"].ge(truth)).sum())
        for who in ("judge_", "")
    }
    away = {who: round((table[f"{who}rating"] - truth).abs().mean()) for who in ("judge_", "")}
    assert held == {"judge_": 2, "": 6}
    assert f"GPT-4 alone is {away['judge_']} points" in " ".join(PAGE.split())
    assert f"Corrected, it is {away['']} points" in " ".join(PAGE.split())
