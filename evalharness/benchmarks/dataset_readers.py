"""Rows of well-known benchmarks, checked, with the columns that the hub has.

What lm-eval's own tasks read are the hub's columns; a reader here takes one other layout (or the
hub's own, to check it) and yields rows with these columns. Nothing that a prompt is made of changes.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

from evalharness.benchmarks.data_rows import DataRow, read_csv_records, read_text_lines, rows
from evalharness.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LETTERS = tuple("ABCD")
_LINES_A_TASK = 6  # of HellaSwag's text: context, label, four endings
_SENTENCE_ENDS = (". ", "? ", "! ", '." ', ".' ")


def arc(path: Path) -> Iterator[dict[str, Any]]:
    """Yield ARC: a question, its choices with labels, the right label."""
    for row in rows(path):
        choices = row.inside("choices")
        labels = choices.texts("choices.label")
        texts = choices.texts("choices.text", least=len(labels))
        yield {
            "id": str(row.columns.get("id", row.number)),
            "question": row.text("question"),
            "choices": {"text": texts, "label": labels},
            "answerKey": row.one_of("answerKey", tuple(labels)),
        }


def arc_as_released(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of AI2's release: the stem and the choices inside the question."""
    for row in rows(path):
        question = row.inside("question")
        choices = question.columns.get("question.choices")
        if not isinstance(choices, list) or not all(
            isinstance(each, dict) and {"text", "label"} <= each.keys() for each in choices
        ):
            row.refuse("question.choices", "must be a list of objects with text and label")
        labels = [str(each["label"]) for each in choices]
        yield {
            "id": str(row.columns.get("id", row.number)),
            "question": question.text("question.stem"),
            "choices": {"text": [str(each["text"]) for each in choices], "label": labels},
            "answerKey": row.one_of("answerKey", tuple(labels)),
        }


def arc_of_foundry(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of llm-foundry: `query` (with lm-eval's "Question: " in it), `choices`, `gold`."""
    for row in rows(path):
        texts = row.texts("choices", least=2)
        labels = list(string.ascii_uppercase[: len(texts)])
        yield {
            "id": str(row.number),
            "question": row.text("query").removeprefix("Question: "),
            "choices": {"text": texts, "label": labels},
            "answerKey": labels[row.number_below("gold", len(texts))],
        }


def hellaswag(path: Path) -> Iterator[dict[str, Any]]:
    """Yield HellaSwag: activity, context in two parts, endings, the right one's number."""
    for row in rows(path):
        endings = row.texts("endings", least=2)
        yield {
            "activity_label": row.text("activity_label"),
            "ctx_a": row.text("ctx_a"),
            "ctx_b": row.text("ctx_b"),
            "endings": endings,
            "label": str(row.number_below("label", len(endings))),
        }


def hellaswag_text(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the tasks of a text file: six lines each, the activity before the context's first colon.

    Where the context ends in the beginning of a sentence, that is the hub's `ctx_b`: lm-eval
    capitalizes it.
    """
    lines = read_text_lines(path)
    if len(lines) % _LINES_A_TASK:
        msg = f"{len(lines)} lines are not a multiple of {_LINES_A_TASK}: context, label, 4 endings"
        raise InputError(msg, path=path)
    for start in range(0, len(lines), _LINES_A_TASK):
        context, label, *endings = lines[start : start + _LINES_A_TASK]
        activity, colon, rest = context.partition(": ")
        if not colon:
            msg = "a context begins with its activity and a colon"
            raise InputError(msg, path=path, line=start + 1)
        row = DataRow(path, start + 2, {"label": label})
        before, begun = _split_last_sentence(rest)
        yield {
            "activity_label": activity,
            "ctx_a": before,
            "ctx_b": begun,
            "endings": endings,
            "label": str(row.number_below("label", len(endings))),
        }


def _split_last_sentence(context: str) -> tuple[str, str]:
    """Return a context without, and only, the sentence that it begins and does not end."""
    if context.endswith((".", "?", "!", '"', "]")):
        return context, ""
    ends = [found + len(end) for end in _SENTENCE_ENDS if (found := context.rfind(end)) >= 0]
    if not ends or not context[max(ends) :][:1].islower():
        return context, ""
    cut = max(ends)
    return context[:cut].rstrip(), context[cut:]


def winogrande(path: Path) -> Iterator[dict[str, Any]]:
    """Yield WinoGrande: a sentence with a gap, two options, the right one's number."""
    for row in rows(path):
        sentence = row.text("sentence")
        if "_" not in sentence:
            row.refuse("sentence", "must have a gap (_)")
        yield {
            "sentence": sentence,
            "option1": row.text("option1"),
            "option2": row.text("option2"),
            "answer": row.one_of("answer", ("1", "2")),
        }


def winogrande_of_foundry(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of llm-foundry: two texts up to the gap, filled, and what follows."""
    for row in rows(path):
        first, second = row.texts("context_options", least=2)[:2]
        shared = next(
            (n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b),
            min(len(first), len(second)),
        )
        gap = first.rfind(" ", 0, shared) + 1
        if "_" in first[:gap]:
            row.refuse("context_options", "have a _ of their own before the gap")
        yield {
            "sentence": f"{first[:gap]}_ {row.text('continuation')}",
            "option1": first[gap:],
            "option2": second[gap:],
            "answer": str(row.number_below("gold", 2) + 1),
        }


def gsm8k(path: Path) -> Iterator[dict[str, Any]]:
    """Yield GSM8K: a question, and its answer with the number after ####."""
    for row in rows(path):
        answer = row.text("answer")
        if "####" not in answer:
            row.refuse("answer", "must end in #### and the number")
        yield {"question": row.text("question"), "answer": answer}


def truthfulqa(path: Path) -> Iterator[dict[str, Any]]:
    """Yield TruthfulQA: a question, and answers labelled 1 (true) or 0."""
    for row in rows(path):
        targets = {}
        for name in ("mc1_targets", "mc2_targets"):
            inside = row.inside(name)
            choices = inside.texts(f"{name}.choices")
            labels = inside.columns.get(f"{name}.labels")
            labels = [int(label) for label in labels] if labels is not None else []
            if len(labels) != len(choices) or not set(labels) <= {0, 1}:
                row.refuse(f"{name}.labels", "must have a 0 or a 1 for each choice")
            targets[name] = {"choices": choices, "labels": labels}
        yield {"question": row.text("question"), **targets}


def truthfulqa_csv(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of the authors' table: the right answers first, then the wrong ones."""
    for row in rows(path):
        best = row.text("Best Answer").strip()
        right, wrong = (_answers(row, f"{name} Answers") for name in ("Correct", "Incorrect"))
        yield {
            "question": row.text("Question").strip(),
            "mc1_targets": _targets([best], wrong),
            "mc2_targets": _targets(right, wrong),
        }


def _answers(row: DataRow, column: str) -> list[str]:
    found = [text.strip() for text in row.text(column).split(";") if text.strip()]
    if not found:
        row.refuse(column, "is empty; there must be an answer, or several with ; between")
    return found


def _targets(right: list[str], wrong: list[str]) -> dict[str, Any]:
    return {"choices": [*right, *wrong], "labels": [1] * len(right) + [0] * len(wrong)}


def mmlu(path: Path) -> Iterator[dict[str, Any]]:
    """Yield MMLU: a question, four choices, the right one's number."""
    for row in rows(path):
        choices = row.texts("choices", least=len(_LETTERS))
        yield {
            "question": row.text("question"),
            "subject": str(row.columns.get("subject", "")),
            "choices": choices,
            "answer": row.number_below("answer", len(choices)),
        }


def mmlu_csv(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of the authors' tables, which have no header: question, A to D, letter."""
    for number, cells in read_csv_records(path):
        if len(cells) != 2 + len(_LETTERS):
            msg = f"{len(cells)} columns; there must be 6: the question, A, B, C, D, the letter"
            raise InputError(msg, path=path, line=number)
        question, *choices, letter = cells
        row = DataRow(path, number, {"6": letter.strip()})
        answer = _LETTERS.index(row.one_of("6", _LETTERS))
        yield {"question": question, "subject": "", "choices": choices, "answer": answer}
