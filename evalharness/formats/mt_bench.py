"""MT-bench (FastChat llm_judge): questions, answers, references, grades, pairs, human votes.

    question.jsonl                        {"question_id": 81, "category": ..., "turns": [..., ...]}
    model_answer/MODEL.jsonl              {"question_id": 81, "model_id", "choices": [{"turns"}]}
    reference_answer/JUDGE.jsonl          the same shape
    model_judgment/JUDGE_single.jsonl     {..., "model", "judge": [name, prompt], "score", "turn"}
    model_judgment/JUDGE_pair.jsonl       {..., "model_1", "model_2", "g1_winner", "g2_winner"}
    human.jsonl (mt_bench_human)          {..., "model_a", "model_b", "winner", "judge", "turn"}

What a file holds is told from its first row. As in FastChat, the file's name is the model's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.domain import Question
from evalharness.formats.rows.imported_records import ImportedRecords
from evalharness.formats.rows.mt_bench_judgments import read_grade, read_pair, read_vote
from evalharness.formats.rows.mt_bench_rows import (
    FIELDS_BY_KIND,
    HUMAN_PREFIX,
    MtBenchAnswer,
    MtBenchQuestion,
    answer_row,
    grade_row,
    pair_row,
    question_row,
    reference_row,
    single_winner_row,
    vote_row,
)
from evalharness.formats.rows.row_kinds import read_rows_of_kind, sort_files_by_kind
from evalharness.formats.rows.row_reader import convert_row
from evalharness.formats.rows.row_writer import lines, make_file_name
from evalharness.formats.rows.unmapped_fields import make_answer_key, pair_games

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from evalharness.domain import RunRecords
    from evalharness.formats.rows.row_reader import JsonRow
    from evalharness.formats.rows.unmapped_fields import SourceRows


def read(paths: Sequence[Path]) -> ImportedRecords:
    """Return what files and folders of MT-bench hold.

    Raises:
        InputError: a file is not as it should be.
        ConfigError: a path does not exist.
    """
    gathering = ImportedRecords("mt-bench")
    files = sort_files_by_kind(paths, ".jsonl", _kind, gathering)
    for kind, read_file in _READERS.items():
        for path in files.get(kind, ()):
            read_file(path, gathering)
    return gathering.finish()


def write(records: RunRecords, source: SourceRows) -> dict[str, bytes]:
    """Return a run as MT-bench's files."""
    files: dict[str, list[JsonRow]] = {}

    def put(name: str, kind: str, key: str, rendered: JsonRow) -> None:
        files.setdefault(name, []).append(source.restore(kind, key, rendered))

    for question in records.questions:
        put("question.jsonl", "question", question.question_id, question_row(question))
        if any(question.references):
            row = reference_row(question)
            whose = source.fields("reference", question.question_id).get("model_id", "reference")
            name = f"reference_answer/{make_file_name(whose)}.jsonl"
            put(name, "reference", question.question_id, row)
    for (model, question_id), texts in _texts(records).items():
        row = answer_row(question_id, model, texts)
        name = f"model_answer/{make_file_name(model)}.jsonl"
        put(name, "answer", make_answer_key(model, question_id), row)
    for grade in records.graded:
        name = f"model_judgment/{make_file_name(grade.judge)}_single.jsonl"
        put(name, "grade", grade.digest, grade_row(grade))
    for first, second in pair_games(records.games, source, "pair"):
        name = f"model_judgment/{make_file_name(first.judge)}_pair.jsonl"
        put(name, "pair", first.digest, pair_row(first, second))
    for vote in records.votes:
        if source.has("pair", vote.digest):
            name = f"model_judgment/{make_file_name(vote.judge)}_pair.jsonl"
            put(name, "pair", vote.digest, single_winner_row(vote))
        else:
            whose = "human" if vote.judge.startswith(HUMAN_PREFIX) else vote.judge
            put(f"{make_file_name(whose)}.jsonl", "vote", vote.digest, vote_row(vote))
    return {name: lines(found) for name, found in files.items()}


def _texts(records: RunRecords) -> dict[tuple[str, str], list[list[str]]]:
    """Return the texts of a model's answers to a question, one sample after another."""
    found: dict[tuple[str, str], list[list[str]]] = {}
    for answer in sorted(records.answers, key=lambda answer: answer.sample):
        texts = found.setdefault((answer.model, answer.question_id), [])
        texts.append([turn.text for turn in answer.turns])
    return found


def _kind(row: JsonRow, path: Path) -> str | None:
    if "choices" in row:
        return "reference" if path.parent.name == "reference_answer" else "answer"
    for kind, telling in FIELDS_BY_KIND.items():
        if telling <= row.keys():
            return kind
    return None


def _read_questions(path: Path, gathering: ImportedRecords) -> None:
    for at, row in read_rows_of_kind("question", path, _kind):
        given = convert_row(row, MtBenchQuestion, path, at.line)
        question = Question(
            question_id=str(given.question_id), category=given.category, turns=tuple(given.turns)
        )
        if gathering.is_new("question", question.question_id, row, at):
            gathering.add_question(question, at)
            rendered = question_row(question)
            gathering.keep_beyond("question", question.question_id, row, rendered)


def _read_references(path: Path, gathering: ImportedRecords) -> None:
    """Read reference answers into their questions."""
    for at, row in read_rows_of_kind("reference", path, _kind):
        given = convert_row(row, MtBenchAnswer, path, at.line)
        key = str(given.question_id)
        if not gathering.is_new("reference", key, row, at):
            continue
        question = gathering.questions.get(key)
        texts = given.choices[0].turns if given.choices else []
        if question is None or not 0 < len(texts) <= len(question.turns):
            fits = "for a question that is not here" if question is None else "of other turns"
            at.refuse(f"a reference {fits} (question_id {key})")
        gathering.questions[key] = Question(
            question_id=key,
            category=question.category,
            turns=question.turns,
            references=(*texts, *[None] * (len(question.turns) - len(texts))),
        )
        rendered = reference_row(gathering.questions[key])
        gathering.keep_beyond("reference", key, row, rendered)


def _read_answers(path: Path, gathering: ImportedRecords) -> None:
    model, others = path.stem, set()
    for at, row in read_rows_of_kind("answer", path, _kind):
        given = convert_row(row, MtBenchAnswer, path, at.line)
        if make_file_name(given.model_id) != model:
            others.add(given.model_id)
        key = make_answer_key(model, str(given.question_id))
        if not gathering.is_new("answer", key, row, at):
            continue
        if not given.choices:
            at.refuse("an answer without choices")
        for sample, choice in enumerate(given.choices):
            gathering.add_answer(str(given.question_id), model, choice.turns, at, sample=sample)
        texts = [choice.turns for choice in given.choices]
        rendered = answer_row(str(given.question_id), model, texts)
        gathering.keep_beyond("answer", key, row, rendered)
    if others:
        said = f"model_id is {', '.join(sorted(others))}"
        gathering.warnings.append(f"{path}: {said}; the file's name, {model}, is taken")


def _read_judgments(path: Path, gathering: ImportedRecords, kind: str) -> None:
    read_row = {"grade": read_grade, "pair": read_pair, "vote": read_vote}[kind]
    judges: set[str] = set()
    for at, row in read_rows_of_kind(kind, path, _kind):
        judges.add(read_row(row, gathering, at))
    named = path.stem.rpartition("_")[0]
    if kind != "vote" and judges != {named}:
        said = f"its judge is {', '.join(sorted(judges))}"
        gathering.warnings.append(f"{path}: {said}, which the file's name does not say")


_READERS: dict[str, Callable[[Path, ImportedRecords], None]] = {
    "question": _read_questions,
    "reference": _read_references,
    "answer": _read_answers,
    "grade": lambda path, gathering: _read_judgments(path, gathering, "grade"),
    "pair": lambda path, gathering: _read_judgments(path, gathering, "pair"),
    "vote": lambda path, gathering: _read_judgments(path, gathering, "vote"),
}
