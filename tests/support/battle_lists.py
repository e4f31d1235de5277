"""Short notations for battles, and hypothesis strategies that draw them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from evalharness.stats import build_comparisons, find_connected_groups

WON, TIE, LOST = 2, 1, 0


def battles(*entries, models=None):
    """Return battles from entries `(model, other, outcome)` or `(..., question)`."""
    names = models or sorted({name for entry in entries for name in entry[:2]})
    place = {name: number for number, name in enumerate(names)}
    return build_comparisons(
        names,
        [place[entry[0]] for entry in entries],
        [place[entry[1]] for entry in entries],
        [entry[2] for entry in entries],
        question=[entry[3] for entry in entries] if len(entries[0]) > 3 else None,
    )


def simulated(models=4, questions=30, seed=0, tie=0.2):
    """Return both-order battles of all pairs, the earlier model the stronger."""
    rng = np.random.default_rng(seed)
    pairs = [(a, b) for a in range(models) for b in range(models) if a != b]
    first, second = np.tile(np.array(pairs).T, questions)
    win = 1 / (1 + np.exp(-0.4 * (second - first)))
    outcome = np.where(rng.random(len(first)) < win, WON, LOST)
    outcome[rng.random(len(first)) < tie] = TIE
    names = [f"model-{number}" for number in range(models)]
    return build_comparisons(
        names, first, second, outcome, question=np.repeat(np.arange(questions), len(pairs))
    )


@st.composite
def connected_battles(draw, *, decided=False):
    """Draw battles of 2 to 5 models on several questions that determine finite ratings.

    A model of ties needs `decided` battles in a cycle as well.
    """
    size = draw(st.integers(2, 5))
    # a cycle of ties makes every rating finite, whatever else is drawn
    kinds = [TIE, WON] if decided else [TIE]
    entries = [(a, (a + 1) % size, kind, 0) for a in range(size) for kind in kinds]
    model = st.integers(0, size - 1)
    drawn = st.tuples(model, model, st.sampled_from([LOST, TIE, WON]), st.integers(0, 6))
    entries += [entry for entry in draw(st.lists(drawn, max_size=40)) if entry[0] != entry[1]]
    first, second, outcome, question = np.array(entries).T
    comparisons = build_comparisons(
        [f"model-{number}" for number in range(size)], first, second, outcome, question=question
    )
    assert len(find_connected_groups(comparisons, "strong")) == 1
    return comparisons
