"""LoRA adapters on top of weights, through peft."""

from __future__ import annotations

import importlib.util
import json
import warnings
from pathlib import Path
from typing import Any

ADAPTER_FILE = "adapter_config.json"
_TOKENIZER_FILE = "tokenizer_config.json"
_DEFAULT_RANK = 8
_PATH_STARTS = ("./", "../", "/", "~", ".")


def explain_missing_adapter(adapter: str, *, needs_peft: bool = True) -> str | None:
    """Return what prevents loading an adapter, or None; imports nothing heavy.

    Args:
        adapter: a folder, or a hub id.
        needs_peft: whether peft loads it, not another program.
    """
    folder = Path(adapter).expanduser()
    if needs_peft and importlib.util.find_spec("peft") is None:
        return "peft is not installed: pip install 'evalharness[peft]'"
    if not folder.is_dir():
        is_path = adapter.startswith(_PATH_STARTS) or adapter.count("/") != 1
        return f"there is no folder {adapter}" if is_path else None
    if not (folder / ADAPTER_FILE).is_file():
        return f"{adapter} has no {ADAPTER_FILE}, so it holds no adapter"
    return None


def brings_tokenizer(adapter: str) -> bool:
    """Return whether the folder of an adapter holds a tokenizer."""
    return (Path(adapter).expanduser() / _TOKENIZER_FILE).is_file()


def read_adapter_rank(adapter: str) -> int:
    """Return the largest rank of an adapter's matrices; a usual one where no file says it."""
    path = Path(adapter).expanduser() / ADAPTER_FILE
    if not path.is_file():
        return _DEFAULT_RANK
    content = json.loads(path.read_text(encoding="utf-8"))
    ranks = (content.get("r"), *(content.get("rank_pattern") or {}).values())
    return max((rank for rank in ranks if isinstance(rank, int)), default=_DEFAULT_RANK)


def merge_adapter(model: Any, adapter: str, vocabulary_size: int = 0) -> Any:
    """Return a model with an adapter merged into its weights, as fast as without one.

    Args:
        model: a model of transformers.
        adapter: a folder, or a hub id.
        vocabulary_size: of the adapter's own tokenizer; 0 where it has none.
    """
    from peft import PeftModel

    if vocabulary_size > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(vocabulary_size)
    folder = Path(adapter).expanduser()
    place = str(folder) if folder.is_dir() else adapter
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of transformers, about peft's own code
        return PeftModel.from_pretrained(model, place).merge_and_unload()
