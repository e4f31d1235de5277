"""Find and load weights on this machine or from the Hugging Face hub."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from evalharness.backends.local.adapter import (
    brings_tokenizer,
    explain_missing_adapter,
    merge_adapter,
)
from evalharness.backends.local.embedded_model import (
    EMBEDDED_MODEL,
    explain_missing_embedded_model,
    prepare_embedded_folder,
)
from evalharness.backends.local.settings import get_weights_settings
from evalharness.backends.local.tokenizer_defaults import (
    describe_token_change,
    find_older_defaults,
)
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalharness.domain import ModelSpec

_log = logging.getLogger(__name__)

WEIGHT_DTYPES = ("float32", "float16", "bfloat16")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_WEIGHT_FILES = ("*.safetensors", "*.bin")
_MULTI_GPU_DEVICES = ("auto", "balanced", "balanced_low_0", "sequential")
"""Values for `device` that distribute a model over GPUs, by the names of transformers."""
_PROBE_TIMEOUT_S = 1.0
_MAX_QUOTED_CHARACTERS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Weights, and how they are held in memory; models with equal values share them."""

    name: str
    adapter: str | None
    revision: str | None
    gguf_file: str | None
    dtype: str | None
    device: str | None
    attention: str | None
    trust_remote_code: bool

    @classmethod
    def of(cls, spec: ModelSpec) -> Weights:
        """Return the weights of a model."""
        settings = get_weights_settings(spec)
        return cls(
            name=settings.weights or "",
            adapter=settings.adapter,
            revision=settings.revision,
            gguf_file=settings.gguf_file,
            dtype=settings.dtype,
            device=settings.device,
            attention=settings.attention,
            trust_remote_code=settings.trust_remote_code,
        )

    def folder(self) -> Path | None:
        """Return the folder of the weights on this machine, or None."""
        path = Path(self.name).expanduser()
        return path if path.is_dir() else _find_snapshot(self)


def find_setting_problem(spec: ModelSpec) -> str | None:
    """Return a problem of the settings, or None."""
    place, settings = f"models.{spec.name}", get_weights_settings(spec)
    if not settings.weights:
        return f"{place}.weights is not set; it can be a folder, a hub id, or embedded"
    if spec.template is None:
        return f"{place}.template is not set; it can be Jinja text, or tokenizer for its own"
    if settings.dtype is not None and settings.dtype not in WEIGHT_DTYPES:
        return f"{place}.dtype is {settings.dtype!r}; it can be {', '.join(WEIGHT_DTYPES)}"
    return None


def explain_missing_weights(weights: Weights, *, needs_peft: bool = True) -> str | None:
    """Return what prevents loading the weights, or None; imports nothing heavy.

    Args:
        weights: the weights.
        needs_peft: whether peft loads their adapter, if they have one.
    """
    for library in ("torch", "transformers"):
        if importlib.util.find_spec(library) is None:
            return f"{library} is not installed: pip install 'evalharness[local]'"
    if weights.adapter and (
        problem := explain_missing_adapter(weights.adapter, needs_peft=needs_peft)
    ):
        return problem
    if weights.name == EMBEDDED_MODEL:
        return explain_missing_embedded_model()
    folder = weights.folder()
    if folder is not None:
        return _explain_incomplete_folder(folder, weights.gguf_file)
    if not _HUB_ID.fullmatch(weights.name):
        return f"there is no folder {weights.name}"
    absent = (
        f"{weights.name} is neither a folder nor in the Hugging Face cache ({find_hub_cache()})"
    )
    obstacle = explain_hub_unavailable()
    return f"{absent}, and {obstacle}" if obstacle else None


def explain_hub_unavailable() -> str | None:
    """Return why the hub is not available, or None."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        return "HF_HUB_OFFLINE forbids to download it"
    url = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    return None if is_url_reachable(url) else f"{url} cannot be reached"


def prepare_weights_folder(weights: Weights) -> Path | None:
    """Return the folder to load from, after converting the embedded model; None for the hub.

    Raises:
        ConfigError: the embedded model is missing, or cannot be converted.
    """
    return prepare_embedded_folder() if weights.name == EMBEDDED_MODEL else weights.folder()


def load_tokenizer(weights: Weights) -> Any:
    """Load the tokenizer, which encodes as its checkpoint meant it.

    Raises:
        ConfigError: it cannot be loaded.
    """
    from transformers import AutoTokenizer

    arguments = _build_loading_arguments(weights)
    if weights.adapter and brings_tokenizer(weights.adapter):  # which may have new tokens
        adapter = str(Path(weights.adapter).expanduser())
        arguments |= {"pretrained_model_name_or_path": adapter, "revision": "main"}
    with _translate_loading_errors(weights), _hide_progress_bars():
        tokenizer = AutoTokenizer.from_pretrained(**arguments)
        folder = _find_tokenizer_folder(weights)
        if folder is None or weights.gguf_file is not None:
            return tokenizer
        if older := find_older_defaults(tokenizer, folder):
            tokenizer = AutoTokenizer.from_pretrained(**arguments, **older)
        if change := describe_token_change(tokenizer, folder):
            _log.warning("%s: %s", weights.name, change)
    return tokenizer


def _find_tokenizer_folder(weights: Weights) -> Path | None:
    """Return the folder that the tokenizer was loaded from, which is downloaded by now."""
    if weights.adapter and brings_tokenizer(weights.adapter):
        return Path(weights.adapter).expanduser()
    return weights.folder()


def load_model(weights: Weights) -> Any:
    """Load the model on its device.

    Raises:
        ConfigError: it cannot be loaded.
    """
    import torch
    from transformers import AutoModelForCausalLM

    gpus = torch.cuda.device_count()
    # Over all GPUs by default, for models that no single one can hold.
    device = weights.device or ("cpu", "cuda", "auto")[min(gpus, 2)]
    if device in _MULTI_GPU_DEVICES and not gpus:
        device = "cpu"
    on_cpu = device == "cpu"
    dtype = weights.dtype or ("float32" if on_cpu else "auto")
    placed: Any = device if device in _MULTI_GPU_DEVICES else {"": device}
    attention = {"attn_implementation": weights.attention} if weights.attention else {}
    with _translate_loading_errors(weights), _hide_progress_bars():
        model = AutoModelForCausalLM.from_pretrained(
            dtype=dtype,
            device_map=None if on_cpu else placed,
            **attention,
            **_build_loading_arguments(weights),
        )
        if weights.adapter:
            size = len(load_tokenizer(weights)) if brings_tokenizer(weights.adapter) else 0
            model = merge_adapter(model, weights.adapter, size)
    return model.eval()


def _build_loading_arguments(weights: Weights) -> dict[str, Any]:
    """Return the arguments of transformers for loading model and tokenizer."""
    folder = prepare_weights_folder(weights)
    return {
        "pretrained_model_name_or_path": str(folder or weights.name),
        "local_files_only": folder is not None,
        "revision": weights.revision or "main",
        "gguf_file": weights.gguf_file,
        "trust_remote_code": weights.trust_remote_code,
    }


@contextmanager
def _translate_loading_errors(weights: Weights) -> Iterator[None]:
    """Translate errors of loading into one line that names the weights."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:  # third-party code may raise anything for a file that it cannot read
        said = " ".join(str(error).split())[:_MAX_QUOTED_CHARACTERS] or type(error).__name__
        msg = f"{weights.name} cannot be loaded: {said}"
        raise ConfigError(msg) from error


@contextmanager
def _hide_progress_bars() -> Iterator[None]:
    """Hide the progress bars of transformers, which would overwrite the progress display."""
    from transformers.utils import logging

    drawn = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if drawn:
            logging.enable_progress_bar()


def _explain_incomplete_folder(folder: Path, gguf_file: str | None) -> str | None:
    """Return why a folder is not a complete model, or None."""
    if gguf_file is not None:
        return None if (folder / gguf_file).is_file() else f"{folder} has no file {gguf_file}"
    if not (folder / "config.json").is_file():
        return f"{folder} has no config.json, so it holds no model"
    if not any(True for pattern in _WEIGHT_FILES for _ in folder.glob(pattern)):
        return f"{folder} has a config.json but no weights ({' or '.join(_WEIGHT_FILES)})"
    return None


def find_hub_cache() -> Path:
    """Return the download cache of the hub's library."""
    if cache := os.environ.get("HF_HUB_CACHE"):
        return Path(cache).expanduser()
    if home := os.environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    cache_home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache_home).expanduser() / "huggingface" / "hub"


def _find_snapshot(weights: Weights) -> Path | None:
    """Return the folder of a downloaded revision, if it is complete."""
    if not _HUB_ID.fullmatch(weights.name):
        return None
    kept = find_hub_cache() / f"models--{weights.name.replace('/', '--')}"
    revision = weights.revision or "main"
    reference = kept / "refs" / revision
    commit = reference.read_text().strip() if reference.is_file() else revision
    folder = kept / "snapshots" / commit
    return folder if _explain_incomplete_folder(folder, weights.gguf_file) is None else None


@lru_cache(maxsize=8)
def is_url_reachable(url: str) -> bool:
    """Whether a server accepts connections within a second; True behind a proxy."""
    parts = urlsplit(url)
    if parts.scheme in getproxies():
        return True
    reached = threading.Event()

    def look() -> None:
        address = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        try:
            socket.create_connection(address, timeout=_PROBE_TIMEOUT_S).close()
        except OSError:
            return
        reached.set()

    # In a thread, because a name lookup has no timeout.
    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    looking.join(_PROBE_TIMEOUT_S)
    return reached.is_set()
