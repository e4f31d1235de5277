"""The outcome of an import: what was left out, and what to know before trusting the run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOutcome:
    """How an import ended.

    Attributes:
        warnings: what the files hold that the run does not, a line each.
        cautions: what a reader must know before trusting the leaderboard, a line each.
    """

    warnings: tuple[str, ...]
    cautions: tuple[str, ...]
