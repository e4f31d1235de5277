"""Small files of every foreign format, and functions that read and write them without a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from evalharness.domain import GradedJudgment, PairwiseJudgment, RunRecords
from evalharness.formats import SourceRows, find_format

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalharness.formats import ImportedRecords

Rows = list[dict[str, Any]]


def _mt_answer(model: str, number: int) -> dict[str, Any]:
    return {
        "question_id": number,
        "answer_id": f"{model}-{number}",
        "model_id": model,
        "choices": [{"index": 0, "turns": [f"{model} says {number}.", "And more."]}],
        "tstamp": 1686286924.5,
    }


def _annotation(instruction: str, preference: float | None, **more: Any) -> dict[str, Any]:
    return {
        "instruction": instruction,
        "output_1": f"The baseline on: {instruction}",
        "generator_1": "text_davinci_003",
        "dataset": "koala",
        "output_2": f"Vicuna on: {instruction}",
        "generator_2": "vicuna-13b",
        "annotator": "alpaca_eval_gpt4",
        "preference": preference,
        "price_per_example": 0.01,
        **more,
    }


def _swap(winner: str | None, said: str) -> dict[str, Any]:
    return {"completion": [said, "stop"], "winner": winner}


MT_BENCH = {
    "question.jsonl": [
        {
            "question_id": 81,
            "category": "writing",
            "turns": ["Write.", "Again."],
            "reference": ["x"],
        },
        {"question_id": 82, "category": "math", "turns": ["Add.", "Subtract."]},
    ],
    "reference_answer/gpt-4.jsonl": [_mt_answer("gpt-4", 82)],
    "model_answer/vicuna-13b.jsonl": [_mt_answer("vicuna-13b", 81), _mt_answer("vicuna-13b", 82)],
    "model_answer/alpaca-13b.jsonl": [_mt_answer("alpaca-13b", 81), _mt_answer("alpaca-13b", 82)],
    "model_judgment/gpt-4_single.jsonl": [
        {
            "question_id": 81,
            "model": "vicuna-13b",
            "judge": ["gpt-4", "single-v1"],
            "user_prompt": "...",
            "judgment": f"Rating: [[{score}]]",
            "score": score,
            "turn": turn,
            "tstamp": 1.5,
        }
        for turn, score in ((1, 7), (2, -1))
    ],
    "model_judgment/gpt-4_pair.jsonl": [
        {
            "question_id": 81,
            "model_1": "vicuna-13b",
            "model_2": "alpaca-13b",
            "g1_winner": first,
            "g2_winner": second,
            "judge": ["gpt-4", "pair-v2"],
            "g1_user_prompt": "...",
            "g1_judgment": "[[A]]",
            "g2_user_prompt": "...",
            "g2_judgment": "[[B]]",
            "turn": turn,
            "tstamp": 1.5,
        }
        for turn, first, second in ((1, "model_1", "model_1"), (2, "tie", "error"))
    ],
    "human.jsonl": [
        {
            "question_id": 81,
            "model_a": "vicuna-13b",
            "model_b": "alpaca-13b",
            "winner": winner,
            "judge": judge,
            "turn": 1,
        }
        for judge, winner in (("expert_3", "model_a"), ("author_0", "tie (inconsistent)"))
    ],
}
VICUNA_REVIEWS = {
    "question.jsonl": [{"question_id": 1, "text": "Why?", "category": "generic"}],
    "answer/answer_gpt35.jsonl": [
        {"answer_id": "g1", "model_id": "gpt-3.5", "question_id": 1, "text": "So.", "metadata": {}}
    ],
    "answer/answer_vicuna-13b.jsonl": [
        {"answer_id": "v1", "model_id": "vicuna", "question_id": 1, "text": "Thus.", "metadata": {}}
    ],
    "review/review_gpt35_vicuna-13b.jsonl": [
        {
            "review_id": f"r{reviewer}",
            "question_id": 1,
            "answer1_id": "g1",
            "answer2_id": "v1",
            "reviewer_id": reviewer,
            "metadata": {},
            "text": f"{score[0]} {score[1]}\nBecause.",
            "score": score,
        }
        for reviewer, score in ((1, [9.0, 8.5]), ("gpt-4", [-1.0, -1.0]))
    ],
}
ALPACA_EVAL = {
    "vicuna-13b/model_outputs.json": [
        {
            "instruction": instruction,
            "dataset": "koala",
            "output": f"Vicuna on: {instruction}",
            "generator": "vicuna-13b",
        }
        for instruction in ("One?", "Two?", "Three?", "Four?", "Five?")
    ],
    "vicuna-13b/alpaca_eval_gpt4/annotations.json": [
        _annotation("One?", 1),
        _annotation("Two?", 2.0, time_per_example=None, raw_completion={"text": "m"}),
        _annotation("Three?", 0),
        _annotation("Four?", 1.25, preference_version="v", glm_preference=1.3),
        _annotation("Five?", None),
    ],
}
ARENA_HARD = {
    "question.jsonl": [
        {"uid": "u1", "category": "hard_prompt", "subcategory": "x", "prompt": "Sort it."},
        {"question_id": "q1", "category": "old", "cluster": "c", "turns": [{"content": "Old."}]},
    ],
    "model_answer/o3.jsonl": [
        {
            "uid": "u1",
            "ans_id": "a1",
            "model": "o3",
            "messages": [
                {"role": "user", "content": "Sort it."},
                {"role": "assistant", "content": {"answer": "Done.", "thought": "Hm."}},
            ],
            "tstamp": 1.5,
            "metadata": {"token_len": 2},
        },
        {
            "question_id": "q1",
            "answer_id": "a2",
            "model_id": "o3",
            "choices": [{"index": 0, "turns": [{"content": "Older.", "token_len": 3}]}],
            "tstamp": 1.5,
        },
    ],
    "model_judgment/gpt-4.1/o3.jsonl": [
        {
            "uid": "u1",
            "category": "hard_prompt",
            "judge": "gpt-4.1",
            "model": "o3",
            "baseline": "o1",
            "games": [
                {"score": "B>>A", "judgment": {"answer": "[[B>>A]]"}, "prompt": []},
                None,
            ],
        },
        {
            "question_id": "q1",
            "model": "o3",
            "judge": "gpt-4.1",
            "games": [
                {"user_prompt": "...", "judgment": "[[A=B]]", "score": "A=B"},
                {"user_prompt": "...", "judgment": "[[A>B]]", "score": "A>B"},
            ],
        },
    ],
}
ARENA_BATTLES = {
    "battles.json": [
        {"model_a": "a", "model_b": "b", "winner": winner, "judge": f"arena_user_{n}", "tstamp": n}
        for n, winner in enumerate(("model_a", "model_b", "tie", "tie (bothbad)"))
    ]
    + [
        {"id": "x", "model_a": "a", "model_b": "b", "winner": "both_bad", "language": "de"},
    ],
    "more.jsonl": [{"model_a": "b", "model_b": "a", "winner": "tie", "judge_model": "gpt-4"}] * 2,
}
EVALICA = {"food.csv": "left,right,winner\nPizza,Sushi,left\nTacos,Pizza,tie\nTacos,Pizza,tie\n"}
LLMBAR = {
    "Natural/dataset.json": [
        {"input": "Say hi.", "output_1": "Hi.", "output_2": "No.", "label": 1},
        {"input": "Count.", "output_1": "A.", "output_2": "1, 2.", "label": 2},
    ],
    "Natural/evaluators/GPT-4/Vanilla/result.json": [
        {
            "input": "Say hi.",
            "output_1": "Hi.",
            "output_2": "No.",
            "label": 1,
            "results": [
                ["a question first", "stop"],
                {"swap = False": _swap("1", "Output (a)"), "swap = True": _swap("2", "Output (a)")},
            ],
        }
    ],
}
JUDGEBENCH = {
    "pairs.jsonl": [
        {
            "pair_id": "p1",
            "original_id": "o1",
            "source": "mmlu-pro",
            "question": "Which?",
            "response_model": "gpt-4o",
            "response_A": "This.",
            "response_B": "That.",
            "label": "B>A",
        }
    ],
}
JUDGEBENCH["outputs/arena.jsonl"] = [
    JUDGEBENCH["pairs.jsonl"][0]
    | {
        "judge_name": "arena_hard",
        "judgments": [
            {"judgment": {"judge_model": "gpt-4o", "response": "[[B>A]]"}, "decision": "B>A"},
            None,
        ],
    }
]
LABELS = {
    "labels.jsonl": [
        {"question_id": "81", "model_a": "a", "model_b": "b", "winner": "tie", "note": "hard"},
        {"question_id": 81, "model": "a", "score": 7, "judge": "ada", "turn": 2},
    ]
}
FOLDERS: dict[str, Mapping[str, Rows | str]] = {
    "mt-bench": MT_BENCH,
    "vicuna-reviews": VICUNA_REVIEWS,
    "alpaca-eval": ALPACA_EVAL,
    "arena-hard": ARENA_HARD,
    "arena-battles": ARENA_BATTLES,
    "evalica": EVALICA,
    "llmbar": LLMBAR,
    "judgebench": JUDGEBENCH,
    "labels": LABELS,
}


def encode_rows(name: str, rows: Rows | str) -> str:
    """Return rows as the text of a file of that name."""
    if isinstance(rows, str):
        return rows
    if name.endswith(".json"):
        return json.dumps(rows, indent=2)
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def write_files(folder: Path, files: Mapping[str, Rows | str]) -> Path:
    """Write files into a folder and return it."""
    for name, rows in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(encode_rows(name, rows), encoding="utf-8")
    return folder


def read_files(name: str, *paths: Path) -> ImportedRecords:
    """Return the records in files of a format."""
    return find_format(name).read_files(paths)


def make_records(imported: ImportedRecords) -> RunRecords:
    """Return imported records as the records of a run."""
    judgments = imported.judgments.values()
    return RunRecords(
        name="imported",
        questions=tuple(imported.questions.values()),
        answers=tuple(imported.answers.values()),
        graded=tuple(row for row in judgments if isinstance(row, GradedJudgment)),
        games=tuple(row for row in judgments if isinstance(row, PairwiseJudgment)),
        votes=tuple(imported.votes.values()),
    )


def render_files(name: str, imported: ImportedRecords) -> dict[str, bytes]:
    """Return imported records as files of the same format."""
    source = SourceRows(imported.unmapped_fields.values())
    return find_format(name).render_files(make_records(imported), source)


def list_rows(files: Mapping[str, bytes] | Sequence[Path]) -> list[str]:
    """Return the rows of all files as sorted texts."""
    contents = files.values() if isinstance(files, dict) else [path.read_bytes() for path in files]
    found = []
    for content in contents:
        text = content.decode()
        if text.startswith("["):
            found += json.loads(text)
        elif text.startswith("{"):
            found += [json.loads(line) for line in text.splitlines()]
        else:
            found += text.splitlines()[1:]
    return sorted(json.dumps(row, sort_keys=True) for row in found)
