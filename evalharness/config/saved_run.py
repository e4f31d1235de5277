"""What a run's folder says of its configuration: models and questions that came by import.

A folder into which answers were imported brings its models and questions itself, so that
`judge run=NAME` needs to name neither.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalharness.store import ANSWERS_FILE, read_run_config

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MAX_NAME_LENGTH = 200  # letters; disks take 255 bytes


def resolve_run_folder(run: str, results: str) -> Path:
    """Return a run's folder from its path, or from its name in the folder of results."""
    return Path(run) if Path(run).is_dir() or "/" in run else Path(results, run)


def is_folder_name(name: str) -> bool:
    """Whether this is the name of one folder, of which no more than the name can be meant."""
    is_plain = name.isprintable() and 0 < len(name) <= _MAX_NAME_LENGTH
    return is_plain and name not in (".", "..") and not set("/\\") & set(name)


def names_imported_run(overrides: Sequence[str]) -> bool:
    """Whether overrides name a run that has models of its own, as imported answers are."""
    given = {key.lstrip("+"): value for key, _, value in (o.partition("=") for o in overrides)}
    return bool(_read_imported_models(given.get("results", "results"), given.get("run")))


def add_imported_models(tree: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Return a configuration with the models and questions that its run's folder has by import.

    Questions that the overrides name stand as they are; a conflict with the folder's is told later.
    """
    saved = _read_imported_models(tree["results"], tree["run"])
    if not saved:
        return tree
    models = saved["models"] | tree["models"]
    names_questions = any(each.lstrip("+").startswith("questions") for each in overrides)
    questions = tree["questions"] if names_questions else saved["questions"]
    return tree | {"models": models, "questions": questions}


def _read_imported_models(results: str, run: str | None) -> dict[str, Any]:
    """Return the imported models of a folder and its questions; nothing where none were imported.

    A model is imported when its recorded answers are those of the run's own folder.
    """
    if run is None or not is_folder_name(run):  # the latter is refused later
        return {}
    folder = Path(results, run)
    saved = read_run_config(folder)
    models = {
        name: conf
        for name, conf in (saved.get("models") or {}).items()
        if conf.get("answers") == str(folder / ANSWERS_FILE)
    }
    return {"models": models, "questions": saved["questions"]} if models else {}


def iterate_settings(tree: Any, prefix: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the path and the value of every setting of a configuration that is set."""
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from iterate_settings(value, (*prefix, str(key)))
    elif tree not in ({}, None):
        yield prefix, tree
