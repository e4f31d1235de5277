"""A token is added where there is room for it; what is shared is never written to."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import DynamicCache

from evalharness.backends.local.causal_model import join_caches, map_cache, repeat_cache_row
from evalharness.backends.local.kv_cache import SPARE_COLUMNS, iterate_layers, make_kv_cache

pytestmark = pytest.mark.weights
SHAPE = (3, 2, 1, 4)  # rows, heads, columns, size


def _add(cache, columns, shape=SHAPE):
    states = torch.randn(*shape[:2], columns, shape[3])
    return cache.update(states, -states, 0)


def test_a_token_copies_nothing_of_what_was_before():
    """Many tokens go to one place, and a new one is made when it is full."""
    cache = make_kv_cache()
    _add(cache, 5)
    places = [_add(cache, 1)[0].data_ptr() for _ in range(2 * SPARE_COLUMNS)]

    assert len(set(places[:SPARE_COLUMNS])) == len(set(places[SPARE_COLUMNS:])) == 1
    assert cache.get_seq_length() == 5 + 2 * SPARE_COLUMNS


@given(
    steps=st.lists(
        st.sampled_from(["token", "text", "drop", "join", "share"]), min_size=1, max_size=60
    ),
    seed=st.integers(0, 99),
)
def test_it_holds_what_transformers_own_cache_holds(steps, seed):
    """Whatever is read, dropped, joined or shared in between; who shares is left alone."""
    torch.manual_seed(seed)
    ours, theirs = make_kv_cache(), DynamicCache()
    shared = []
    for step in ["text", *steps]:
        rows = ours.layers[0].keys.shape[0] if ours.layers else SHAPE[0]
        if step in ("token", "text"):
            states = torch.randn(rows, 2, 1 if step == "token" else 3, 4)
            ours.update(states, -states, 0)
            theirs.update(states, -states, 0)
        elif step == "drop" and rows > 1:
            kept = torch.arange(rows - 1)
            map_cache(ours, lambda each, kept=kept: each[kept])
            theirs.batch_select_indices(kept)
        elif step == "join":
            more = torch.randn(1, 2, ours.get_seq_length(), 4)
            other = make_kv_cache()
            other.update(more, -more, 0)
            join_caches(ours, other)
            layer = theirs.layers[0]
            layer.keys, layer.values = (
                torch.cat([layer.keys, more]),
                torch.cat([layer.values, -more]),
            )
        elif step == "share":
            wide = repeat_cache_row(ours, 1)
            before = [each.keys.clone() for each in iterate_layers(wide)]
            _add(wide, 1, (1, 2, 1, 4))
            shared.append((wide, before))

        mine, own = ours.layers[0], theirs.layers[0]
        assert torch.equal(mine.keys, own.keys)
        assert torch.equal(mine.values, own.values)
    for wide, before in shared:
        assert torch.equal(wide.layers[0].keys[:, :, :-1], before[0])
