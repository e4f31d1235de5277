"""What the documentation computes is what comes out."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
COMPUTED = [path.name for path in sorted(DOCS.glob("*.md")) if ">>> " in path.read_text()]


@pytest.mark.parametrize("name", COMPUTED)
def test_the_figures_of_an_example_are_computed_again(name):
    """A reader who types it in sees the same."""
    found = doctest.testfile(str(DOCS / name), module_relative=False)

    assert found.attempted
    assert not found.failed
