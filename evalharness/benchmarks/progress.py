"""Define how a benchmark reports its progress."""

from __future__ import annotations

from typing import Protocol


class BenchmarkProgress(Protocol):
    """Receives the progress of one benchmark."""

    def expect(self, requests: int) -> None:
        """Add a number of requests to those that are expected."""

    def advance(self) -> None:
        """Count one finished request."""

    def raise_if_stopped(self) -> None:
        """Raise BackendError if the run no longer waits for the benchmark."""
