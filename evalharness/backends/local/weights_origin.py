"""Read the commit and the chat template of weights from their files, without loading them.

transformers stores a chat template in `chat_template.jinja`, older files in `tokenizer_config.json`,
as one text or as a list of named ones; GGUF files have a field for it.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from evalharness.backends.local.embedded_model import (
    EMBEDDED_MODEL,
    is_embedded_model_converted,
    prepare_embedded_folder,
)
from evalharness.backends.local.weights import Weights

if TYPE_CHECKING:
    from pathlib import Path

    from evalharness.domain import ModelSpec

_COMMIT = re.compile(r"[0-9a-f]{40}")
_GGUF_FIELD = "tokenizer.chat_template"


def is_commit(revision: str) -> bool:
    """Return whether a revision is a commit, which never changes."""
    return bool(_COMMIT.fullmatch(revision))


def find_hub_commit(spec: ModelSpec) -> str | None:
    """Return the commit on the hub of downloaded weights; None for other folders."""
    folder = _find_weights_folder(Weights.of(spec))
    is_snapshot = folder is not None and folder.parent.name == "snapshots"
    return folder.name if folder and is_snapshot and _COMMIT.fullmatch(folder.name) else None


def read_chat_template(spec: ModelSpec) -> str | None:
    """Return the chat template of weights; None if there is none on this machine."""
    weights = Weights.of(spec)
    folder = _find_weights_folder(weights)
    if folder is None:
        return None
    try:
        if weights.gguf_file is not None:
            return _read_gguf_template(folder / weights.gguf_file)
        if (own := folder / "chat_template.jinja").is_file():
            return own.read_text(encoding="utf-8")
        return _select_default_template(json.loads((folder / "tokenizer_config.json").read_bytes()))
    except (OSError, ValueError):
        return None


def _find_weights_folder(weights: Weights) -> Path | None:
    if weights.name == EMBEDDED_MODEL:
        return prepare_embedded_folder() if is_embedded_model_converted() else None
    return weights.folder()


def _select_default_template(config: Any) -> str | None:
    """Return the template in the configuration of a tokenizer; of several, the one named default."""
    found = config.get("chat_template") if isinstance(config, dict) else None
    if isinstance(found, list):
        named = {each["name"]: each["template"] for each in found}
        found = named.get("default")
    return found if isinstance(found, str) else None


def _read_gguf_template(path: Path) -> str | None:
    from gguf import GGUFReader

    field = GGUFReader(path).get_field(_GGUF_FIELD)
    return None if field is None else str(field.contents())
