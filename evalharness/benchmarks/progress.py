"""Who is told how far a benchmark is."""

from __future__ import annotations

from typing import Protocol


class BenchmarkProgress(Protocol):
    """Told how far a benchmark is."""

    def expect(self, requests: int) -> None:
        """So many requests more are to be done."""

    def advance(self) -> None:
        """One more is done."""

    def check(self) -> None:
        """Raise BackendError when nobody waits for the benchmark any more."""
