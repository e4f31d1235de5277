"""Restore a run from a bundle, after unpacking and checking it in a temporary folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from evalharness.config import build_model_spec, complete_saved_model
from evalharness.errors import ConfigError, InputError
from evalharness.exchange.bundle.unpack import unpack_bundle
from evalharness.exchange.bundle.verify import check_unpacked_run
from evalharness.exchange.import_outcome import ImportOutcome
from evalharness.report import publish_run
from evalharness.runner import answer_digest
from evalharness.store import (
    ANSWERS_FILE,
    CONFIG_FILE,
    QUESTIONS_FILE,
    make_staging_folder,
    mark_imported_run,
    read_run,
    replace_file,
    write_records,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def restore_bundle(paths: Sequence[Path], folder: Path) -> ImportOutcome:
    """Restore a run from a bundle and publish the run.

    Args:
        paths: the archive; there must be exactly one.
        folder: the folder of the run, which must be empty or not exist.

    Raises:
        ConfigError: the number of archives is not one, or the folder is not empty.
        InputError: the archive is not a complete bundle, a file in it does not belong to a run, or a
            file was changed after sealing.
    """
    if len(paths) != 1:
        msg = f"{len(paths)} archives; a run is made of one, so import each under its own --run"
        raise ConfigError(msg)
    (path,) = paths
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        msg = f"{folder}: is there already; choose another --run"
        raise ConfigError(msg)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with make_staging_folder(folder.parent) as place:
        temporary = place / folder.name
        unpacked = unpack_bundle(path, temporary)
        changes = list(unpacked.changes())
        if changes:
            more = f" (+{len(changes) - 1} more; `verify` lists them)" if changes[1:] else ""
            msg = f"{changes[0]}{more}; nothing was imported"
            raise InputError(msg, path=path)
        check = check_unpacked_run(temporary, unpacked)
        _relocate_imported_answers(temporary, folder)
        board = publish_run(temporary)
        mark_imported_run(temporary, path)
        temporary.replace(folder)  # last, so that a run that is there is whole
    warnings = []
    if check.differences:
        warnings.append(
            f"{path}: {len(check.differences):,} decisions or figures do not follow from what it "
            f"holds (`verify` lists them); the first: {check.differences[0]}"
        )
    return ImportOutcome(warnings=tuple(warnings), cautions=tuple(map(str, board.cautions)))


def _relocate_imported_answers(temporary: Path, folder: Path) -> None:
    """Change the paths of a run's own answers and questions to the folder where it will be.

    The configuration of a run of imported answers names the run's own files, and the digests of the
    answers depend on it.
    """
    records = read_run(temporary)
    config = dict(records.config.tree)
    recorded_folder = Path(str(config.get("results")), str(config.get("run")))
    models = {
        name: _replace_path(conf, "answers", recorded_folder / ANSWERS_FILE, folder / ANSWERS_FILE)
        for name, conf in (config.get("models") or {}).items()
        if isinstance(conf, dict)
    }
    moved_models = {name for name, conf in models.items() if conf != config["models"][name]}
    if not moved_models:
        return
    questions_by_id = {question.question_id: question for question in records.questions}
    specs = {
        name: build_model_spec(complete_saved_model(models[name]), f"models.{name}")
        for name in moved_models
    }
    answers = [
        replace(
            answer,
            digest=answer_digest(
                specs[answer.model],
                questions_by_id[answer.question_id],
                answer.sample,
                records.config.seed,
            ),
        )
        if answer.model in moved_models and answer.question_id in questions_by_id
        else answer
        for answer in records.answers
    ]
    questions = _replace_path(
        config.get("questions") or {},
        "path",
        recorded_folder / QUESTIONS_FILE,
        folder / QUESTIONS_FILE,
    )
    config |= {"models": config["models"] | models, "questions": questions}
    config |= {"run": folder.name, "results": str(folder.parent)}
    write_records(temporary / ANSWERS_FILE, answers)
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    replace_file(temporary / CONFIG_FILE, text.encode())


def _replace_path(
    conf: Mapping[str, Any], field: str, old_path: Path, new_path: Path
) -> dict[str, Any]:
    return dict(conf) | ({field: str(new_path)} if conf.get(field) == str(old_path) else {})
