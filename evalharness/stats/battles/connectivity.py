"""Check that battles determine ratings: models are connected, and no group is one-sided.

Ratings share a scale when the battles connect all models. Maximum-likelihood ratings are finite
if, in addition, no group of models won all its battles against the rest (Ford 1957). This holds if
the graph with an edge from each winner to each loser (both directions for a tie) is strongly
connected.
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
"""The maximum number of models that an error message names."""


def find_connected_groups(
    battles: Comparisons | BattleCounts, connection: Literal["weak", "strong"]
) -> tuple[tuple[str, ...], ...]:
    """Return the names of the models in each connected component, the largest first.

    Args:
        battles: the battles, as arrays or counts.
        connection: `strong` follows edges from winners to losers, `weak` ignores directions.
    """
    counts = ensure_counts(battles)
    labels = _component_labels(counts, connection)
    found = [
        tuple(np.asarray(counts.models, dtype=object)[labels == label])
        for label in range(int(labels.max()) + 1)
    ]
    return tuple(sorted(found, key=lambda group: (-len(group), group)))


def require_determined_ratings(battles: Comparisons | BattleCounts, *, finite: bool) -> None:
    """Check that the battles determine the ratings of all models.

    Args:
        battles: the battles, as arrays or counts.
        finite: whether ratings must be finite without a penalty.

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
    """Check that the battles connect all models.

    Args:
        battles: the battles, as arrays or counts.

    Raises:
        DisconnectedError: the battles do not connect all models; it names the groups.
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
    """Check that every rating has a finite maximum-likelihood value.

    Args:
        battles: the battles, as arrays or counts.

    Raises:
        SeparationError: some ratings are infinite; it names the models.
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
    """Return the groups that won, or lost, every battle against the rest.

    Args:
        battles: the battles, as arrays or counts.

    Returns:
        Each group's names, and a phrase such as `won every battle`.
    """
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
    """Return a group's names as a phrase; for a large group, the first names and a count."""
    rest = len(group) - MAX_NAMED_MODELS
    return ", ".join(group[:MAX_NAMED_MODELS]) + (f" and {rest} more" if rest > 0 else "")


def _win_edges(counts: BattleCounts) -> tuple[IntArray, IntArray]:
    """Return the winner and the loser of each edge; a tie is an edge in both directions."""
    occurs = counts.weight > 0
    first_scored = occurs[:, BattleOutcome.FIRST_WON] | occurs[:, BattleOutcome.TIE]
    second_scored = occurs[:, BattleOutcome.SECOND_WON] | occurs[:, BattleOutcome.TIE]
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
