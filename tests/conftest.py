"""Fixtures and settings of all tests."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

PROJECT = Path(__file__).parents[1]

# The workers share the cores. A second thread in each costs half again as much processor time.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Test machines are busy, so the duration of one example means nothing. The examples of `make test`
# are always the same; HYPOTHESIS_PROFILE=random draws new ones, and more of them.
settings.register_profile("fixed", deadline=None, derandomize=True)
settings.register_profile("random", deadline=None, derandomize=False, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

# Background jobs of a shell ignore interrupts; the tests of interrupts need the default.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def data_file():
    """Return a function that finds a file or folder of public data."""

    def find(name):
        folder = Path(os.environ.get("EVALHARNESS_DATA", PROJECT / "../shared/data"))
        path = folder / name
        if not path.exists():
            pytest.skip(f"no data {path}; EVALHARNESS_DATA names their folder")
        return path

    return find


@pytest.fixture
def case():
    """Return a function that reads a check case, computed by independent tools."""

    def read(name):
        folder = Path(os.environ.get("EVALHARNESS_CASES", PROJECT / "../shared/cases"))
        path = folder / f"{name}.json"
        if not path.is_file():
            pytest.skip(f"no check case {path}; EVALHARNESS_CASES names their folder")
        return json.loads(path.read_text(encoding="utf-8"))

    return read
