"""Inputs on which a reader once fell over, or was slow: each is read or refused in words now."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from fuzz_targets import list_targets

from evalharness.errors import EvalHarnessError

CORPUS = Path(__file__).parent / "corpus"
INPUTS = {str(path.relative_to(CORPUS)): path for path in sorted(CORPUS.glob("*/*"))}
TARGETS = list_targets()


@pytest.mark.parametrize("path", INPUTS.values(), ids=INPUTS)
def test_what_was_found_once_is_read_or_refused(path):
    """`tests/support/fuzz.py` writes such files; a slow one would time the tests out."""
    with suppress(EvalHarnessError):
        TARGETS[path.parent.name].run(path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_accepts_its_seeds(name):
    """Changes of what is refused at once would try nothing behind it."""
    for seed in TARGETS[name].seeds:
        TARGETS[name].run(seed)
