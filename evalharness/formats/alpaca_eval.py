"""Read and render AlpacaEval's files: the outputs of models, and preferences against a baseline.

    MODEL/model_outputs.json            [{"instruction", "output", "generator", "dataset"}, ...]
    MODEL/ANNOTATOR/annotations.json    [{"instruction", "output_1", "generator_1", "output_2",
                                          "generator_2", "annotator", "preference"}, ...]

`preference` is 1 if output 1 (the baseline's) is better, 2 if output 2 is better, 1.5 (in old files
0) for a draw, a number from 1 to 2 for a probability, and null if there is no preference. Only the
final decision of the annotator is kept, so an annotation is a vote, not a game. The files have no
question ids: the id of a question is made from its instruction. A model has the name of its
generator, or of its folder where several folders share a generator.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalharness.domain import Question, Vote, Winner, compute_digest
from evalharness.errors import ConfigError
from evalharness.formats.interface import Format
from evalharness.formats.rows.alpaca_folders import find_model_folder, name_models_by_folder
from evalharness.formats.rows.alpaca_rows import (
    DEFAULT_DATASET,
    PREFER_BASELINE,
    PREFER_MODEL,
    AlpacaAnnotation,
    AlpacaOutput,
    render_annotation,
    render_output,
)
from evalharness.formats.rows.imported_records import UNSCORED_IN_SOURCE, ImportedRecords
from evalharness.formats.rows.row_kinds import find_kind, read_rows_of_kind, sort_files_by_kind
from evalharness.formats.rows.row_writer import ExportedFiles, encode_json_array, make_file_name
from evalharness.formats.rows.unmapped_fields import make_answer_key
from evalharness.judge import settle_battles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalharness.domain import Answer, Battle, PairwiseJudgment, RunRecords
    from evalharness.formats.rows.row_location import RowLocation
    from evalharness.formats.rows.row_reader import JsonRow
    from evalharness.formats.rows.unmapped_fields import SourceRows

_FIELDS_BY_KIND = {
    "annotation": {"instruction", "generator_1", "generator_2", "preference"},
    "output": {"instruction", "output", "generator"},
}
_GENERATOR_BY_KIND = {"annotation": "generator_2", "output": "generator"}
_OLD_DRAW = 0.0
_FAILED = -1.0
_EVEN = 0.5  # the probability of a draw


def add_alpaca_eval(paths: Sequence[Path], imported: ImportedRecords) -> None:
    """Add the records in files of outputs and annotations.

    Raises:
        InputError: a file is damaged.
        ConfigError: a path does not exist.
    """
    generators: dict[Path, str] = {}

    def classify_file(row: JsonRow, path: Path) -> str | None:
        kind = _classify_row(row, path)
        if kind is not None:
            generators.setdefault(path, str(row[_GENERATOR_BY_KIND[kind]]))
        return kind

    files = sort_files_by_kind(paths, ".json", classify_file, imported)
    folder_names = name_models_by_folder(generators, imported)
    for path in files.get("output", ()):
        _read_outputs(path, folder_names, imported)
    for path in files.get("annotation", ()):
        _read_annotations(path, folder_names, imported)
    _caution_about_baselines(imported)


def render_alpaca_eval(records: RunRecords, source: SourceRows) -> dict[str, bytes]:
    """Return the first turns of a run, and the votes and settled battles on them, as files.

    Raises:
        ConfigError: the text of a question is not in the run.
    """
    files = ExportedFiles(source)
    questions = _index_questions(records)
    texts = {}
    for answer in (answer for answer in records.answers if answer.sample == 0):
        question = questions[answer.question_id]
        text = answer.turns[0].text
        texts[answer.model, answer.question_id] = text
        key = make_answer_key(answer.model, answer.question_id)
        name = f"{make_file_name(answer.model)}/model_outputs.json"
        files.add_row(name, "output", key, render_output(question, answer.model, text))
    votes = (vote for vote in records.votes if vote.turn == 1 and vote.sample == 0)
    for vote in (*votes, *_battles_as_votes(settle_battles(records.games))):
        model, annotator = make_file_name(vote.model_b), make_file_name(vote.judge)
        rendered = render_annotation(questions[vote.question_id], vote, texts)
        files.add_row(f"{model}/{annotator}/annotations.json", "annotation", vote.digest, rendered)
    return files.encode(encode_json_array)


FORMAT = Format(name="alpaca-eval", add_files=add_alpaca_eval, render_files=render_alpaca_eval)


def _index_questions(records: RunRecords) -> dict[str, Question]:
    """Return the questions by id, after checking that every row has its question."""
    questions = {question.question_id: question for question in records.questions}
    rows: list[Answer | Vote | PairwiseJudgment]
    rows = [*records.answers, *records.votes, *records.games]
    for row in rows:
        if row.question_id not in questions:
            msg = (
                "alpaca-eval knows a question by its text, and that of "
                f"{row.question_id!r} is not in this run"
            )
            raise ConfigError(msg)
    return questions


def _classify_row(row: JsonRow, _path: Path) -> str | None:
    return find_kind(row, _FIELDS_BY_KIND)


def _read_outputs(
    path: Path, folder_names: Mapping[Path, Mapping[str, str]], imported: ImportedRecords
) -> None:
    models: dict[str, None] = {}
    new_names = folder_names.get(path, {})
    for location, row in read_rows_of_kind("output", path, _classify_row):
        parsed = imported.read_row(row, AlpacaOutput, location)
        models[parsed.generator] = None
        model = imported.names.read(new_names.get(parsed.generator, parsed.generator))
        question = _add_question(parsed, imported, location)
        key = make_answer_key(model, question.question_id)
        if imported.register_row("output", key, row, location):
            imported.add_answer(question.question_id, model, [parsed.output], location)
            rendered = render_output(question, model, parsed.output)
            imported.keep_unmapped_fields("output", key, row, rendered)
    if not new_names:
        _compare_with_folder(path, models, imported)


def _read_annotations(
    path: Path, folder_names: Mapping[Path, Mapping[str, str]], imported: ImportedRecords
) -> None:
    models: dict[str, None] = {}
    other_outputs: dict[str, int] = {}
    new_names = folder_names.get(path, {})
    for location, row in read_rows_of_kind("annotation", path, _classify_row):
        parsed = imported.read_row(row, AlpacaAnnotation, location, "generator_1", "annotator")
        models[parsed.generator_2] = None
        parsed.generator_2 = imported.names.read(
            new_names.get(parsed.generator_2, parsed.generator_2)
        )
        if imported.leave_out_self_comparison((parsed.generator_1, parsed.generator_2), location):
            continue
        question = _add_question(parsed, imported, location)
        vote = _make_vote(parsed, question.question_id, location)
        is_scored = vote.winner is not None
        if not imported.register_row("annotation", vote.digest, row, location, is_scored=is_scored):
            continue
        outputs = {parsed.generator_1: parsed.output_1, parsed.generator_2: parsed.output_2}
        others = [
            model
            for model, text in outputs.items()
            if not imported.add_answer(question.question_id, model, [text], location)
        ]
        if others:
            vote = replace(vote, lengths=(len(parsed.output_1), len(parsed.output_2)))
        for model in others:
            other_outputs[model] = other_outputs.get(model, 0) + 1
        imported.add_vote(vote, location)
        texts = {
            (model, question.question_id): _find_text(imported, model, question.question_id)
            for model in outputs
        }
        rendered = render_annotation(question, vote, texts)
        imported.keep_unmapped_fields("annotation", vote.digest, row, rendered)
    for model, number in other_outputs.items():
        reason = f"{number} outputs of {model} are not those of its other files"
        imported.warnings.append(
            f"{path}: {reason}; the judgments, and the lengths in them, are of these"
        )
    if not new_names:
        _compare_with_folder(path, models, imported)


def _compare_with_folder(path: Path, models: Mapping[str, None], imported: ImportedRecords) -> None:
    """Warn if a folder is named like one model and its file is about another model."""
    folder = find_model_folder(path)
    if folder and folder not in models:
        reason = f"its generator is {', '.join(models)}, but its folder is named {folder}"
        imported.warnings.append(f"{path}: {reason}; the generator is taken")


def _caution_about_baselines(imported: ImportedRecords) -> None:
    """Add what the win rates are against, and how they differ from AlpacaEval's."""
    baselines: dict[str, set[str]] = {}
    for vote in imported.votes.values():
        baselines.setdefault(vote.model_a, set()).add(vote.judge)
    if len(baselines) > 1:
        listed = "; ".join(f"{name} by {', '.join(sorted(baselines[name]))}" for name in baselines)
        imported.cautions.append(
            f"These preferences are against several baselines ({listed}): a win rate here mixes "
            "them. For AlpacaEval's own figure import the folders of one annotator and baseline "
            "into a run of their own."
        )
    elif baselines:
        imported.cautions.append(
            f"Win rates are against the baseline {next(iter(baselines))}, and count a preference over a "
            "half as a win, where AlpacaEval averages preferences. LC win rates average them, with "
            "terms for the model and the lengths; AlpacaEval's published figure also has a term for the "
            "difficulty of each instruction and a penalty on the coefficients."
        )


def _add_question(
    parsed: AlpacaOutput | AlpacaAnnotation, imported: ImportedRecords, location: RowLocation
) -> Question:
    """Return the question of a row, after adding it if it is new."""
    text = f"{parsed.instruction}\n\n{parsed.input}" if parsed.input else parsed.instruction
    question_id = compute_digest(text)[:12]
    known = imported.questions.get(question_id)
    if known is not None:
        return known
    question = Question(
        question_id=question_id, category=parsed.dataset or DEFAULT_DATASET, turns=(text,)
    )
    imported.add_question(question, location)
    return question


def _make_vote(parsed: AlpacaAnnotation, question_id: str, location: RowLocation) -> Vote:
    preference = _read_preference(parsed.preference, location)
    winner = None
    if preference is not None:
        winner = Winner.MODEL_B if preference > _EVEN else Winner.MODEL_A
        winner = Winner.TIE if preference == _EVEN else winner
    models = (parsed.generator_1, parsed.generator_2)
    return Vote(
        question_id=question_id,
        judge=parsed.annotator,
        model_a=parsed.generator_1,
        model_b=parsed.generator_2,
        winner=winner,
        unscored=UNSCORED_IN_SOURCE if winner is None else None,
        preference=preference,
        digest=compute_digest(["annotation", question_id, parsed.annotator, *models]),
    )


def _read_preference(preference: float | None, location: RowLocation) -> float | None:
    """Return the probability that output 2 is better; None if there is no preference."""
    if preference is None or preference == _FAILED:
        return None
    if preference == _OLD_DRAW:
        return _EVEN
    if not PREFER_BASELINE <= preference <= PREFER_MODEL:
        location.refuse(
            f"unknown preference {preference}: must be from 1 to 2, 0 for a draw, or null"
        )
    return preference - 1


def _find_text(imported: ImportedRecords, model: str, question_id: str) -> str:
    return imported.answers[model, question_id, 0].turns[0].text


def _battles_as_votes(battles: Sequence[Battle]) -> list[Vote]:
    """Return the battles on first turns as votes."""
    return [
        Vote(
            question_id=battle.question_id,
            judge=battle.judge,
            model_a=battle.model_a,
            model_b=battle.model_b,
            winner=battle.winner,
            digest="",
        )
        for battle in battles
        if battle.turn == 1 and battle.sample == 0
    ]
