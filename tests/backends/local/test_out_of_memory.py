"""A batch that truly does not fit in memory: nothing is simulated, the system refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

import checkpoints
import tight_memory
from local_models import ask, model
from transformers import LlamaConfig

pytestmark = [
    pytest.mark.weights,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory so"),
]

MEGABYTES = 340  # between what half the batch takes and what all of it takes
HEADS = 32


def _many_heads(**settings):
    """Return a LLaMA whose attention over a batch takes hundreds of megabytes, half for half."""
    return LlamaConfig(
        hidden_size=4 * HEADS,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        max_position_embeddings=checkpoints.POSITIONS,
        **settings,
    )


def test_a_batch_that_the_system_refuses_is_halved_and_nothing_is_lost(tmp_path):
    """Every reply comes, with the same text as where there is memory enough."""
    folder = checkpoints.save(tmp_path, _many_heads)
    expected = [
        each.text for each in ask(model(folder, attention="eager"), *tight_memory.requests())
    ]
    child = Path(tight_memory.__file__)

    done = subprocess.run(
        [sys.executable, str(child), str(folder), str(MEGABYTES)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(child.parent), "OMP_NUM_THREADS": "1"},
    )

    found = json.loads(done.stdout)
    assert found["rows"][0] == tight_memory.ROWS > found["rows"][1]
    assert found["texts"] == expected
