"""Import other tools' files into a run's folder, after reading and checking all of them.

An imported run is a run like any other. Its models have the backend `recorded`, and their answers
are in the run's own `answers.jsonl`, so that `judge run=NAME` finds them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from evalharness.backends import build_recorded_conf, find_benchmark_access
from evalharness.config import build_model_spec, complete_saved_model
from evalharness.domain import JudgingSpec, ModelAccess, RunRecords, RunSpec, compute_digest
from evalharness.errors import ConfigError
from evalharness.exchange.bundle.restore import restore_bundle
from evalharness.exchange.bundle.write import BUNDLE_FORMAT
from evalharness.exchange.import_checks import (
    check_labels,
    describe_new_variants,
    match_known_records,
    refuse_files_of_earlier_versions,
)
from evalharness.exchange.import_outcome import ImportOutcome
from evalharness.formats import UnmappedFields, find_format
from evalharness.report import publish_run
from evalharness.runner import answer_digest, build_manifest
from evalharness.store import (
    ANSWERS_FILE,
    CONFIG_FILE,
    FOREIGN_ROWS_FILE,
    QUESTIONS_FILE,
    RunFolder,
    is_unused_folder,
    read_records,
    read_run,
    write_manifest,
    write_records,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalharness.domain import Answer, ModelSpec, Question
    from evalharness.formats import ImportedRecords


@dataclass(frozen=True, slots=True, kw_only=True)
class _ImportPlan:
    """The records that an import writes; they are checked before the folder is changed.

    `known` is the number of records that the run has already.
    """

    config: Mapping[str, Any]
    models: tuple[ModelSpec, ...]
    questions: tuple[Question, ...]
    answers: tuple[Answer, ...]
    known: int


def import_run_files(
    name: str,
    paths: Sequence[Path],
    folder: Path,
    command: str,
    renames: Mapping[str, str] | None = None,
) -> ImportOutcome:
    """Add the files of a format to a run and publish the run.

    Args:
        name: the name of the format, or `bundle` for a whole run.
        paths: files, and folders of files.
        folder: the folder of the run, which is made if it does not exist.
        command: the command that repeats the import.
        renames: the new names of models and judges, by their names in the files.

    Raises:
        ConfigError: the format or a path does not exist, the run has another record with the
            same name, or a name that is to be changed is not there.
        InputError: a file is damaged.
        RunLockedError: another process is writing this run.
    """
    if name == BUNDLE_FORMAT:
        if renames:
            msg = "--rename: a bundle is a whole run, whose names stay as they are"
            raise ConfigError(msg)
        return restore_bundle(paths, folder)
    imported = find_format(name).read_files(paths, renames)
    existing_run = _read_existing_run(folder)
    plan = _plan_import(imported, existing_run, folder)
    entry = _manifest_entry(imported, plan, renames or {})
    refuse_files_of_earlier_versions(entry, existing_run, folder)
    with RunFolder.open(folder) as run:
        run.write_config(plan.config, plan.questions)
        for answer in plan.answers:
            run.add_answer(answer)
        for judgment in imported.judgments.values():
            run.add_judgment(judgment)
        run.add_votes(imported.votes.values())
        unmapped_fields = {
            (row.format, row.kind, row.key): row for row in read_foreign_rows(folder)
        }
        unmapped_fields |= {
            (row.format, row.kind, row.key): row for row in imported.unmapped_fields.values()
        }
        write_records(folder / FOREIGN_ROWS_FILE, unmapped_fields.values())
    _write_import_manifest(folder, plan, entry, command)
    board = publish_run(folder)
    return ImportOutcome(
        counts=_describe_counts(entry),
        warnings=tuple(imported.warnings),
        cautions=tuple(map(str, board.cautions)),
    )


def read_foreign_rows(folder: Path) -> list[UnmappedFields]:
    """Return the fields of a run's imported rows that our records do not have."""
    return read_records(folder / FOREIGN_ROWS_FILE, UnmappedFields)


def _read_existing_run(folder: Path) -> RunRecords:
    """Return the records in the folder; they are empty if the folder is new."""
    if (folder / CONFIG_FILE).exists():
        return read_run(folder)
    if folder.exists() and not is_unused_folder(folder):
        msg = f"{folder}: is there already and is no run; choose another --run"
        raise ConfigError(msg)
    return RunRecords(name=folder.name)


def _plan_import(imported: ImportedRecords, existing_run: RunRecords, folder: Path) -> _ImportPlan:
    if imported.needs_run:
        check_labels(imported, existing_run, folder)
    models = _merge_models(imported, existing_run, folder)
    questions = _merge_questions(imported, existing_run, folder)
    specs = {
        key: build_model_spec(complete_saved_model(conf), f"models.{key}")
        for key, conf in models.items()
    }
    config: dict[str, Any] = {
        "models": models,
        "questions": {
            "name": "imported",
            "path": str(folder / QUESTIONS_FILE),
            "ids": None,
            "categories": None,
            "limit": None,
        },
        "run": folder.name,
        "results": str(folder.parent),
        "seed": 0,
    } | {key: value for key, value in existing_run.config.tree.items() if key != "models"}
    questions_by_id = {question.question_id: question for question in questions}
    answers = tuple(
        _with_digest(
            answer, specs[answer.model], questions_by_id.get(answer.question_id), config["seed"]
        )
        for answer in imported.answers.values()
    )
    describe_new_variants(imported, existing_run)
    return _ImportPlan(
        config=config,
        models=tuple(specs.values()),
        questions=questions,
        answers=answers,
        known=match_known_records(imported, answers, existing_run, folder),
    )


def _merge_models(
    imported: ImportedRecords, existing_run: RunRecords, folder: Path
) -> dict[str, Any]:
    """Return the configurations of the run's models, with the models of the imported answers."""
    answers_path = str(folder / ANSWERS_FILE)
    models: dict[str, Any] = dict(existing_run.config.tree.get("models") or {})
    for model in dict.fromkeys(answer.model for answer in imported.answers.values()):
        conf = models.get(model)
        if _is_live(conf) or (conf or {}).get("answers", answers_path) != answers_path:
            msg = f"{folder}: {model} is a model of this run already; choose another --run"
            raise ConfigError(msg)
        models[model] = complete_saved_model(build_recorded_conf(model, answers_path))
    return models


def _is_live(conf: Mapping[str, Any] | None) -> bool:
    """Return whether a configured model can reply to new requests."""
    if conf is None:
        return False
    spec = build_model_spec(complete_saved_model(conf), "models")
    return find_benchmark_access(spec) is not ModelAccess.NONE


def _with_digest(answer: Answer, model: ModelSpec, question: Question | None, seed: int) -> Answer:
    """Return an answer with the digest by which a run finds it."""
    if question is None:  # no run requests an answer to a question that it does not have
        unasked = compute_digest(["unasked", answer.model, answer.question_id, answer.sample])
        return replace(answer, digest=unasked)
    key = answer_digest(model, question, answer.sample, seed)
    return replace(answer, digest=key)


def _merge_questions(
    imported: ImportedRecords, existing_run: RunRecords, folder: Path
) -> tuple[Question, ...]:
    """Return the questions of the run, followed by the new ones."""
    existing = {question.question_id: question for question in existing_run.questions}
    for key, question in imported.questions.items():
        if existing.get(key, question) != question:
            msg = f"{folder}: has another question {key!r}; choose another --run"
            raise ConfigError(msg)
    new = [question for key, question in imported.questions.items() if key not in existing]
    if new and existing and existing_run.config.question_set != "imported":
        msg = (
            f"{folder}: asks other questions ({new[0].question_id!r} is new); choose another --run"
        )
        raise ConfigError(msg)
    return (*existing_run.questions, *new)


def _manifest_entry(
    imported: ImportedRecords, plan: _ImportPlan, renames: Mapping[str, str]
) -> dict[str, Any]:
    """Return the entry of an import in the manifest."""
    return {
        "format": imported.format,
        "files": {str(path): _sha256(path) for path in imported.paths},
        **({"renamed": dict(renames)} if renames else {}),
        "rows": imported.rows,
        "repeated": imported.repeats.number,
        "left_out": imported.left_out.number,
        "known": plan.known,
        "questions": len(imported.questions),
        "answers": len(plan.answers),
        "judgments": len(imported.judgments),
        "votes": len(imported.votes),
        "warnings": imported.warnings,
        "cautions": imported.cautions,
    }


def _describe_counts(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return sentences on what was read, and what of it does not count."""
    kinds = ("questions", "answers", "judgments", "votes")
    records = ", ".join(f"{entry[kind]} {kind}" for kind in kinds if entry[kind]) or "nothing"
    remarks = {
        "stand twice": entry["repeated"],
        "are left out": entry["left_out"],
        "of the records were in the run already": entry["known"],
    }
    files = f"{len(entry['files'])} file{'s' if len(entry['files']) != 1 else ''}"
    read = f"read {entry['rows']} rows of {files}: {records}"
    return ("; ".join((read, *(f"{number} {what}" for what, number in remarks.items() if number))),)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_import_manifest(
    folder: Path, plan: _ImportPlan, entry: dict[str, Any], command: str
) -> None:
    """Write the manifest with this import after the earlier imports of other files."""
    records = read_run(folder)
    earlier = [
        each
        for each in records.manifest.get("imported", ())
        if any(each.get(name) != entry.get(name) for name in ("format", "files", "renamed"))
    ]
    described = build_manifest(
        RunSpec(
            name=folder.name,
            models=plan.models,
            judges=(),
            questions=plan.questions,
            judging=JudgingSpec(),
        ),
        replace(records, manifest={"imported": [*earlier, entry]}),
        command=command,
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    grown = {name: described[name] for name in ("models", "questions", "imported")}
    cautions = dict.fromkeys((*records.manifest.get("cautions", ()), *described["cautions"]))
    kept = dict(records.manifest) | grown | {"cautions": list(cautions)}
    write_manifest(folder, described | kept)
