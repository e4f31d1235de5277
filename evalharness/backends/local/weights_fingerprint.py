"""Compute a fingerprint of weights from their files, without loading them.

A folder of weights is a path, and other weights may be saved there. The fingerprint has the names
and the content of the files that a model is loaded from, and no path or time: a copy has the same.

Files are read whole, except for large weights. Of these, which may have many gigabytes, the size, the
beginning, and a few blocks of every tensor are read: training changes every tensor nearly everywhere.
What it can miss is an edit of single values in the middle of a tensor.
"""

from __future__ import annotations

import hashlib
import json
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from evalharness.backends.local.embedded_model import EMBEDDED_MODEL
from evalharness.backends.local.settings import get_weights_settings
from evalharness.backends.local.weights_origin import find_hub_commit, is_commit
from evalharness.domain import compute_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalharness.domain import ModelSpec

HUB_COMMIT = "hub:"
"""The beginning of a fingerprint that is a commit: published weights, which have moved on if it
changes."""

_MODEL_FILES = (
    *("*.safetensors", "pytorch_model*.bin", "adapter_model*.bin", "*.index.json", "*.py"),
    *("config.json", "generation_config.json", "adapter_config.json", "quant*config.json"),
    *("tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab*", "merges.txt"),
    *("*.jinja", "chat_template*.json", "*.model", "*.tiktoken"),
)
"""What transformers and vLLM load; not the state of a training, and no notes."""

_WEIGHT_SUFFIXES = (".safetensors", ".bin", ".gguf")
_WHOLE_BYTES = 16 * 2**20
"""Weights up to this size are read whole."""

_BLOCK_BYTES = 4096
_BLOCKS_PER_TENSOR = 4
_BLOCKS_PER_FILE = 4096
"""The number of blocks of a large file whose tensors are not listed at its beginning."""

_HEADER_LENGTH_BYTES = 8
_MAX_HEADER_BYTES = 100 * 10**6
"""The limit of the safetensors format."""


def compute_weights_fingerprint(spec: ModelSpec) -> str | None:
    """Return a digest of the content of a model's weights and adapter.

    For weights of the hub it is `HUB_COMMIT` and their commit, once they were downloaded, unless
    the settings name it. None where nothing is known, and for the embedded model, which is a file
    of a release.
    """
    settings = get_weights_settings(spec)
    weights = _fingerprint_weights(spec)
    adapter = settings.adapter and _fingerprint_folder(Path(settings.adapter).expanduser())
    return compute_digest([weights, adapter]) if adapter else weights


def _fingerprint_weights(spec: ModelSpec) -> str | None:
    settings = get_weights_settings(spec)
    if not settings.weights or settings.weights == EMBEDDED_MODEL:
        return None
    folder = Path(settings.weights).expanduser()
    if folder.is_dir():
        return _fingerprint_folder(folder, settings.gguf_file)
    commit = None if is_commit(settings.revision or "") else find_hub_commit(spec)
    return commit and f"{HUB_COMMIT}{commit}"


def _fingerprint_folder(folder: Path, file: str | None = None) -> str | None:
    """Return a digest of the files of a model, or of one file; None if there are none."""
    if not folder.is_dir():
        return None
    try:
        names = [file] if file is not None else sorted(_iterate_model_files(folder))
        rows = [[name, *_digest_file(folder / name)] for name in names]
    except OSError:  # loading reports what is wrong
        return None
    return compute_digest(rows) if rows else None


def _iterate_model_files(folder: Path) -> Iterator[str]:
    for path in folder.iterdir():
        if any(fnmatchcase(path.name, pattern) for pattern in _MODEL_FILES) and path.is_file():
            yield path.name


def _digest_file(path: Path) -> tuple[int, str]:
    """Return the size and a digest of a file."""
    state = path.stat()
    return state.st_size, _digest_content(
        path.absolute(), state.st_size, state.st_mtime_ns, state.st_ctime_ns
    )


@lru_cache(maxsize=4096)
def _digest_content(path: Path, size: int, _modified_ns: int, _changed_ns: int) -> str:
    """Return a digest of a file; several models of a run may have the same weights."""
    with path.open("rb") as file:
        if size <= _WHOLE_BYTES or path.suffix not in _WEIGHT_SUFFIXES:
            return hashlib.file_digest(file, "sha256").hexdigest()
        digest = hashlib.sha256()
        for start, length in _list_sampled_blocks(file, size):
            file.seek(start)
            digest.update(file.read(length))
        return digest.hexdigest()


def _list_sampled_blocks(file: BinaryIO, size: int) -> list[tuple[int, int]]:
    """Return the start and the length of the blocks of a large file that are read."""
    header = _read_safetensors_header(file, size)
    if header is None:
        return list(_spread_blocks(0, size, _BLOCKS_PER_FILE))
    begin, tensors = header
    blocks = [(0, begin)]
    for start, end in tensors:
        blocks += _spread_blocks(begin + start, begin + end, _BLOCKS_PER_TENSOR)
    return blocks


def _read_safetensors_header(file: BinaryIO, size: int) -> tuple[int, list[tuple[int, int]]] | None:
    """Return where the data begins, and the offsets of the tensors; None for another format."""
    file.seek(0)
    length = int.from_bytes(file.read(_HEADER_LENGTH_BYTES), "little")
    if not 0 < length <= min(size, _MAX_HEADER_BYTES):
        return None
    try:
        header = json.loads(file.read(length))
        tensors = [
            (int(tensor["data_offsets"][0]), int(tensor["data_offsets"][1]))
            for name, tensor in header.items()
            if name != "__metadata__"
        ]
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return None
    begin = _HEADER_LENGTH_BYTES + length
    if not all(0 <= start <= end <= size - begin for start, end in tensors):
        return None
    return begin, sorted(tensors)


def _spread_blocks(start: int, end: int, number: int) -> Iterator[tuple[int, int]]:
    """Yield blocks of a part of a file: the first, the last, and others at equal distances."""
    last = max(end - _BLOCK_BYTES, start)
    for index in range(number):
        yield start + (last - start) * index // (number - 1), min(_BLOCK_BYTES, end - start)
