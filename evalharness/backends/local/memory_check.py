"""Check whether weights fit the memory of this machine, without loading them.

The size comes from the files of the weights if they are on this machine, else from the name on the
hub (`falcon-40b`).
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalharness.backends.local.gguf_header import count_gguf_parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from evalharness.backends.local.weights import Weights

_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
_SIZE_IN_NAME = re.compile(r"(?<![a-z0-9.])(?:(\d+)x)?(\d+(?:\.\d+)?)b(?![a-z0-9])", re.IGNORECASE)
_DTYPES = ("bfloat16", "float32")
_QUANTIZED_NAME = re.compile(r"gptq|awq|bnb|nf4|fp[48]|int[48]|[48]-?bit|w[48]a", re.IGNORECASE)
_UNQUANTIZED_DTYPES = ("F64", "F32", "F16", "BF16")
_PARAMETERS_PER_BYTE = {"fp8": 1, "mxfp4": 2}
"""For quantizations that transformers dequantizes without a GPU."""
_MAX_HEADER_BYTES = 100 << 20
_CGROUP = Path("/sys/fs/cgroup/memory.max")
_GB = 1e9
_MAX_WEIGHTS_SHARE_OF_GPU = 0.7  # of the memory of a GPU; the rest is for conversations


@dataclass(frozen=True, slots=True, kw_only=True)
class _WeightsSize:
    """The size of weights: parameters in the requested dtype, and bytes that stay as stored.

    Quantized weights stay as stored, except those that transformers has to dequantize.
    """

    numbers: float = 0.0
    stored: float = 0.0

    def of(self, dtype: str) -> float:
        """Return the size in memory, in bytes."""
        return self.numbers * _BYTES[dtype] + self.stored

    def __str__(self) -> str:
        """Return the size in words."""
        named = f"{_format_number(self.numbers / 1e9)} billion parameters"
        return (
            f"{_format_gb(self.stored)} of quantized weights and {named}" if self.stored else named
        )


def explain_memory_shortage(weights: Weights, folder: Path | None) -> str | None:
    """Return why the weights do not fit this machine, and what would fit; None if they may fit.

    Args:
        weights: the weights, and how they are held in memory.
        folder: their folder, if they are on this machine.
    """
    on_gpu = weights.device not in ("cpu", "mps") and bool(measure_gpu_bytes())
    size = _measure_weights(weights, folder, on_gpu=on_gpu)
    if size is None:
        return None
    there = sum(measure_gpu_bytes()) if on_gpu else measure_ram_bytes()
    dtype = weights.dtype or (_stored_dtype(folder) if on_gpu else "float32")
    need = size.of(dtype)
    if need <= there:
        return None
    place = "its GPUs have" if on_gpu else "it has no GPU and its memory is"
    return (
        f"{size} take {_format_gb(need)} in {dtype}, and this machine "
        f"cannot hold them: {place} {_format_gb(there)}; {_what_fits(size, there)}"
    )


def count_gpus_needed(weights: Weights, folder: Path | None) -> int:
    """Return the number of GPUs for the weights: one if they fit with room to spare, else all."""
    gpus = measure_gpu_bytes()
    size = _measure_weights(weights, folder, on_gpu=True) or _WeightsSize()
    need = size.of(weights.dtype or _stored_dtype(folder))
    return 1 if not gpus or need <= _MAX_WEIGHTS_SHARE_OF_GPU * gpus[0] else len(gpus)


def _measure_weights(weights: Weights, folder: Path | None, *, on_gpu: bool) -> _WeightsSize | None:
    """Return the size of the weights; None if it is unknown."""
    if folder is None:
        return _estimate_from_name(weights)
    if weights.gguf_file:  # which transformers always dequantizes
        numbers = count_gguf_parameters(folder / weights.gguf_file)
        return None if numbers is None else _WeightsSize(numbers=numbers)
    config = _read_config(folder)
    if tensors := list(_read_tensor_headers(folder)):
        return _sum_sizes(_tensor_size(each, config, on_gpu=on_gpu) for each in tensors)
    stored = sum(path.stat().st_size for path in folder.glob("pytorch_model*.bin"))
    if not stored:
        return None
    if _quantization(config):
        return _WeightsSize(stored=stored)
    return _WeightsSize(numbers=stored / _BYTES[_stored_dtype(folder)])


def _tensor_size(tensor: dict[str, Any], config: dict[str, Any], *, on_gpu: bool) -> _WeightsSize:
    """Return the size of a tensor in memory, by its entry in the header of its file."""
    count, kind = _count_elements(tensor["shape"]), tensor["dtype"]
    method = _quantization(config)
    if not method or kind in _UNQUANTIZED_DTYPES:
        return _WeightsSize(numbers=count)
    if (on_gpu or method not in _PARAMETERS_PER_BYTE) and not _is_dequantized(config):
        begin, end = tensor["data_offsets"]
        return _WeightsSize(stored=end - begin)
    return _WeightsSize(numbers=count * _PARAMETERS_PER_BYTE.get(method, 1))


def _quantization(config: dict[str, Any]) -> str:
    """Return the quantization method of a checkpoint; an empty text without one."""
    return str((config.get("quantization_config") or {}).get("quant_method") or "")


def _is_dequantized(config: dict[str, Any]) -> bool:
    return bool((config.get("quantization_config") or {}).get("dequantize"))


def _sum_sizes(sizes: Iterable[_WeightsSize]) -> _WeightsSize:
    several = list(sizes)
    return _WeightsSize(
        numbers=sum(each.numbers for each in several), stored=sum(each.stored for each in several)
    )


def _what_fits(size: _WeightsSize, there: float) -> str:
    """Return how these weights would fit, or the sizes that would."""
    if size.of("bfloat16") <= there:
        return f"dtype=bfloat16 takes {_format_gb(size.of('bfloat16'))} and would fit"
    sizes = [f"{there / _BYTES[dtype] / 1e9:.2g} billion in {dtype}" for dtype in _DTYPES]
    return f"up to {' or '.join(sizes)} would fit; serve it elsewhere, or run it with engine=ray"


def _format_gb(amount: float) -> str:
    return f"{_format_number(amount / _GB)} GB"


def _format_number(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"  # noqa: PLR2004 - three digits


def _estimate_from_name(weights: Weights) -> _WeightsSize | None:
    """Return the size by a name on the hub; in a mixture of experts, the parameters of all experts.

    If the name says that the weights are quantized, half a byte per parameter is the minimum.
    """
    name = weights.name.rpartition("/")[2]
    found = _SIZE_IN_NAME.search(name)
    if found is None:
        return None
    experts, billions = found.groups()
    parameters = float(experts or 1) * float(billions) * 1e9
    if _QUANTIZED_NAME.search(name) and not weights.gguf_file:
        return _WeightsSize(stored=parameters / 2)
    return _WeightsSize(numbers=parameters)


def _read_tensor_headers(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the header entry of each tensor in the safetensors files."""
    for path in sorted(folder.glob("model*.safetensors")):
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > _MAX_HEADER_BYTES:
                return
            try:
                header = json.loads(file.read(length))
            except ValueError:  # loading reports what is wrong
                return
        yield from (tensor for name, tensor in header.items() if name != "__metadata__")


def _count_elements(shape: list[int]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product


def _stored_dtype(folder: Path | None) -> str:
    """Return the dtype in which weights are stored; a GPU holds them in this dtype."""
    if folder is None or not (config := _read_config(folder)):
        return "bfloat16"
    dtype = config.get("dtype") or config.get("torch_dtype")
    return dtype if dtype in _BYTES else "float32"


def _read_config(folder: Path) -> dict[str, Any]:
    """Return the configuration of a checkpoint; empty if it cannot be read, which loading reports."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def measure_ram_bytes() -> int:
    """Return the memory limit of this process in bytes, by the machine and its container."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = _CGROUP.read_text().strip()
    except OSError:
        return machine
    return min(machine, int(limit)) if limit.isdecimal() else machine


@cache
def measure_gpu_bytes() -> tuple[int, ...]:
    """Return the memory of each GPU that torch can use, in bytes; empty without CUDA."""
    command = shutil.which("nvidia-smi")
    if command is None or not _torch_has_cuda() or os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        return ()
    asked = [command, "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=True).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(int(line) << 20 for line in said.split() if line.isdecimal())


def _torch_has_cuda() -> bool:
    """Whether the installed torch was built for CUDA, read from a file, as importing torch is slow."""
    package = importlib.util.find_spec("torch")
    if package is None or package.origin is None:
        return False
    note = Path(package.origin).with_name("version.py")
    text = note.read_text(encoding="utf-8") if note.is_file() else ""
    return bool(re.search(r"^cuda\b.*= ['\"]", text, re.MULTILINE))
