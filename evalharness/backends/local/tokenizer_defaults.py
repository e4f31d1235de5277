"""Load LLaMA's tokenizers as checkpoints of transformers 4 meant them.

Release 5 changed defaults of `LlamaTokenizer`: a checkpoint that does not say otherwise lost the token
that begins a text (`add_bos_token`), and the space before a text that follows a special token
(`legacy`), such as the next turn after `</s>`. Release 4 took both from `tokenizer.json` where there
is one, and had them on otherwise. A model that was trained with them is asked with other tokens
without them, unseen.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = ("LlamaTokenizer", "CodeLlamaTokenizer")
_DEFAULTS_OF_RELEASE_4 = {"legacy": True, "add_bos_token": True}


def find_older_defaults(tokenizer: Any, folder: Path) -> dict[str, bool]:
    """Return the arguments to load a tokenizer with instead; empty if it is right as it is.

    Args:
        tokenizer: as transformers loads it without these arguments.
        folder: the folder of the checkpoint.
    """
    if type(tokenizer).__name__.removesuffix("Fast") not in _KINDS:
        return {}
    layout = _read_json(folder / "tokenizer.json")
    if layout:
        prefixes = _prefixes_every_part(layout)
        meant = {} if prefixes is None else {"legacy": prefixes}
    else:
        said = _read_json(folder / "tokenizer_config.json")
        meant = {name: on for name, on in _DEFAULTS_OF_RELEASE_4.items() if said.get(name) is None}
    return {name: on for name, on in meant.items() if getattr(tokenizer, name, None) != on}


def describe_token_change(tokenizer: Any, folder: Path) -> str | None:
    """Return how the tokens of LLaMA's tokenizer differ from its `tokenizer.json`; None if not.

    Args:
        tokenizer: as it will be used.
        folder: the folder of the checkpoint.
    """
    path = folder / "tokenizer.json"
    if type(tokenizer).__name__.removesuffix("Fast") not in _KINDS or not path.is_file():
        return None
    from tokenizers import Tokenizer

    meant = Tokenizer.from_file(str(path))
    for text, name in (
        ("", "the token that begins a text"),
        (f"Hi.{tokenizer.eos_token}USER: Hi", "the turn after the end of a reply"),
    ):
        if meant.encode(text).ids != tokenizer(text)["input_ids"]:
            return f"{name} has other tokens than in {path}"
    return None


def _prefixes_every_part(layout: dict[str, Any]) -> bool | None:
    """Return whether a tokenizer puts a space before every text after a special token.

    None means that its layout is not LLaMA's.
    """
    normalizer = layout.get("normalizer") or {}
    steps = [normalizer, *normalizer.get("normalizers", ())]
    if any(step.get("type") == "Prepend" for step in steps):
        return True
    splitter = layout.get("pre_tokenizer") or {}
    if splitter.get("type") != "Metaspace":
        return None
    default = "always" if splitter.get("add_prefix_space", True) else "never"
    return bool(splitter.get("prepend_scheme", default) == "always")


def _read_json(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return content if isinstance(content, dict) else {}
