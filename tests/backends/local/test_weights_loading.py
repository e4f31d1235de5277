"""How weights are loaded: what a model's settings ask for reaches the model in memory."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

pytest.importorskip("torch")

import checkpoints
import torch
from endpoint_model import request
from local_models import ask, model

from evalharness.backends import local_transformers
from evalharness.backends.local import memory_check as _local_memory
from evalharness.backends.local import weights as _local_weights
from evalharness.backends.local.weights import load_model
from evalharness.backends.local_transformers import connect, explain_missing
from evalharness.domain import Sampling

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder of a LLaMA."""
    return checkpoints.save(tmp_path_factory.mktemp("llama"))


def _of_the_model(spec, look):
    """Return what `look` finds at the model in memory."""

    async def work():
        backend = connect(spec)
        try:
            return await backend.lend(lambda loaded: look(loaded.module))
        finally:
            await backend.close()

    return asyncio.run(work())


@pytest.mark.parametrize(("asked", "used"), [(None, "sdpa"), ("sdpa", "sdpa"), ("eager", "eager")])
def test_the_kernel_of_attention_is_the_one_asked_for(folder, asked, used):
    """And none of them changes what the model says."""
    spec = model(folder, attention=asked)
    greedy = request(sampling=Sampling(max_tokens=24))

    assert _of_the_model(spec, lambda module: module.config._attn_implementation) == used
    assert ask(spec, greedy)[0].text == ask(model(folder, attention="eager"), greedy)[0].text


@pytest.mark.parametrize("device", [None, "cpu"])
def test_a_kernel_that_this_machine_cannot_run_is_refused_in_a_line(folder, monkeypatch, device):
    """Before anything is loaded, and with what to say instead; not after the first model's hour."""
    if device is None:
        monkeypatch.setattr(_local_memory, "measure_gpu_bytes", tuple)
    spec = model(folder, attention="flash_attention_2", device=device)

    assert explain_missing(spec) == (
        "models.vicuna-13b.attention=flash_attention_2 needs a GPU, and there is none for it; "
        "attention=sdpa works everywhere"
    )


def test_a_kernel_whose_library_is_absent_names_it(folder, monkeypatch):
    """A GPU alone is not enough for it."""
    monkeypatch.setattr(_local_memory, "measure_gpu_bytes", lambda: (80 * 10**9,))
    monkeypatch.setattr(local_transformers, "_FLASH_LIBRARIES", ("no_such_library",))
    spec = model(folder, attention="flash_attention_2")

    assert "pip install flash-attn" in explain_missing(spec)


@pytest.mark.parametrize(
    ("device", "dtype"), [(None, None), ("cpu", None), ("cpu:0", "float32"), ("cpu", "bfloat16")]
)
def test_device_and_dtype_are_those_asked_for(folder, device, dtype):
    """A device with a number goes the way that GPUs go, through a map of all layers."""
    spec = model(folder, device=device, dtype=dtype)
    if device is None and torch.cuda.is_available():
        pytest.skip("says where a machine without a GPU puts weights")

    found = _of_the_model(spec, lambda module: (module.device, module.dtype))

    assert found == (torch.device("cpu"), getattr(torch, dtype or "float32"))
    assert ask(spec, request(sampling=Sampling(max_tokens=3)))[0].completion_tokens == 3


def test_models_that_follow_one_another_are_each_loaded_once_and_leave(tmp_path, monkeypatch):
    """Memory holds one of them at a time, however many there are."""
    loaded = []
    load = load_model

    def take_note(weights):
        gc.collect()
        module = load(weights)
        others = sum(each() is not None for _, each in loaded)
        loaded.append((weights.name, weakref.ref(module)))
        assert others == 0
        return module

    monkeypatch.setattr(_local_weights, "load_model", take_note)
    folders = [checkpoints.save(tmp_path / name) for name in ("one", "two", "three")]
    for each in folders:
        replies = ask(model(each), *[request(sampling=Sampling(max_tokens=3))] * 2)
        assert [reply.completion_tokens for reply in replies] == [3, 3]

    assert [name for name, _ in loaded] == [str(each) for each in folders]
