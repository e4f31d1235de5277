"""Where weights come from, read from their folder's files without loading anything.

transformers keeps a chat template in `chat_template.jinja`, older files in `tokenizer_config.json`,
as one text or as a list of named ones; GGUF files have a field of their own.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from evalharness.backends import _embedded
from evalharness.backends._local_weights import Weights

if TYPE_CHECKING:
    from pathlib import Path

    from evalharness.domain import ModelSpec

_COMMIT = re.compile(r"[0-9a-f]{40}")
_GGUF_FIELD = "tokenizer.chat_template"


def commit(spec: ModelSpec) -> str | None:
    """Return the commit of the hub that weights were downloaded from, or None for other folders."""
    folder = _folder(Weights.of(spec))
    is_snapshot = folder is not None and folder.parent.name == "snapshots"
    return folder.name if folder and is_snapshot and _COMMIT.fullmatch(folder.name) else None


def chat_template(spec: ModelSpec) -> str | None:
    """Return the chat template that comes with weights, or None where none is found here."""
    weights = Weights.of(spec)
    folder = _folder(weights)
    if folder is None:
        return None
    try:
        if weights.gguf_file is not None:
            return _of_gguf(folder / weights.gguf_file)
        if (own := folder / "chat_template.jinja").is_file():
            return own.read_text(encoding="utf-8")
        return _default(json.loads((folder / "tokenizer_config.json").read_bytes()))
    except (OSError, ValueError):
        return None


def _folder(weights: Weights) -> Path | None:
    if weights.name == _embedded.EMBEDDED:
        return _embedded.folder() if _embedded.is_converted() else None
    return weights.folder()


def _default(config: Any) -> str | None:
    """Return the template of a tokenizer's settings; of several, the one named default."""
    found = config.get("chat_template") if isinstance(config, dict) else None
    if isinstance(found, list):
        named = {each["name"]: each["template"] for each in found}
        found = named.get("default")
    return found if isinstance(found, str) else None


def _of_gguf(path: Path) -> str | None:
    from gguf import GGUFReader

    field = GGUFReader(path).get_field(_GGUF_FIELD)
    return None if field is None else str(field.contents())
