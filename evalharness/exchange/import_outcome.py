"""Define the outcome of an import: warnings about omitted content, and cautions about the run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOutcome:
    """The outcome of an import.

    Attributes:
        counts: lines on what was read and what of it counts.
        warnings: a line about each kind of content that was left out.
        cautions: what a reader must know before trusting the leaderboard, a line each.
    """

    counts: tuple[str, ...] = ()
    warnings: tuple[str, ...]
    cautions: tuple[str, ...]
