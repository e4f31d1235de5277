"""A bundle as a run again: unpacked, checked, and only then put in its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
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
    read_run,
    replace_file,
    write_records,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def restore_bundle(paths: Sequence[Path], folder: Path) -> ImportOutcome:
    """Make a bundle a run in this folder, and publish the run.

    Args:
        paths: the archive, one.
        folder: the run's; nothing may be there yet.

    Raises:
        ConfigError: not one archive is named, or something is in the folder.
        InputError: it is no whole bundle, a file in it has no place in a run, or is not as sealed.
    """
    if len(paths) != 1:
        msg = f"{len(paths)} archives; a run is made of one, so import each under its own --run"
        raise ConfigError(msg)
    (path,) = paths
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        msg = f"{folder}: is there already; choose another --run"
        raise ConfigError(msg)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".unpacking-", dir=folder.parent) as place:
        inside = Path(place, folder.name)
        unpacked = unpack_bundle(path, inside)
        changes = list(unpacked.changes())
        if changes:
            more = f" (+{len(changes) - 1} more; `verify` lists them)" if changes[1:] else ""
            msg = f"{changes[0]}{more}; nothing was imported"
            raise InputError(msg, path=path)
        found = check_unpacked_run(inside, unpacked)
        inside.replace(folder)
    _relocate_imported_answers(folder)
    board = publish_run(folder)
    warnings = []
    if found.differences:
        number = len(found.differences)
        said = f"{path}: {number:,} decisions or figures do not follow from what it holds"
        warnings.append(f"{said} (`verify` lists them); the first: {found.differences[0]}")
    return ImportOutcome(warnings=tuple(warnings), cautions=tuple(map(str, board.cautions)))


def _relocate_imported_answers(folder: Path) -> None:
    """Let a run of imported answers find them where they are now.

    Its configuration names its own files, and the answers' keys depend on it.
    """
    records = read_run(folder)
    config = dict(records.config.tree)
    before = Path(str(config.get("results")), str(config.get("run")))
    models = {
        name: _replace_path(conf, "answers", before / ANSWERS_FILE, folder / ANSWERS_FILE)
        for name, conf in (config.get("models") or {}).items()
        if isinstance(conf, dict)
    }
    moved = {name for name, conf in models.items() if conf != config["models"][name]}
    if not moved:
        return
    asked = {question.question_id: question for question in records.questions}
    specs = {
        name: build_model_spec(complete_saved_model(models[name]), f"models.{name}")
        for name in moved
    }
    answers = [
        replace(
            answer,
            digest=answer_digest(
                specs[answer.model], asked[answer.question_id], answer.sample, records.config.seed
            ),
        )
        if answer.model in moved and answer.question_id in asked
        else answer
        for answer in records.answers
    ]
    questions = _replace_path(
        config.get("questions") or {}, "path", before / QUESTIONS_FILE, folder / QUESTIONS_FILE
    )
    config |= {"models": config["models"] | models, "questions": questions}
    config |= {"run": folder.name, "results": str(folder.parent)}
    write_records(folder / ANSWERS_FILE, answers)
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    replace_file(folder / CONFIG_FILE, text.encode())


def _replace_path(conf: Mapping[str, Any], field: str, before: Path, now: Path) -> dict[str, Any]:
    return dict(conf) | ({field: str(now)} if conf.get(field) == str(before) else {})
