"""How much memory weights take, and whether this machine has it: found without loading anything.

The weights' own files are looked at where they are there; what a hub's name says of a model's size
(`falcon-40b`) stands in for them where they are not.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalharness.backends._local_weights import Weights

_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
_SIZE_IN_NAME = re.compile(r"(?<![a-z0-9.])(?:(\d+)x)?(\d+(?:\.\d+)?)b(?![a-z0-9])", re.IGNORECASE)
_DTYPES = ("bfloat16", "float32")
_LONGEST_HEADER = 100 << 20
_CGROUP = Path("/sys/fs/cgroup/memory.max")
_GB = 1e9
_WITH_ROOM = 0.7  # of a GPU: the rest is for conversations


def problem(weights: Weights, folder: Path | None) -> str | None:
    """Return why the weights do not fit this machine, and what would; None where they may fit.

    Args:
        weights: which, and how they are held in memory.
        folder: where they are, if they are on this machine.
    """
    if folder is None:
        parameters = _parameters_named(weights.name)
    else:
        parameters = None if weights.gguf_file else _parameters(folder)
    if parameters is None:
        return None
    on_gpu = weights.device not in ("cpu", "mps") and bool(gpu_bytes())
    there = sum(gpu_bytes()) if on_gpu else ram_bytes()
    dtype = weights.dtype or (_stored_dtype(folder) if on_gpu else "float32")
    need = parameters * _BYTES[dtype]
    if need <= there:
        return None
    place = "its GPUs have" if on_gpu else "it has no GPU and its memory is"
    return (
        f"{_short(parameters / 1e9)} billion parameters take {_gb(need)} in {dtype}, and this machine "
        f"cannot hold them: {place} {_gb(there)}; {_what_fits(parameters, there)}"
    )


def gpus_for(weights: Weights, folder: Path | None) -> int:
    """Return how many GPUs share the weights: one where they fit with room, else all."""
    gpus, parameters = gpu_bytes(), _parameters(folder) if folder else None
    if parameters is None:
        parameters = _parameters_named(weights.name) or 0.0
    need = parameters * _BYTES[weights.dtype or _stored_dtype(folder)]
    return 1 if not gpus or need <= _WITH_ROOM * gpus[0] else len(gpus)


def _what_fits(parameters: float, there: float) -> str:
    """Return how these weights would fit, or which would."""
    if parameters * _BYTES["bfloat16"] <= there:
        return f"dtype=bfloat16 takes {_gb(parameters * _BYTES['bfloat16'])} and would fit"
    sizes = [f"{there / _BYTES[dtype] / 1e9:.2g} billion in {dtype}" for dtype in _DTYPES]
    return f"up to {' or '.join(sizes)} would fit; serve it elsewhere, or run it with engine=ray"


def _gb(amount: float) -> str:
    return f"{_short(amount / _GB)} GB"


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"  # noqa: PLR2004 - three digits


def _parameters_named(name: str) -> float | None:
    """Return how many parameters a hub's name speaks of; of a mixture, all its experts'."""
    found = _SIZE_IN_NAME.search(name.rpartition("/")[2])
    if found is None:
        return None
    experts, billions = found.groups()
    return float(experts or 1) * float(billions) * 1e9


def _parameters(folder: Path) -> float | None:
    """Return how many numbers the files in a folder hold, or None where they do not say."""
    if tensors := list(_tensors(folder)):
        return float(sum(_count(each["shape"]) for each in tensors))
    stored = sum(path.stat().st_size for path in folder.glob("pytorch_model*.bin"))
    return stored / _BYTES[_stored_dtype(folder)] if stored else None


def _tensors(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield what the headers of safetensors files say of each tensor."""
    for path in sorted(folder.glob("model*.safetensors")):
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > _LONGEST_HEADER:
                return
            try:
                header = json.loads(file.read(length))
            except ValueError:  # loading will say what is wrong with it
                return
        yield from (tensor for name, tensor in header.items() if name != "__metadata__")


def _count(shape: list[int]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product


def _stored_dtype(folder: Path | None) -> str:
    """Return in which numbers weights are stored, which is how a GPU holds them."""
    if folder is None or not (folder / "config.json").is_file():
        return "bfloat16"
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError:  # loading will say what is wrong with it
        return "bfloat16"
    dtype = config.get("dtype") or config.get("torch_dtype")
    return dtype if dtype in _BYTES else "float32"


def ram_bytes() -> int:
    """Return the memory that this process may have, by the machine and by its container."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = _CGROUP.read_text().strip()
    except OSError:
        return machine
    return min(machine, int(limit)) if limit.isdecimal() else machine


@cache
def gpu_bytes() -> tuple[int, ...]:
    """Return the memory of each GPU that torch can use; none where its build has no CUDA."""
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
    """Whether the installed torch was built for CUDA, read from its own note: torch is slow."""
    package = importlib.util.find_spec("torch")
    if package is None or package.origin is None:
        return False
    note = Path(package.origin).with_name("version.py")
    text = note.read_text(encoding="utf-8") if note.is_file() else ""
    return bool(re.search(r"^cuda\b.*= ['\"]", text, re.MULTILINE))
