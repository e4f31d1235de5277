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
from evalharness.stats.battles.comparisons import BattleOutcome
from evalharness.stats.battles.count_arrays import ensure_counts

if TYPE_CHECKING:
    from evalharness.stats.arrays import IntArray
    from evalharness.stats.battles.comparisons import Comparisons
    from evalharness.stats.battles.counts import BattleCounts

MAX_NAMED_MODELS = 5
"""How many models an error names before it only counts the rest."""


def find_connected_groups(
    battles: Comparisons | BattleCounts, connection: Literal["weak", "strong"]
) -> tuple[tuple[str, ...], ...]:
    """Return the models by connected component, the largest first."""
    counts = ensure_counts(battles)
    labels = _component_labels(counts, connection)
    found = [
        tuple(np.asarray(counts.models, dtype=object)[labels == label])
        for label in range(int(labels.max()) + 1)
    ]
    return tuple(sorted(found, key=lambda group: (-len(group), group)))


def require_determined_ratings(battles: Comparisons | BattleCounts, *, finite: bool) -> None:
    """Do nothing when the battles give all models a place on one scale.

    Args:
        battles: the battles.
        finite: whether no place may be infinite; a penalty bounds those.

    Raises:
        DisconnectedError: the battles do not connect all models; it names the groups.
        SeparationError: some ratings are infinite; it names the models.
    """
    counts = ensure_counts(battles)
    if not _component_labels(counts, "strong").any():
        return
    require_connected_models(counts)
    if finite:
        require_finite_ratings(counts)


def require_connected_models(battles: Comparisons | BattleCounts) -> None:
    """Do nothing when the battles connect all models.

    Raises:
        DisconnectedError: they do not; it names the groups.
    """
    found = find_connected_groups(battles, "weak")
    if len(found) > 1:
        listed = "; ".join(format_model_group(group) for group in found)
        msg = (
            f"the battles do not connect all models ({listed}): ratings of different groups share "
            "no scale. Judge battles between the groups, or rate each group alone"
        )
        raise DisconnectedError(msg)


def require_finite_ratings(battles: Comparisons | BattleCounts) -> None:
    """Do nothing when every rating has a finite maximum-likelihood value.

    Raises:
        SeparationError: some have none; it names the models.
    """
    found = find_one_sided_groups(battles)
    if found:
        listed = "; ".join(f"{format_model_group(group)} {what}" for group, what in found)
        msg = (
            f"maximum-likelihood ratings are infinite: {listed}. Judge more battles, "
            "leave these models out, or give a penalty such as penalty=0.25"
        )
        raise SeparationError(msg)


def find_one_sided_groups(
    battles: Comparisons | BattleCounts,
) -> tuple[tuple[tuple[str, ...], str], ...]:
    """Return the groups that only won, or only lost, against the rest; none when all are finite."""
    counts = ensure_counts(battles)
    labels = _component_labels(counts, "strong")
    if not labels.any():
        return ()
    winners, losers = _win_edges(counts)
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


def format_model_group(group: tuple[str, ...]) -> str:
    """Return a group's names for a sentence, the first few of many."""
    rest = len(group) - MAX_NAMED_MODELS
    return ", ".join(group[:MAX_NAMED_MODELS]) + (f" and {rest} more" if rest > 0 else "")


def _win_edges(counts: BattleCounts) -> tuple[IntArray, IntArray]:
    """Return winners and losers; a tie counts both ways."""
    seen = counts.weight > 0
    first_scored = seen[:, BattleOutcome.FIRST_WON] | seen[:, BattleOutcome.TIE]
    second_scored = seen[:, BattleOutcome.SECOND_WON] | seen[:, BattleOutcome.TIE]
    first, second = counts.first, counts.second
    winners = np.concatenate([first[first_scored], second[second_scored]])
    losers = np.concatenate([second[first_scored], first[second_scored]])
    return winners, losers


def _component_labels(counts: BattleCounts, connection: Literal["weak", "strong"]) -> IntArray:
    winners, losers = _win_edges(counts)
    size = len(counts.models)
    beat = np.zeros((size, size), dtype=np.int8)
    beat[winners, losers] = 1
    _, labels = connected_components(csr_array(beat), directed=True, connection=connection)
    return labels.astype(np.int64)
