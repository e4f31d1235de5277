"""Whether battles determine ratings at all: which models they connect, and in which directions.

Ratings share a scale when the battles connect all models; maximum-likelihood ratings are finite
when moreover no group of models won all its battles against the rest (Ford 1957): when the graph
with an edge from each winner to each loser, and both ways for a tie, is strongly connected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from evalharness.errors import DisconnectedError, SeparationError
from evalharness.stats.comparisons import Outcome
from evalharness.stats.counting import counted

if TYPE_CHECKING:
    from evalharness.stats.comparisons import Comparisons, IntArray
    from evalharness.stats.counts import Counts

NAMED = 5
"""How many models an error names before it only counts the rest."""


def groups(
    battles: Comparisons | Counts, connection: Literal["weak", "strong"]
) -> tuple[tuple[str, ...], ...]:
    """Return the models by connected component, the largest first."""
    counts = counted(battles)
    labels = _labels(counts, connection)
    found = [
        tuple(np.asarray(counts.models, dtype=object)[labels == label])
        for label in range(int(labels.max()) + 1)
    ]
    return tuple(sorted(found, key=lambda group: (-len(group), group)))


def require_determined(battles: Comparisons | Counts, *, finite: bool) -> None:
    """Do nothing when the battles give all models a place on one scale.

    Args:
        battles: the battles.
        finite: whether no place may be infinite; a penalty bounds those.

    Raises:
        DisconnectedError: the battles do not connect all models; it names the groups.
        SeparationError: some ratings are infinite; it names the models.
    """
    counts = counted(battles)
    if not _labels(counts, "strong").any():
        return
    require_connected(counts)
    if finite:
        require_finite(counts)


def require_connected(battles: Comparisons | Counts) -> None:
    """Do nothing when the battles connect all models.

    Raises:
        DisconnectedError: they do not; it names the groups.
    """
    found = groups(battles, "weak")
    if len(found) > 1:
        listed = "; ".join(named(group) for group in found)
        msg = (
            f"the battles do not connect all models ({listed}): ratings of different groups share "
            "no scale. Judge battles between the groups, or rate each group alone"
        )
        raise DisconnectedError(msg)


def require_finite(battles: Comparisons | Counts) -> None:
    """Do nothing when every rating has a finite maximum-likelihood value.

    Raises:
        SeparationError: some have none; it names the models.
    """
    found = one_sided(battles)
    if found:
        listed = "; ".join(f"{named(group)} {what}" for group, what in found)
        msg = (
            f"maximum-likelihood ratings are infinite: {listed}. Judge more battles, "
            "leave these models out, or give a penalty such as penalty=0.25"
        )
        raise SeparationError(msg)


def one_sided(battles: Comparisons | Counts) -> tuple[tuple[tuple[str, ...], str], ...]:
    """Return the groups that only won, or only lost, against the rest; none when all are finite."""
    counts = counted(battles)
    labels = _labels(counts, "strong")
    if not labels.any():
        return ()
    winners, losers = _edges(counts)
    crossing = labels[winners] != labels[losers]
    won, lost = set(labels[winners[crossing]]), set(labels[losers[crossing]])
    found = []
    for label in sorted(won ^ lost):
        group = tuple(np.asarray(counts.models, dtype=object)[labels == label])
        found.append((group, "won" if label in won else "lost"))
    return tuple(
        (group, f"{verb} every battle{'' if len(group) == 1 else ' against the others'}")
        for group, verb in sorted(found, key=lambda entry: (entry[1] == "lost", entry[0]))
    )


def named(group: tuple[str, ...]) -> str:
    """Return a group's names for a sentence, the first few of many."""
    rest = len(group) - NAMED
    return ", ".join(group[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _edges(counts: Counts) -> tuple[IntArray, IntArray]:
    """Return winners and losers; a tie counts both ways."""
    seen = counts.weight > 0
    first_scored = seen[:, Outcome.FIRST_WON] | seen[:, Outcome.TIE]
    second_scored = seen[:, Outcome.SECOND_WON] | seen[:, Outcome.TIE]
    first, second = counts.first, counts.second
    winners = np.concatenate([first[first_scored], second[second_scored]])
    losers = np.concatenate([second[first_scored], first[second_scored]])
    return winners, losers


def _labels(counts: Counts, connection: Literal["weak", "strong"]) -> IntArray:
    winners, losers = _edges(counts)
    size = len(counts.models)
    beat = np.zeros((size, size), dtype=np.int8)
    beat[winners, losers] = 1
    _, labels = connected_components(csr_array(beat), directed=True, connection=connection)
    return labels.astype(np.int64)
