"""Models in folders on this machine: checkpoints, and LoRA adapters on top of a base."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalharness.config.names.catalogue import describe_entry
from evalharness.config.names.families import guess_family, usually_thinks
from evalharness.config.names.model_choice import ModelChoice
from evalharness.config.names.written_name import make_key
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MODEL_FILE, _ADAPTER_FILE = "config.json", "adapter_config.json"
_PATH_STARTS = ("./", "../", "/", "~/")


def is_path(text: str) -> bool:
    """Return whether a name is written as a path: ./folder, ../folder, /folder, ~/folder."""
    return text.startswith(_PATH_STARTS) or text in (".", "..")


def list_folders(text: str, place: str) -> list[Path]:
    """Return the folder that a path names, or those that its `*` stand for, in natural order.

    Raises:
        ConfigError: there is no such folder, or none that holds a model.
    """
    if "*" not in text:
        folder = Path(text)
        _refuse_empty(folder, f"{place}={text}")
        return [folder]
    path = Path(text).expanduser()
    anchor = Path(path.anchor) if path.is_absolute() else Path()
    pattern = str(path.relative_to(anchor)) if path.is_absolute() else str(path)
    found = [
        folder for folder in anchor.glob(pattern) if folder.is_dir() and _find_model_file(folder)
    ]
    if not found:
        msg = f"{place}={text}: there is no such folder with a {_MODEL_FILE} or {_ADAPTER_FILE}"
        raise ConfigError(msg)
    return sorted(found, key=_natural_order)


def expand_path(text: str, place: str) -> list[str]:
    """Return a name, or the names of the folders that a path with `*` stands for.

    Args:
        text: the name; settings of a variant stay with each folder.
        place: the override that has it, for messages.

    Raises:
        ConfigError: there is no such folder that holds a model.
    """
    base, mark, settings = text.partition("?")
    on, plus, path = base.rpartition("+")
    if "*" not in path or not is_path(path):
        return [text]
    folders = list_folders(path, place)
    return [f"{on}{plus}{write_path(folder)}{mark}{settings}" for folder in folders]


def write_path(folder: Path) -> str:
    """Return a path in a form that no hub id has: absolute, or from `.` on."""
    text = str(folder)
    return text if text.startswith(("/", "../", "~")) else f"./{text}"


def choose_folder(folder: Path, text: str, place: str) -> ModelChoice:
    """Return the model in a folder; a folder with an adapter alone is put on its own base.

    Args:
        folder: the folder.
        text: the folder as it is to be stored.
        place: the override that names it, for messages.

    Raises:
        ConfigError: the folder holds an adapter that does not name its base.
    """
    parts = folder.expanduser().resolve().parts
    is_checkpoint = re.fullmatch(r"checkpoint[-_]?\d+|final|best|adapter", parts[-1])
    name = "/".join(parts[-2:] if is_checkpoint else parts[-1:]).strip("/")
    weights: dict[str, Any] = {"weights": text}
    if _find_model_file(folder) == _ADAPTER_FILE:
        weights = {"weights": _read_adapter_base(folder, f"{place}={text}"), "adapter": text}
    return describe_weights(name, "/".join(parts[-2:]).strip("/"), weights, _guess_id(folder, name))


def describe_weights(
    name: str, long_name: str, settings: Mapping[str, Any], model_id: str
) -> ModelChoice:
    """Return a model that runs here, asked with the chat template of its tokenizer.

    Args:
        name: the name in tables.
        long_name: the name where two models would have the same.
        settings: the weights, and what else is known of them.
        model_id: what the guesses about the model are made from.
    """
    thinks = usually_thinks(model_id)
    option = make_key("_".join(str(value) for value in settings.values() if value))
    home = describe_entry(option, {**settings, "name": name})
    return ModelChoice(
        option=option,
        name=name,
        long_name=long_name,
        spellings=(option, name, long_name),
        home=home,
        node={
            "defaults": [
                {"/template@_here_": "tokenizer"},
                {"/sampling@sampling": "reasoning" if thinks else "mt_bench"},
                "_self_",
            ],
            "name": name,
            "backend": "local_transformers",
            "family": guess_family(model_id),
            "thinks": thinks,
            **settings,
        },
    )


def choose_adapter(base: ModelChoice, adapter: Path, text: str, place: str) -> ModelChoice:
    """Return a model with a LoRA adapter on top.

    Args:
        base: the model.
        adapter: the folder of the adapter.
        text: the folder as it is to be stored.
        place: the override that names it, for messages.

    Raises:
        ConfigError: the folder holds no adapter.
    """
    if not (adapter.expanduser() / _ADAPTER_FILE).is_file():
        msg = f"{place}: {text} holds no LoRA adapter ({_ADAPTER_FILE} is missing)"
        raise ConfigError(msg)
    name = f"{base.name}+{adapter.expanduser().resolve().name}"
    return base.extend(f"{base.option}_{make_key(text)}", name, {"adapter": text})


def _natural_order(folder: Path) -> list[tuple[bool, int, str]]:
    """Return a key with which checkpoint-2 comes before checkpoint-10."""
    parts = re.split(r"(\d+)", str(folder))
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def _find_model_file(folder: Path) -> str | None:
    """Return which file shows that a folder holds a model or an adapter; None if none does."""
    inside = folder.expanduser()
    found = (name for name in (_MODEL_FILE, _ADAPTER_FILE) if (inside / name).is_file())
    return next(found, None)


def _refuse_empty(folder: Path, place: str) -> None:
    if not folder.expanduser().is_dir():
        msg = f"{place}: there is no such folder"
        raise ConfigError(msg)
    if _find_model_file(folder) is None and not any(folder.expanduser().glob("*.gguf")):
        checkpoints = any(_find_model_file(inside) for inside in folder.expanduser().glob("*/"))
        remedy = f", but its folders do: write {place}/*" if checkpoints else ""
        msg = f"{place}: the folder holds no model ({_MODEL_FILE} is missing){remedy}"
        raise ConfigError(msg)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _read_adapter_base(folder: Path, place: str) -> str:
    content = _read_json(folder.expanduser() / _ADAPTER_FILE)
    base = content.get("base_model_name_or_path") if isinstance(content, dict) else None
    if not isinstance(base, str) or not base:
        msg = f"{place}: the adapter does not name its base; write ./BASE+{place.partition('=')[2]}"
        raise ConfigError(msg)
    return base


def _guess_id(folder: Path, name: str) -> str:
    """Return an id to guess from: where the weights come from, if the folder says it."""
    inside = folder.expanduser()
    said = [_read_json(inside / file) for file in (_MODEL_FILE, _ADAPTER_FILE)]
    keys: Sequence[str] = ("base_model_name_or_path", "_name_or_path", "model_type")
    found = [each[key] for key in keys for each in said if isinstance(each, dict) and each.get(key)]
    return str(found[0]) if found else name
