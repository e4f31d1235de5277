"""The protocol by which the runner reports its progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from evalharness.domain import RunStage


class Progress(Protocol):
    """An object that is notified of progress. Its methods return at once."""

    def expect(self, stage: RunStage, total: int, *, at_most: bool = False) -> None:
        """Announce the number of answers or judgments in a run, or an upper bound."""

    def advance(self, stage: RunStage, *, failed: bool) -> None:
        """Report that one more is done, or has failed."""

    def skip(self, stage: RunStage, number: int) -> None:
        """Report that a number of the announced ones will not be needed."""


class NoProgress:
    """Progress that is not shown."""

    def expect(self, stage: RunStage, total: int, *, at_most: bool = False) -> None:
        """Do nothing."""

    def advance(self, stage: RunStage, *, failed: bool) -> None:
        """Do nothing."""

    def skip(self, stage: RunStage, number: int) -> None:
        """Do nothing."""
