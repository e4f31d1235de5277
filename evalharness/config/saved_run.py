"""Read the configuration of a run folder, and iterate over the settings that a result depends on.

A folder into which answers were imported defines its own models and questions, so that
`judge run=NAME` need not name them.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalharness.backends import list_backends, list_neutral_settings, list_setting_names
from evalharness.config.model_schema import RUN_SEED, CommonModelConf, ModelConf
from evalharness.domain import ModelSpec, list_neutral_fields
from evalharness.store import ANSWERS_FILE, QUESTIONS_FILE, read_run_config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_IMPORTED_QUESTIONS = {"name": "imported", "ids": None, "categories": None, "limit": None}
_MAX_NAME_BYTES = 200  # file systems accept 255, and temporary files have longer names


def resolve_run_folder(run: str, results: str) -> Path:
    """Return a run's folder from its path, or from its name in the folder of results."""
    return Path(run) if Path(run).is_dir() or "/" in run else Path(results, run)


def is_folder_name(name: str) -> bool:
    """Return whether a text is a plain name of a folder, without a path in it."""
    is_plain = name.isprintable() and 0 < len(name.encode(errors="replace")) <= _MAX_NAME_BYTES
    return is_plain and name not in (".", "..") and not set("/\\") & set(name)


def names_imported_run(overrides: Sequence[str]) -> bool:
    """Return whether overrides name a run into which answers were imported."""
    values = {key.lstrip("+"): value for key, _, value in (o.partition("=") for o in overrides)}
    return bool(_read_imported_models(values.get("results", "results"), values.get("run")))


def add_imported_models(tree: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Return a configuration, completed with the imported models and questions of its run folder.

    Questions that the overrides name are kept; a conflict with the folder is reported later.
    """
    saved = _read_imported_models(tree["results"], tree["run"])
    if not saved:
        return tree
    models = saved["models"] | tree["models"]
    names_questions = any(key.lstrip("+").startswith("questions") for key in overrides)
    questions = tree["questions"] if names_questions else saved["questions"]
    return tree | {"models": models, "questions": questions}


def upgrade_saved_config(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return a saved configuration as this release writes it.

    Earlier releases wrote `seed: null` where a seed is derived from the run's; now it is `run`,
    and null means that none is sent.
    """
    upgraded = dict(tree)
    if "models" in tree:
        upgraded["models"] = {
            name: upgrade_saved_model(conf) for name, conf in tree["models"].items()
        }
    if "panel" in tree:
        upgraded["panel"] = {name: _upgrade_judge(conf) for name, conf in tree["panel"].items()}
    if "judge" in tree:
        upgraded["judge"] = _upgrade_judge(tree["judge"])
    return upgraded


def upgrade_saved_model(conf: Mapping[str, Any]) -> dict[str, Any]:
    """Return the saved configuration of one model as this release writes it."""
    sampling = conf.get("sampling") or {}
    if "template_options" in conf or sampling.get("seed", 0) is not None:
        return dict(conf)
    return dict(conf) | {"sampling": dict(sampling) | {"seed": RUN_SEED}}


def _upgrade_judge(conf: Mapping[str, Any]) -> dict[str, Any]:
    return dict(conf) | ({"model": upgrade_saved_model(conf["model"])} if "model" in conf else {})


def _read_imported_models(results: str, run: str | None) -> dict[str, Any]:
    """Return the imported models and the questions of a run folder; an empty dict if there are none.

    A model is an imported one if its recorded answers are in the run's own folder. The questions are
    those that the folder holds, wherever they came from.
    """
    if run is None or not is_folder_name(run):  # a malformed name is refused later
        return {}
    folder = Path(results, run)
    saved = read_run_config(folder)
    models = {
        name: asdict(ModelConf()) | upgrade_saved_model(conf)
        for name, conf in _get_mapping(saved, "models").items()
        if isinstance(conf, dict) and conf.get("answers") == str(folder / ANSWERS_FILE)
    }
    path = str(folder / QUESTIONS_FILE)
    questions = _IMPORTED_QUESTIONS | _get_mapping(saved, "questions")
    return {"models": models, "questions": questions | {"path": path}} if models else {}


def _get_mapping(saved: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = saved.get(name)
    return section if isinstance(section, dict) else {}


def iterate_settings(tree: Any, prefix: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the path and the value of every setting that has a value.

    A model's settings of other backends than its own are left out: its backend ignores them, and
    which of them there are depends on the packages that are installed.
    """
    if isinstance(tree, dict) and tree:
        for key, value in _drop_other_settings(tree).items():
            yield from iterate_settings(value, (*prefix, str(key)))
    elif tree not in ({}, None):
        yield prefix, tree


def list_neutral_names() -> frozenset[str]:
    """Return the settings of models and judges that change no text: speed, access, prices."""
    notes = {own.name for own in fields(ModelConf) if not own.metadata.get("in_run_name", True)}
    notes -= {own.name for own in fields(ModelSpec)}  # which say themselves what is neutral
    own = list_neutral_settings() | list_neutral_fields(ModelSpec)
    return own | notes | {"mode", "caution", "trial"}


def _drop_other_settings(conf: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a model without the settings of other backends; anything else as it is."""
    backend = conf.get("backend")
    if backend is None or backend not in list_backends():
        return conf
    known = list_setting_names(backend) | {own.name for own in fields(CommonModelConf)}
    return {name: value for name, value in conf.items() if name in known}
