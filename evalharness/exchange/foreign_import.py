"""Other tools' files into a run's folder: everything is read and checked before anything is made.

An imported run is a run like any other. Its models are of the backend `recorded`, and their answers
stand in the run's own `answers.jsonl`, so that `judge run=NAME` finds them.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from evalharness.config import ModelConf, build_model_spec, complete_saved_model
from evalharness.domain import JudgingSpec, RunRecords, RunSpec
from evalharness.errors import ConfigError
from evalharness.exchange.bundle.restore import restore_bundle
from evalharness.exchange.bundle.write import BUNDLE_FORMAT
from evalharness.formats import UnmappedFields, find_format, models_of
from evalharness.report import publish_run
from evalharness.runner import answer_digest, build_manifest
from evalharness.store import (
    ANSWERS_FILE,
    CONFIG_FILE,
    QUESTIONS_FILE,
    RunFolder,
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

FOREIGN_ROWS_FILE = "foreign.jsonl"
"""What rows of other tools held beyond our records; `export` gives it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _ImportPlan:
    """What an import will write; made and checked before the folder is touched."""

    config: Mapping[str, Any]
    models: tuple[ModelSpec, ...]
    questions: tuple[Question, ...]
    answers: tuple[Answer, ...]


def import_run_files(
    name: str, paths: Sequence[Path], folder: Path, command: str
) -> tuple[str, ...]:
    """Add the files of a format to a run's folder and publish it; return the warnings.

    Args:
        name: the format; `bundle` is a whole run of ours.
        paths: its files, or folders of them.
        folder: the run's; made if need be.
        command: the command that repeats the import.

    Raises:
        ConfigError: the format or a path does not exist, or the run holds something else under the
            same name.
        InputError: a file is not as it should be.
        RunLockedError: another process is writing this run.
    """
    if name == BUNDLE_FORMAT:
        return restore_bundle(paths, folder)
    gathering = find_format(name).read(paths)
    before = _read_existing_run(folder)
    plan = _plan_import(gathering, before, folder)
    entry = _manifest_entry(gathering, plan)
    with RunFolder.open(folder) as run:
        run.describe(plan.config, plan.questions)
        for answer in plan.answers:
            run.add_answer(answer)
        for judgment in gathering.judgments.values():
            run.add_judgment(judgment)
        run.add_votes(gathering.votes.values())
        foreign = {(row.format, row.kind, row.key): row for row in read_foreign_rows(folder)}
        foreign |= {(row.format, row.kind, row.key): row for row in gathering.foreign.values()}
        write_records(folder / FOREIGN_ROWS_FILE, foreign.values())
    _write_import_manifest(folder, plan, entry, command)
    publish_run(folder)
    return tuple(gathering.warnings)


def read_foreign_rows(folder: Path) -> list[UnmappedFields]:
    """Return what a run's imported rows held beyond our records."""
    return read_records(folder / FOREIGN_ROWS_FILE, UnmappedFields)


def _read_existing_run(folder: Path) -> RunRecords:
    """Return what the folder holds; nothing when it is new."""
    if (folder / CONFIG_FILE).exists():
        return read_run(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        msg = f"{folder}: is there already and is no run; choose another --run"
        raise ConfigError(msg)
    return RunRecords(name=folder.name)


def _plan_import(gathering: ImportedRecords, before: RunRecords, folder: Path) -> _ImportPlan:
    if gathering.needs_run:
        _refuse_unknown_labels(gathering, before, folder)
    own = str(folder / ANSWERS_FILE)
    models: dict[str, Any] = dict(before.config.get("models") or {})
    for model in dict.fromkeys(answer.model for answer in gathering.answers.values()):
        if models.get(model, {}).get("answers", own) != own or _is_live(models.get(model)):
            msg = f"{folder}: {model} is a model of this run already; choose another --run"
            raise ConfigError(msg)
        models[model] = asdict(ModelConf(name=model, backend="recorded", answers=own))
    questions = _merge_questions(gathering, before, folder)
    specs = {
        key: build_model_spec(complete_saved_model(conf), f"models.{key}")
        for key, conf in models.items()
    }
    asked = {question.question_id: question for question in questions}
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
    } | {key: value for key, value in before.config.items() if key != "models"}
    answers = tuple(
        _with_digest(answer, specs[answer.model], asked.get(answer.question_id), config["seed"])
        for answer in gathering.answers.values()
    )
    plan = _ImportPlan(
        config=config, models=tuple(specs.values()), questions=questions, answers=answers
    )
    _refuse_overwrites(gathering, plan, before, folder)
    return plan


def _is_live(conf: Mapping[str, Any] | None) -> bool:
    return conf is not None and conf.get("backend") != "recorded"


def _with_digest(answer: Answer, model: ModelSpec, question: Question | None, seed: int) -> Answer:
    """Return an answer under the key by which a run would look for it."""
    if question is None:  # nobody asks for the answer to a question that is not there
        return replace(answer, digest=f"{answer.model}/{answer.question_id}/{answer.sample}")
    key = answer_digest(model, question, answer.sample, seed)
    return replace(answer, digest=key)


def _merge_questions(
    gathering: ImportedRecords, before: RunRecords, folder: Path
) -> tuple[Question, ...]:
    """Return the run's questions with the new ones behind them."""
    there = {question.question_id: question for question in before.questions}
    for key, question in gathering.questions.items():
        if there.get(key, question) != question:
            msg = f"{folder}: has another question {key!r}; choose another --run"
            raise ConfigError(msg)
    new = [question for key, question in gathering.questions.items() if key not in there]
    if new and there and before.config.get("questions", {}).get("name") != "imported":
        msg = (
            f"{folder}: asks other questions ({new[0].question_id!r} is new); choose another --run"
        )
        raise ConfigError(msg)
    return (*before.questions, *new)


def _refuse_unknown_labels(gathering: ImportedRecords, before: RunRecords, folder: Path) -> None:
    """Refuse labels of what the run does not have."""
    judged = (*before.judgments, *before.votes)
    if not (before.answers or judged):
        msg = f"{folder}: no answers are there to be labelled; name the run that holds them"
        raise ConfigError(msg)
    models = {answer.model for answer in before.answers}
    models |= {model for each in judged for model in models_of(each)}
    ids = {question.question_id for question in before.questions}
    for label in (*gathering.judgments.values(), *gathering.votes.values()):
        strange = [model for model in models_of(label) if model not in models]
        if strange:
            msg = f"{folder}: there is no model {strange[0]!r}, which a label names"
            raise ConfigError(msg)
        if label.question_id not in ids:
            msg = f"{folder}: there is no question {label.question_id!r}, which a label names"
            raise ConfigError(msg)


def _refuse_overwrites(
    gathering: ImportedRecords, plan: _ImportPlan, before: RunRecords, folder: Path
) -> None:
    """Refuse what would replace something else under the same key."""
    there: dict[str, object] = {answer.digest: answer for answer in before.answers}
    there |= {row.digest: row for row in (*before.judgments, *before.votes)}
    found = (*plan.answers, *gathering.judgments.values(), *gathering.votes.values())
    for record in found:
        if there.get(record.digest, record) != record:
            msg = (
                f"{folder}: holds something else for question {record.question_id} of "
                f"{getattr(record, 'model', None) or getattr(record, 'judge', '')}; "
                "choose another --run"
            )
            raise ConfigError(msg)


def _manifest_entry(gathering: ImportedRecords, plan: _ImportPlan) -> dict[str, Any]:
    """Return what the manifest tells about an import."""
    return {
        "format": gathering.format,
        "files": {str(path): _sha256(path) for path in gathering.paths},
        "answers": len(plan.answers),
        "judgments": len(gathering.judgments),
        "votes": len(gathering.votes),
        "warnings": gathering.warnings,
        "cautions": gathering.cautions,
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_import_manifest(
    folder: Path, plan: _ImportPlan, entry: dict[str, Any], command: str
) -> None:
    """Write the manifest, with this import behind earlier ones of other files."""
    records = read_run(folder)
    earlier = [
        each
        for each in records.manifest.get("imported", ())
        if (each["format"], each["files"]) != (entry["format"], entry["files"])
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
