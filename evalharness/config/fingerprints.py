"""Add to the models of a run the fingerprints of their files, which settings only name by a path.

A fingerprint is part of what a model is: recorded answers that were rewritten, or weights that were saved
again, make another model, with keys of its own.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalharness.backends import HUB_COMMIT, find_backend
from evalharness.store import ANSWERS_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalharness.domain import ModelSpec, RunSpec

FINGERPRINT = "fingerprint"


def add_fingerprints(
    spec: RunSpec, tree: Mapping[str, Any], saved: Mapping[str, Any], folder: Path
) -> tuple[RunSpec, dict[str, Any]]:
    """Return a run and its configuration with the fingerprints of all models.

    Args:
        spec: the run.
        tree: its configuration.
        saved: the configuration in the run's folder; empty if the folder is new.
        folder: the run's folder.

    Raises:
        InputError: a file of a model cannot be read as what it should be.
    """
    models = tuple(
        _add_fingerprint(model, (saved.get("models") or {}).get(key), folder)
        for key, model in zip(tree["models"], spec.models, strict=True)
    )
    saved_judges = [saved.get("judge"), *((saved.get("panel") or {}).get(k) for k in tree["panel"])]
    judges = tuple(
        replace(judge, model=_add_fingerprint(judge.model, (conf or {}).get("model"), folder))
        for judge, conf in zip(spec.judges, saved_judges, strict=True)
    )
    judge, *panel = (each.model for each in judges)
    added = {
        "models": {
            key: _note_fingerprint(conf, model)
            for (key, conf), model in zip(tree["models"].items(), models, strict=True)
        },
        "judge": tree["judge"] | {"model": _note_fingerprint(tree["judge"]["model"], judge)},
        "panel": {
            key: conf | {"model": _note_fingerprint(conf["model"], model)}
            for (key, conf), model in zip(tree["panel"].items(), panel, strict=True)
        },
    }
    return replace(spec, models=models, judges=judges), dict(tree) | added


def _add_fingerprint(model: ModelSpec, saved: Mapping[str, Any] | None, folder: Path) -> ModelSpec:
    """Return a model with its fingerprint.

    A run's folder fixes what cannot be compared: its files may not be on this machine now, or were
    not when the run began, as weights that the run downloaded. It also fixes the commit of
    published weights; that they have moved on is a caution of the run.
    """
    answers = model.get_setting("answers")
    if answers is not None and Path(answers).resolve() == (folder / ANSWERS_FILE).resolve():
        return model  # the answers of an imported run are in its own folder
    found = find_backend(model.backend).compute_fingerprint(model)
    if saved is not None:
        before = saved.get(FINGERPRINT)
        is_fixed = before is None or found is None or before.startswith(HUB_COMMIT)
        found = before if is_fixed else found
    return model if found is None else replace(model, fingerprint=found)


def _note_fingerprint(conf: Mapping[str, Any], model: ModelSpec) -> dict[str, Any]:
    return dict(conf) | {FINGERPRINT: model.fingerprint}
