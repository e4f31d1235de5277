"""Who is told how far a run is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from evalharness.domain import RunStage


class Progress(Protocol):
    """Told what is done; never waits."""

    def expect(self, stage: RunStage, total: int, *, at_most: bool = False) -> None:
        """So many answers or judgments belong to this run, or may."""

    def advance(self, stage: RunStage, *, failed: bool) -> None:
        """One more is there, or cannot be had."""

    def spare(self, stage: RunStage, number: int) -> None:
        """So many of those that might have come will not be needed."""


class NoProgress:
    """Progress that nobody looks at."""

    def expect(self, stage: RunStage, total: int, *, at_most: bool = False) -> None:
        """Say nothing."""

    def advance(self, stage: RunStage, *, failed: bool) -> None:
        """Say nothing."""

    def spare(self, stage: RunStage, number: int) -> None:
        """Say nothing."""
