"""Cautions of a leaderboard for tests: from sentences, and back to sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.analysis import Caution

if TYPE_CHECKING:
    from evalharness.analysis import Leaderboard


def cautions(*sentences: str, source: str = "ratings") -> tuple[Caution, ...]:
    """Return sentences as cautions of one source."""
    return tuple(Caution(source=source, sentence=sentence) for sentence in sentences)


def sentences(board: Leaderboard) -> tuple[str, ...]:
    """Return the sentences of a leaderboard's cautions."""
    return tuple(each.sentence for each in board.cautions)
