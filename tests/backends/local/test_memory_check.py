"""Weights that cannot fit are refused before they are loaded, with what they need."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from local_models import model

from evalharness.backends.local import memory_check as _local_memory
from evalharness.backends.local.memory_check import (
    explain_memory_shortage,
    measure_gpu_bytes,
    measure_ram_bytes,
)
from evalharness.backends.local.weights import Weights
from evalharness.backends.local_transformers import explain_missing

GB = 10**9


@pytest.fixture
def machine(monkeypatch):
    """Return a function that says how much memory there is."""

    def have(ram: int, *gpus: int) -> None:
        monkeypatch.setattr(_local_memory, "measure_ram_bytes", lambda: ram)
        monkeypatch.setattr(_local_memory, "measure_gpu_bytes", lambda: gpus)

    return have


def _weights(folder, billions: float, dtype: str = "bfloat16"):
    """Write the headers of two files of weights, as long as they say but without content."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"torch_dtype": dtype}))
    rows = int(billions * GB / 2 / 1000)
    for number in (1, 2):
        tensor = {"dtype": "BF16", "shape": [rows, 1000], "data_offsets": [0, rows * 2000]}
        header = json.dumps({"__metadata__": {"format": "pt"}, "w": tensor}).encode()
        with (folder / f"model-{number}-of-2.safetensors").open("wb") as file:
            file.write(len(header).to_bytes(8, "little") + header)
    return folder


def _problem(name, folder=None, **settings):
    return explain_memory_shortage(Weights.of(model(name, **settings)), folder)


def test_forty_billion_parameters_without_a_gpu_are_refused_with_the_figures(machine, tmp_path):
    """Need, what there is, and what would fit; all from the headers of the files."""
    machine(24 * GB)
    folder = _weights(tmp_path / "falcon", 40)

    assert _problem("falcon", folder) == (
        "40 billion parameters take 160 GB in float32, and this machine cannot hold them: it has "
        "no GPU and its memory is 24 GB; up to 12 billion in bfloat16 or 6 billion in float32 "
        "would fit; serve it elsewhere, or run it with engine=ray"
    )


@pytest.mark.parametrize(
    ("gpus", "fits"),
    [((80 * GB,), False), ((80 * GB, 80 * GB), True)],
    ids=["one", "two"],
)
def test_what_one_gpu_cannot_hold_is_spread_over_all(machine, tmp_path, gpus, fits):
    """Weights go to GPUs as they are stored, and over as many as there are."""
    machine(500 * GB, *gpus)
    folder = _weights(tmp_path / "llama", 70)

    assert (_problem("llama", folder) is None) is fits


def test_a_smaller_dtype_is_proposed_where_it_would_do(machine, tmp_path):
    """The remedy that costs nothing comes first."""
    machine(24 * GB)

    found = _problem("weights", _weights(tmp_path / "7b", 7))

    assert found.endswith("dtype=bfloat16 takes 14 GB and would fit")
    assert _problem("weights", tmp_path / "7b", dtype="bfloat16") is None


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("tiiuae/falcon-40b-instruct", False),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", False),
        ("HuggingFaceTB/SmolLM2-1.7B-Instruct", True),
        ("openai-community/gpt2", True),
        ("org/model-b2-v70bis", True),
    ],
)
def test_a_name_stands_in_for_weights_that_are_not_there(machine, name, fits):
    """Nobody should download eighty gigabytes to learn that they do not fit."""
    machine(24 * GB)

    assert (_problem(name) is None) is fits


def _quantized(folder, method, kind, *, count=4 * GB, **settings):
    """Write the header of weights of which the most are packed, and the rest in bfloat16."""
    folder.mkdir()
    quantization = {"quant_method": method, **settings}
    (folder / "config.json").write_text(
        json.dumps({"torch_dtype": "bfloat16", "quantization_config": quantization})
    )
    size = {"I32": 4}.get(kind, 1)
    tensors = {
        "packed": {"dtype": kind, "shape": [count // size], "data_offsets": [0, count]},
        "norm": {"dtype": "BF16", "shape": [GB // 2], "data_offsets": [count, count + GB]},
    }
    header = json.dumps(tensors).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    return folder


@pytest.mark.parametrize(
    ("method", "kind", "settings"),
    [
        ("bitsandbytes", "U8", {"load_in_4bit": True}),
        ("bitsandbytes", "I8", {"load_in_8bit": True}),
        ("gptq", "I32", {"bits": 4}),
        ("awq", "I32", {"bits": 4}),
    ],
)
def test_quantized_weights_take_what_their_file_takes(machine, tmp_path, method, kind, settings):
    """What is packed stays so; only the plain rest is held in the dtype asked for."""
    folder = _quantized(tmp_path / "packed", method, kind, **settings)

    machine(6 * GB)
    assert _problem("weights", folder) is None
    machine(int(5.5 * GB))
    assert _problem("weights", folder) == (
        "4 GB of quantized weights and 0.5 billion parameters take 6 GB in float32, and this "
        "machine cannot hold them: it has no GPU and its memory is 5.5 GB; dtype=bfloat16 takes "
        "5 GB and would fit"
    )


@pytest.mark.parametrize(
    ("method", "kind", "billions"), [("fp8", "F8_E4M3", 4), ("mxfp4", "U8", 8)]
)
def test_what_only_gpus_can_use_quantized_is_plain_elsewhere(
    machine, tmp_path, method, kind, billions
):
    """It is made plain in loading, so a processor needs several times the file's size."""
    folder = _quantized(tmp_path / "packed", method, kind)
    in_bfloat16 = 2 * (billions + 0.5) * GB

    machine(int(in_bfloat16) - GB)
    assert f"take {in_bfloat16 / GB:g} GB in bfloat16" in _problem(
        "weights", folder, dtype="bfloat16"
    )
    machine(int(in_bfloat16))
    assert _problem("weights", folder, dtype="bfloat16") is None
    machine(GB, 5 * GB)
    assert _problem("weights", folder) is None


def test_a_gguf_file_takes_what_its_numbers_take_made_plain(machine, tmp_path):
    """A model in four bits is eight times its file in float32: a file that fits says little."""
    gguf = pytest.importorskip("gguf")
    numpy = pytest.importorskip("numpy")
    writer = gguf.GGUFWriter(tmp_path / "q8.gguf", "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(["a", "bc"])
    writer.add_array("scores", [1.0, 2.0, 3.0])
    blocks = numpy.zeros((300, 34), dtype=numpy.uint8)
    writer.add_tensor("packed", blocks, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("norm", numpy.zeros(400, dtype=numpy.float32))
    for step in ("header_to_file", "kv_data_to_file", "tensors_to_file"):
        getattr(writer, f"write_{step}")()
    writer.close()
    need = 4 * (300 * 32 + 400)

    machine(need)
    assert _problem("weights", tmp_path, gguf_file="q8.gguf") is None
    machine(need - 1)
    assert "take 4e-05 GB in float32" in _problem("weights", tmp_path, gguf_file="q8.gguf")
    (tmp_path / "cut.gguf").write_bytes((tmp_path / "q8.gguf").read_bytes()[:90])
    assert _problem("weights", tmp_path, gguf_file="cut.gguf") is None


def test_a_name_that_says_quantized_is_refused_only_where_no_quantization_would_fit(machine):
    """How many bits these are is known only when the files are there."""
    machine(24 * GB)

    assert _problem("org/Llama-2-40B-GPTQ") is None
    assert _problem("org/Llama-2-70B-AWQ").startswith("35 GB of quantized weights")
    assert _problem("org/Llama-2-40B-GGUF-4bit", gguf_file="q4.gguf") is not None


def test_damaged_or_empty_files_are_left_to_loading(machine, tmp_path):
    """What cannot be read says nothing about memory."""
    machine(1 * GB)
    for content in (b"", b"\xff" * 8, (9).to_bytes(8, "little") + b"not json!"):
        (tmp_path / "model.safetensors").write_bytes(content)
        assert _problem("weights", tmp_path) is None


def test_weights_of_the_embedded_size_fit(machine, tmp_path):
    """The check is no burden to small models."""
    machine(8 * GB)

    assert _problem("embedded", _weights(tmp_path / "small", 0.135)) is None


@pytest.mark.parametrize("verb", ["plan", "run"])
def test_the_command_line_refuses_before_loading(tmp_path, verb):
    """A petabyte fits nowhere: both verbs say so, and torch is never imported."""
    weights = _weights(tmp_path / "huge", 10**6)
    command = [sys.executable, "-X", "importtime", "-m", "evalharness", verb]
    command += ["+models=[vicuna-13b]", f"models.vicuna-13b.weights={weights}", "judge=scripted"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    said = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
    assert done.returncode == (1 if verb == "plan" else 2)
    assert "1,000,000 billion parameters take 2,000,000 GB in float16" in "\n".join(
        [*said, done.stdout]
    )
    assert "transformers" not in done.stderr.replace("local_transformers", "")


def test_this_machine_has_memory():
    """The real figures are read, whatever they are."""
    assert measure_ram_bytes() > GB / 2
    assert all(size > GB / 2 for size in measure_gpu_bytes())
    assert explain_missing(model("")) is not None
