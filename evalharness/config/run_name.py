"""Derive the default name of a run from its models, its questions, and a digest of its settings."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from evalharness.backends import list_setting_names, list_setting_types
from evalharness.config.model_schema import ModelConf
from evalharness.config.saved_run import is_folder_name
from evalharness.config.schema import RootConf
from evalharness.domain import compute_digest, escape_to_one_line, get_default, is_unset
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalharness.domain import RunSpec

# The default name does not depend on these sections: a run can be resumed with other values.
_NOT_IN_RUN_NAME = frozenset(
    {"results", "budget", "plan", "audit", "benchmarks", "contamination", "engine", "rating"}
)
_MAX_MODELS_NAMED = 3


def derive_run_name(tree: Mapping[str, Any], spec: RunSpec) -> str:
    """Return the configured name of a run, or the name derived from its settings.

    Args:
        tree: the resolved configuration.
        spec: the specification of the run.

    Raises:
        ConfigError: the configured name is not the name of one folder.
    """
    name = tree["run"]
    if name is None:
        words = [*(model.name for model in spec.models[:_MAX_MODELS_NAMED])]
        if len(spec.models) > len(words):
            words.append(f"and-{len(spec.models) - len(words)}-more")
        words.append(tree["questions"]["name"])
        content = {key: value for key, value in tree.items() if key not in _NOT_IN_RUN_NAME}
        key = compute_digest(list_set_values(content, RootConf))[:8]
        return f"{_make_folder_name('_'.join(words))}_{key}"
    if not is_folder_name(name):
        inside = f"{tree['results']}/"
        if name.startswith(inside) and is_folder_name(name.removeprefix(inside)):
            msg = f"run={name}: is looked for in {inside}; write run={name.removeprefix(inside)}"
            raise ConfigError(msg)
        msg = (
            f"run={escape_to_one_line(name)}: must be the name of one folder in {tree['results']}/, "
            "of at most 200 bytes"
        )
        raise ConfigError(msg)
    return str(name)


def _make_folder_name(text: str) -> str:
    """Return a text as a part of a folder's name: other characters than plain ones become -."""
    return re.sub(r"[^\w.+@-]+", "-", text).strip("-.") or "run"


def list_set_values(conf: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """Return the settings of a configuration that are set, without those of other backends.

    A setting is left out where its default is empty and its value equals that default, and so is
    a section in which nothing is set. So a new optional setting changes no run's default name.

    Args:
        conf: plain content that has the shape of `kind`.
        kind: a dataclass of the schema.
    """
    ignored = _list_ignored_settings(conf) if kind is ModelConf else frozenset()
    found = {}
    for name, own, default, is_marked in _list_fields(kind):
        if name not in conf or name in ignored:
            continue
        value = _keep_set(conf[name], own)
        is_set = value != default if is_marked else not is_unset(value, default)
        if is_set and not (is_dataclass(own) and value == {}):
            found[name] = value
    return found


def _keep_set(value: Any, kind: Any) -> Any:
    if is_dataclass(kind) and isinstance(kind, type):
        return list_set_values(value, kind)
    if get_origin(kind) is dict and is_dataclass(element := get_args(kind)[1]):
        return {key: _keep_set(each, element) for key, each in value.items()}
    return value


def _list_ignored_settings(conf: Mapping[str, Any]) -> frozenset[str]:
    """Return the settings of other backends than a model's own."""
    return frozenset(list_setting_types()) - list_setting_names(conf["backend"])


@lru_cache(maxsize=64)
def _list_fields(kind: type[Any]) -> tuple[tuple[str, Any, Any, bool], ...]:
    """Return the fields of a dataclass that name a run: name, type, default, `unset_by_default`."""
    types = get_type_hints(kind)
    return tuple(
        (own.name, types[own.name], get_default(own), bool(own.metadata.get("unset_by_default")))
        for own in fields(kind)
        if own.metadata.get("in_run_name", True)
    )
