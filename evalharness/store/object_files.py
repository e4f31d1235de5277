"""Read files of a run that hold one object: its configuration (YAML) and its manifest (JSON)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from evalharness.errors import InputError
from evalharness.store.text_files import refuse_special_file
from evalharness.store.yaml_files import read_yaml

if TYPE_CHECKING:
    from pathlib import Path


def read_yaml_object(path: Path) -> dict[str, Any]:
    """Return the content of a YAML file.

    Raises:
        InputError: the file is not YAML, or holds something else than keys with values.
    """
    return _check_object(read_yaml(path) or {}, path)


def read_json_object(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file.

    Raises:
        InputError: the file is not JSON, or holds something else than an object.
    """
    refuse_special_file(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        msg = f"not JSON: {str(error).splitlines()[0]}; restore the file from a copy"
        raise InputError(msg, path=path) from error
    return _check_object(content, path)


def _refuse_constant(word: str) -> NoReturn:
    """Refuse NaN and infinity, which are no JSON.

    Raises:
        ValueError: always.
    """
    msg = f"{word} is no number of JSON"
    raise ValueError(msg)


def _check_object(content: object, path: Path) -> dict[str, Any]:
    if isinstance(content, dict):
        return content
    msg = f"keys with values are expected, not a {type(content).__name__}; restore the file from a copy"
    raise InputError(msg, path=path)
