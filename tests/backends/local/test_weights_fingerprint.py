"""A fingerprint of weights: other content is another model, a copy is the same."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from builders import model_spec

from evalharness.backends import find_backend
from evalharness.backends.local import weights_fingerprint

if TYPE_CHECKING:
    from pathlib import Path

COMMIT = "3" * 40
BEYOND = (31).to_bytes(8, "little") + b'{"a":{"data_offsets":[-9,9]}}  ' + bytes(2000)
FILES = {
    "config.json": b'{"hidden_size": 4}',
    "generation_config.json": b"{}",
    "tokenizer.json": b"{}",
    "tokenizer_config.json": b"{}",
    "chat_template.jinja": b"{{ messages }}",
    "model-00001-of-00002.safetensors": b"one",
    "model-00002-of-00002.safetensors": b"two",
    "model.safetensors.index.json": b"{}",
    "modeling_own.py": b"",
}


@pytest.fixture
def folder(tmp_path):
    """Return a folder with the files of a model."""
    made = tmp_path / "mine"
    made.mkdir()
    for name, content in FILES.items():
        (made / name).write_bytes(content)
    return made


def _fingerprint(weights, backend="local_transformers", **settings):
    spec = model_spec(backend, name="mine", weights=str(weights), template="tokenizer", **settings)
    return find_backend(backend).compute_fingerprint(spec)


@pytest.mark.parametrize("name", FILES)
def test_other_content_of_a_file_is_another_model(folder, name):
    """Weights saved again into the same folder, another template, another stop token: all count."""
    before = _fingerprint(folder)
    times = (folder / name).stat()
    (folder / name).write_bytes(FILES[name][:-1] + b"#" if FILES[name] else b"#")
    os.utime(folder / name, ns=(times.st_atime_ns, times.st_mtime_ns))  # as `rsync -t` leaves it

    assert _fingerprint(folder) not in (None, before)
    (folder / name).write_bytes(FILES[name])
    assert _fingerprint(folder) == before


def test_a_copy_is_the_same_model_for_every_backend(folder, tmp_path):
    """No path and no time is part of it; nor is what training and evaluation left beside it."""
    copy = shutil.copytree(folder, tmp_path / "elsewhere", copy_function=shutil.copyfile)
    for name in (
        "optimizer.pt",
        "trainer_state.json",
        "training_args.bin",
        "README.md",
        "eval.json",
    ):
        (copy / name).write_text("x")
    found = {_fingerprint(each, backend) for each in (folder, copy) for backend in BACKENDS}

    assert len(found) == 1


BACKENDS = ("local_transformers", "vllm")


def test_a_file_that_is_renamed_or_missing_is_another_model(folder):
    """Shards that change places are other weights."""
    before = _fingerprint(folder)
    one, two = (folder / f"model-0000{number}-of-00002.safetensors" for number in (1, 2))
    one.rename(folder / "kept")
    two.rename(one)
    (folder / "kept").rename(two)

    swapped = _fingerprint(folder)
    two.unlink()

    assert len({before, swapped, _fingerprint(folder)}) == 3


def test_of_a_gguf_file_that_file_alone_counts(folder):
    """A folder of GGUF files holds one model each."""
    (folder / "a.gguf").write_bytes(b"a")
    before = _fingerprint(folder, gguf_file="a.gguf")
    (folder / "b.gguf").write_bytes(b"b")
    (folder / "config.json").write_bytes(b"other")

    assert _fingerprint(folder, gguf_file="a.gguf") == before
    (folder / "a.gguf").write_bytes(b"c")
    assert _fingerprint(folder, gguf_file="a.gguf") != before


def test_an_adapter_is_part_of_the_model(folder, tmp_path):
    """One trained again on the same weights is another model."""
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    (adapter / "adapter_model.safetensors").write_bytes(b"one")
    before = _fingerprint(folder, adapter=str(adapter))
    (adapter / "adapter_model.safetensors").write_bytes(b"two")

    assert len({before, _fingerprint(folder, adapter=str(adapter)), _fingerprint(folder)}) == 3


def test_what_is_not_here_has_no_fingerprint(tmp_path, monkeypatch):
    """The embedded model, a folder of another machine, and weights that were not downloaded yet."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    (tmp_path / "empty").mkdir()

    for weights in ("embedded", tmp_path / "absent", tmp_path / "empty", "someone/tiny"):
        assert _fingerprint(weights) is None


def test_downloaded_weights_are_known_by_their_commit(folder, tmp_path, monkeypatch):
    """When `main` moves on, it is another model; a revision that names a commit says so itself."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    kept = tmp_path / "hub/models--someone--tiny"
    (kept / "snapshots").mkdir(parents=True)
    (kept / "refs").mkdir()
    (kept / "refs/main").write_text(COMMIT)
    shutil.copytree(folder, kept / "snapshots" / COMMIT)

    assert _fingerprint("someone/tiny") == f"hub:{COMMIT}"
    assert _fingerprint("someone/tiny", revision=COMMIT) is None


def _write_tensors(path: Path, tensors: dict[str, np.ndarray]) -> None:
    header, start = {}, 0
    for name, values in tensors.items():
        header[name] = {
            "dtype": "F32",
            "shape": list(values.shape),
            "data_offsets": [start, start + values.nbytes],
        }
        start += values.nbytes
    text = json.dumps(header).encode()
    data = b"".join(values.tobytes() for values in tensors.values())
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_of_large_files_a_few_blocks_of_every_tensor_are_read(tmp_path, monkeypatch, name):
    """A hundred gigabytes take seconds, and training changes every tensor nearly everywhere."""
    monkeypatch.setattr(weights_fingerprint, "_WHOLE_BYTES", 1000)
    tensors = {f"layer.{number}": np.zeros(50_000, np.float32) for number in range(5)}
    path = tmp_path / name
    _write_tensors(path, tensors)
    found = {_fingerprint(tmp_path)}
    for changed, values in tensors.items():
        _write_tensors(path, tensors | {changed: values + np.float32(1e-6)})
        found.add(_fingerprint(tmp_path))
    _write_tensors(path, {f"x{key}": value for key, value in tensors.items()})
    found.add(_fingerprint(tmp_path))

    assert len(found) == 7


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 2000, (2000).to_bytes(8, "little") + b"[" * 4000, BEYOND]
)
def test_a_large_file_without_a_header_is_read_too(tmp_path, monkeypatch, content):
    """Loading reports what is wrong with it; the fingerprint only tells it from others."""
    monkeypatch.setattr(weights_fingerprint, "_WHOLE_BYTES", 1000)
    (tmp_path / "model.safetensors").write_bytes(content)

    assert _fingerprint(tmp_path)
