"""A KV cache with spare columns, so that a token is added without a copy of all earlier ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

SPARE_COLUMNS = 32
"""The number of columns that are allocated at a time."""


def make_kv_cache() -> DynamicCache:
    """Return an empty cache, whose layers are all `RoomyLayer`."""
    cache = DynamicCache()
    cache.layer_class_to_replicate = PreallocatedLayer
    return cache


def iterate_layers(cache: DynamicCache) -> Iterator[PreallocatedLayer]:
    """Yield the layers of a cache that `make_kv_cache` made."""
    yield from cache.layers


class PreallocatedLayer(DynamicLayer):  # type: ignore[misc]
    """A layer whose keys and values may be the first columns of larger tensors.

    Tensors have the shape [rows, heads, columns, size].
    """

    keys: Tensor
    values: Tensor
    _room: tuple[Tensor, Tensor] | None = None

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Add columns; return all keys and values."""
        if not self.is_initialized or key_states.shape[-2] > 1:
            self._room = None
            both: tuple[Tensor, Tensor] = super().update(key_states, value_states, *args, **kwargs)
            return both
        columns = self.keys.shape[-2]
        room = self._room
        if room is None or columns == room[0].shape[-2]:
            room = self._room = _add_spare_columns(self.keys), _add_spare_columns(self.values)
        for each, states in zip(room, (key_states, value_states), strict=True):
            each[:, :, columns : columns + 1] = states
        self.keys, self.values = (each[:, :, : columns + 1] for each in room)
        return self.keys, self.values

    def hold(self, keys: Tensor, values: Tensor) -> None:
        """Replace keys and values; tensors that other caches share are not modified."""
        self.keys, self.values, self._room = keys, values, None


def _add_spare_columns(states: Tensor) -> Tensor:
    """Return a copy of a tensor [rows, heads, columns, size] with spare columns."""
    rows, heads, columns, size = states.shape
    room = states.new_empty(rows, heads, columns + SPARE_COLUMNS, size)
    room[:, :, :columns] = states
    return room
