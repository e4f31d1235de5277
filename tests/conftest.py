"""What all tests share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

PROJECT = Path(__file__).parents[1]

# Machines that run tests are busy: how long one example takes says nothing.
settings.register_profile("default", deadline=None)
settings.load_profile("default")

# A shell's background jobs ignore interrupts, and so would tests of them and their children.
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
