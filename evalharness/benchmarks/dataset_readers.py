"""Read the files of well-known benchmark datasets, check them, and yield rows with the hub's columns.

lm-eval's own tasks read the hub's columns. Each reader here reads one layout (the hub's own layout to
check it) and yields rows with these columns. The content of the prompts does not change.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

from evalharness.benchmarks.data_rows import DataRow, read_csv_records, read_rows, read_text_lines
from evalharness.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LETTERS = tuple("ABCD")
_LINES_PER_ITEM = 6  # of HellaSwag's text: context, label, four endings
_SENTENCE_ENDS = (". ", "? ", "! ", '." ', ".' ")


def read_arc(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of ARC: a question, its choices with labels, and the right label."""
    for row in read_rows(path):
        choices = row.get_mapping("choices")
        labels = choices.get_texts("choices.label")
        texts = choices.get_texts("choices.text", least=len(labels))
        yield {
            "id": str(row.columns.get("id", row.number)),
            "question": row.get_text("question"),
            "choices": {"text": texts, "label": labels},
            "answerKey": row.get_choice("answerKey", tuple(labels)),
        }


def read_arc_as_released(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of AI2's release of ARC, in which the question holds the stem and the choices."""
    for row in read_rows(path):
        question = row.get_mapping("question")
        choices = question.columns.get("question.choices")
        if not isinstance(choices, list) or not all(
            isinstance(each, dict) and {"text", "label"} <= each.keys() for each in choices
        ):
            row.refuse("question.choices", "must be a list of objects with text and label")
        labels = [str(each["label"]) for each in choices]
        yield {
            "id": str(row.columns.get("id", row.number)),
            "question": question.get_text("question.stem"),
            "choices": {"text": [str(each["text"]) for each in choices], "label": labels},
            "answerKey": row.get_choice("answerKey", tuple(labels)),
        }


def read_arc_of_foundry(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of llm-foundry's ARC, which has the columns `query`, `choices` and `gold`.

    `query` begins with lm-eval's "Question: ", which is removed.
    """
    for row in read_rows(path):
        texts = row.get_texts("choices", least=2)
        labels = list(string.ascii_uppercase[: len(texts)])
        yield {
            "id": str(row.number),
            "question": row.get_text("query").removeprefix("Question: "),
            "choices": {"text": texts, "label": labels},
            "answerKey": labels[row.get_index("gold", len(texts))],
        }


def read_hellaswag(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of HellaSwag: activity, context in two parts, endings, number of the right one."""
    for row in read_rows(path):
        endings = row.get_texts("endings", least=2)
        yield {
            "activity_label": row.get_text("activity_label"),
            "ctx_a": row.get_text("ctx_a"),
            "ctx_b": row.get_text("ctx_b"),
            "endings": endings,
            "label": str(row.get_index("label", len(endings))),
        }


def read_hellaswag_text(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of HellaSwag's text file, which has six lines for each item.

    The context begins with the activity and a colon. If it ends within a sentence, the beginning of
    that sentence is the hub's `ctx_b`, which lm-eval capitalizes.
    """
    lines = read_text_lines(path)
    if len(lines) % _LINES_PER_ITEM:
        msg = (
            f"{len(lines)} lines are not a multiple of {_LINES_PER_ITEM}: context, label, 4 endings"
        )
        raise InputError(msg, path=path)
    for start in range(0, len(lines), _LINES_PER_ITEM):
        context, label, *endings = lines[start : start + _LINES_PER_ITEM]
        activity, colon, rest = context.partition(": ")
        if not colon:
            msg = "a context begins with its activity and a colon"
            raise InputError(msg, path=path, line=start + 1)
        row = DataRow(path, start + 2, {"label": label})
        before, unfinished = _split_last_sentence(rest)
        yield {
            "activity_label": activity,
            "ctx_a": before,
            "ctx_b": unfinished,
            "endings": endings,
            "label": str(row.get_index("label", len(endings))),
        }


def _split_last_sentence(context: str) -> tuple[str, str]:
    """Return a context up to its last unfinished sentence, and that sentence; it may be empty."""
    if context.endswith((".", "?", "!", '"', "]")):
        return context, ""
    ends = [found + len(end) for end in _SENTENCE_ENDS if (found := context.rfind(end)) >= 0]
    if not ends or not context[max(ends) :][:1].islower():
        return context, ""
    cut = max(ends)
    return context[:cut].rstrip(), context[cut:]


def read_winogrande(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of WinoGrande: a sentence with a gap, two options, number of the right one."""
    for row in read_rows(path):
        sentence = row.get_text("sentence")
        if "_" not in sentence:
            row.refuse("sentence", "must have a gap (_)")
        yield {
            "sentence": sentence,
            "option1": row.get_text("option1"),
            "option2": row.get_text("option2"),
            "answer": row.get_choice("answer", ("1", "2")),
        }


def read_winogrande_of_foundry(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of llm-foundry's WinoGrande.

    Its rows have two texts that end with the filled gap, and the text after the gap.
    """
    for row in read_rows(path):
        first, second = row.get_texts("context_options", least=2)[:2]
        shared = next(
            (n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b),
            min(len(first), len(second)),
        )
        gap = first.rfind(" ", 0, shared) + 1
        if "_" in first[:gap]:
            row.refuse("context_options", "have a _ of their own before the gap")
        yield {
            "sentence": f"{first[:gap]}_ {row.get_text('continuation')}",
            "option1": first[gap:],
            "option2": second[gap:],
            "answer": str(row.get_index("gold", 2) + 1),
        }


def read_gsm8k(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of GSM8K: a question, and its answer with the number after ####."""
    for row in read_rows(path):
        answer = row.get_text("answer")
        if "####" not in answer:
            row.refuse("answer", "must end in #### and the number")
        yield {"question": row.get_text("question"), "answer": answer}


def read_truthfulqa(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of TruthfulQA: a question, and answers with the labels 1 (true) or 0."""
    for row in read_rows(path):
        targets = {}
        for name in ("mc1_targets", "mc2_targets"):
            inside = row.get_mapping(name)
            choices = inside.get_texts(f"{name}.choices")
            labels = inside.columns.get(f"{name}.labels")
            labels = [int(label) for label in labels] if labels is not None else []
            if len(labels) != len(choices) or not set(labels) <= {0, 1}:
                row.refuse(f"{name}.labels", "must have a 0 or a 1 for each choice")
            targets[name] = {"choices": choices, "labels": labels}
        yield {"question": row.get_text("question"), **targets}


def read_truthfulqa_csv(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table of TruthfulQA's authors, the right answers before the wrong ones."""
    for row in read_rows(path):
        best = row.get_text("Best Answer").strip()
        right, wrong = (_split_answers(row, f"{name} Answers") for name in ("Correct", "Incorrect"))
        yield {
            "question": row.get_text("Question").strip(),
            "mc1_targets": _make_targets([best], wrong),
            "mc2_targets": _make_targets(right, wrong),
        }


def _split_answers(row: DataRow, column: str) -> list[str]:
    found = [text.strip() for text in row.get_text(column).split(";") if text.strip()]
    if not found:
        row.refuse(column, "is empty; there must be an answer, or several with ; between")
    return found


def _make_targets(right: list[str], wrong: list[str]) -> dict[str, Any]:
    return {"choices": [*right, *wrong], "labels": [1] * len(right) + [0] * len(wrong)}


def read_mmlu(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of MMLU: a question, four choices, number of the right one."""
    for row in read_rows(path):
        choices = row.get_texts("choices", least=len(_LETTERS))
        yield {
            "question": row.get_text("question"),
            "subject": str(row.columns.get("subject", "")),
            "choices": choices,
            "answer": row.get_index("answer", len(choices)),
        }


def read_mmlu_csv(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of the tables of MMLU's authors: question, choices A to D, letter; no header."""
    for number, cells in read_csv_records(path):
        if len(cells) != 2 + len(_LETTERS):
            msg = f"{len(cells)} columns; there must be 6: the question, A, B, C, D, the letter"
            raise InputError(msg, path=path, line=number)
        question, *choices, letter = cells
        row = DataRow(path, number, {"6": letter.strip()})
        answer = _LETTERS.index(row.get_choice("6", _LETTERS))
        yield {"question": question, "subject": "", "choices": choices, "answer": answer}
