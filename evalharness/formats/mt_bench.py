"""Read and render MT-bench's files (FastChat's llm_judge).

    question.jsonl                        {"question_id": 81, "category": ..., "turns": [..., ...]}
    model_answer/MODEL.jsonl              {"question_id": 81, "model_id", "choices": [{"turns"}]}
    reference_answer/JUDGE.jsonl          the same shape
    model_judgment/JUDGE_single.jsonl     {..., "model", "judge": [name, prompt], "score", "turn"}
    model_judgment/JUDGE_pair.jsonl       {..., "model_1", "model_2", "g1_winner", "g2_winner"}
    human.jsonl (mt_bench_human)          {..., "model_a", "model_b", "winner", "judge", "turn"}

The first row of a file tells what the file holds. As in FastChat, a model has the name of its file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.domain import Question, normalize_name
from evalharness.formats.interface import Format
from evalharness.formats.rows.mt_bench_judgments import add_grade, add_pair, add_vote
from evalharness.formats.rows.mt_bench_rows import (
    FIELDS_BY_KIND,
    HUMAN_NAME_PREFIX,
    MtBenchAnswer,
    MtBenchQuestion,
    render_answer_row,
    render_grade_row,
    render_pair_row,
    render_question_row,
    render_reference_row,
    render_single_winner_row,
    render_vote_row,
)
from evalharness.formats.rows.row_kinds import find_kind, read_rows_of_kind, sort_files_by_kind
from evalharness.formats.rows.row_writer import ExportedFiles, encode_json_lines, make_file_name
from evalharness.formats.rows.unmapped_fields import make_answer_key, pair_games

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from evalharness.domain import RunRecords
    from evalharness.formats.rows.imported_records import ImportedRecords
    from evalharness.formats.rows.row_reader import JsonRow
    from evalharness.formats.rows.unmapped_fields import SourceRows


def add_mt_bench(paths: Sequence[Path], imported: ImportedRecords) -> None:
    """Add the records in files and folders of MT-bench.

    Raises:
        InputError: a file is damaged.
        ConfigError: a path does not exist.
    """
    files = sort_files_by_kind(paths, ".jsonl", _classify_row, imported)
    for kind, read_file in _READERS.items():
        for path in files.get(kind, ()):
            read_file(path, imported)


def render_mt_bench(records: RunRecords, source: SourceRows) -> dict[str, bytes]:
    """Return a run as MT-bench's files."""
    files = ExportedFiles(source)
    for question in records.questions:
        key = question.question_id
        files.add_row("question.jsonl", "question", key, render_question_row(question))
        if any(question.references):
            author = source.get_fields("reference", key).get("model_id", "reference")
            name = f"reference_answer/{make_file_name(author)}.jsonl"
            files.add_row(name, "reference", key, render_reference_row(question))
    for (model, question_id), texts in _group_texts(records).items():
        name = f"model_answer/{make_file_name(model)}.jsonl"
        key = make_answer_key(model, question_id)
        files.add_row(name, "answer", key, render_answer_row(question_id, model, texts))
    _add_judgment_rows(records, source, files)
    return files.encode(encode_json_lines)


FORMAT = Format(name="mt-bench", add_files=add_mt_bench, render_files=render_mt_bench)


def _add_judgment_rows(records: RunRecords, source: SourceRows, files: ExportedFiles) -> None:
    """Add the rows of grades, games and votes; a vote that was a pair's row is one again."""
    for grade in records.graded:
        name = f"model_judgment/{make_file_name(grade.judge)}_single.jsonl"
        files.add_row(name, "grade", grade.digest, render_grade_row(grade))
    for first, second in pair_games(records.games, source, "pair"):
        name = f"model_judgment/{make_file_name(first.judge)}_pair.jsonl"
        files.add_row(name, "pair", first.digest, render_pair_row(first, second))
    for vote in records.votes:
        if source.has_row("pair", vote.digest):
            name = f"model_judgment/{make_file_name(vote.judge)}_pair.jsonl"
            files.add_row(name, "pair", vote.digest, render_single_winner_row(vote))
        else:
            name = "human" if vote.judge.startswith(HUMAN_NAME_PREFIX) else vote.judge
            files.add_row(
                f"{make_file_name(name)}.jsonl", "vote", vote.digest, render_vote_row(vote)
            )


def _group_texts(records: RunRecords) -> dict[tuple[str, str], list[list[str]]]:
    """Return the texts of the samples of each model's answer to each question."""
    texts: dict[tuple[str, str], list[list[str]]] = {}
    for answer in sorted(records.answers, key=lambda answer: answer.sample):
        samples = texts.setdefault((answer.model, answer.question_id), [])
        samples.append([turn.text for turn in answer.turns])
    return texts


def _classify_row(row: JsonRow, path: Path) -> str | None:
    if "choices" in row:
        return "reference" if path.parent.name == "reference_answer" else "answer"
    return find_kind(row, FIELDS_BY_KIND)


def _read_questions(path: Path, imported: ImportedRecords) -> None:
    for location, row in read_rows_of_kind("question", path, _classify_row):
        parsed = imported.read_row(row, MtBenchQuestion, location)
        question = Question(
            question_id=str(parsed.question_id),
            category=parsed.category,
            turns=tuple(parsed.turns),
        )
        if imported.register_row("question", question.question_id, row, location):
            imported.add_question(question, location)
            rendered = render_question_row(question)
            imported.keep_unmapped_fields("question", question.question_id, row, rendered)


def _read_references(path: Path, imported: ImportedRecords) -> None:
    """Read reference answers into their questions."""
    for location, row in read_rows_of_kind("reference", path, _classify_row):
        parsed = imported.read_row(row, MtBenchAnswer, location)
        key = str(parsed.question_id)
        if not imported.register_row("reference", key, row, location):
            continue
        question = imported.questions.get(key)
        texts = parsed.choices[0].turns if parsed.choices else []
        if question is None or not 0 < len(texts) <= len(question.turns):
            reason = "for a question that is not here" if question is None else "of other turns"
            location.refuse(f"a reference {reason} (question_id {key})")
        imported.questions[key] = Question(
            question_id=key,
            category=question.category,
            turns=question.turns,
            references=tuple(
                text if text.strip() else None
                for text in (*texts, *[""] * (len(question.turns) - len(texts)))
            ),
        )
        rendered = render_reference_row(imported.questions[key])
        imported.keep_unmapped_fields("reference", key, row, rendered)


def _read_answers(path: Path, imported: ImportedRecords) -> None:
    model, other_names = imported.names.read(path.stem), set()
    for location, row in read_rows_of_kind("answer", path, _classify_row):
        parsed = imported.read_row(row, MtBenchAnswer, location)
        question_id = str(parsed.question_id)
        if make_file_name(normalize_name(parsed.model_id)) != normalize_name(path.stem):
            other_names.add(parsed.model_id)
        key = make_answer_key(model, question_id)
        if not imported.register_row("answer", key, row, location):
            continue
        if not parsed.choices:
            location.refuse("an answer without choices")
        for sample, choice in enumerate(parsed.choices):
            imported.add_answer(question_id, model, choice.turns, location, sample=sample)
        texts = [choice.turns for choice in parsed.choices]
        rendered = render_answer_row(question_id, model, texts)
        imported.keep_unmapped_fields("answer", key, row, rendered)
    if other_names:
        reason = f"model_id is {', '.join(sorted(other_names))}"
        imported.warnings.append(f"{path}: {reason}; the file's name, {path.stem}, is taken")


def _read_judgments(path: Path, imported: ImportedRecords, kind: str) -> None:
    add_row = {"grade": add_grade, "pair": add_pair, "vote": add_vote}[kind]
    judges: set[str] = set()
    for location, row in read_rows_of_kind(kind, path, _classify_row):
        judges.add(add_row(row, imported, location))
    named_judge = path.stem.rpartition("_")[0]
    if kind != "vote" and judges != {named_judge}:
        reason = f"its judge is {', '.join(sorted(judges))}"
        imported.warnings.append(f"{path}: {reason}, which the file's name does not say")


_READERS: dict[str, Callable[[Path, ImportedRecords], None]] = {
    "question": _read_questions,
    "reference": _read_references,
    "answer": _read_answers,
    "grade": lambda path, imported: _read_judgments(path, imported, "grade"),
    "pair": lambda path, imported: _read_judgments(path, imported, "pair"),
    "vote": lambda path, imported: _read_judgments(path, imported, "vote"),
}
