"""A bundle as a run again: unpacked, checked, and only then put in its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from evalharness import answering, verifying
from evalharness._specs import model_spec
from evalharness.errors import ConfigError, InputError
from evalharness.publishing import publish
from evalharness.schema import saved_model
from evalharness.store import jsonl
from evalharness.store.run_folder import ANSWERS, CONFIG, QUESTIONS, read_run
from evalharness.unpacking import unpack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def restore(paths: Sequence[Path], folder: Path) -> tuple[str, ...]:
    """Make a bundle a run in this folder and publish it; return what to be careful about.

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
        unpacked = unpack(path, inside)
        changes = list(unpacked.changes())
        if changes:
            more = f" (+{len(changes) - 1} more; `verify` lists them)" if changes[1:] else ""
            msg = f"{changes[0]}{more}; nothing was imported"
            raise InputError(msg, path=path)
        found = verifying.examine(inside, unpacked)
        inside.replace(folder)
    _move_in(folder)
    publish(folder)
    if not found.differences:
        return ()
    number = len(found.differences)
    said = f"{path}: {number:,} decisions or figures do not follow from what it holds"
    return (f"{said} (`verify` lists them); the first: {found.differences[0]}",)


def _move_in(folder: Path) -> None:
    """Let a run of imported answers find them where they are now.

    Its configuration names its own files, and the answers' keys depend on it.
    """
    records = read_run(folder)
    config = dict(records.config)
    before = Path(str(config.get("results")), str(config.get("run")))
    models = {
        name: _moved(conf, "answers", before / ANSWERS, folder / ANSWERS)
        for name, conf in (config.get("models") or {}).items()
        if isinstance(conf, dict)
    }
    moved = {name for name, conf in models.items() if conf != config["models"][name]}
    if not moved:
        return
    asked = {question.question_id: question for question in records.questions}
    specs = {name: model_spec(saved_model(models[name]), f"models.{name}") for name in moved}
    seed = config.get("seed", 0)
    answers = [
        replace(
            answer,
            digest=answering.answer_digest(
                specs[answer.model], asked[answer.question_id], answer.sample, seed
            ),
        )
        if answer.model in moved and answer.question_id in asked
        else answer
        for answer in records.answers
    ]
    questions = _moved(
        config.get("questions") or {}, "path", before / QUESTIONS, folder / QUESTIONS
    )
    config |= {"models": config["models"] | models, "questions": questions}
    config |= {"run": folder.name, "results": str(folder.parent)}
    jsonl.write(folder / ANSWERS, answers)
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    jsonl.replace(folder / CONFIG, text.encode())


def _moved(conf: Mapping[str, Any], field: str, before: Path, now: Path) -> dict[str, Any]:
    return dict(conf) | ({field: str(now)} if conf.get(field) == str(before) else {})
