"""What several models use together, such as the weights in memory: there while anybody uses it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Resource = TypeVar("Resource")


class SharedResources(Generic[Resource]):
    """One thing for each key, with the number of its users."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._lock = threading.Lock()
        self._users: dict[Hashable, tuple[Resource, int]] = {}

    def __len__(self) -> int:
        """Return how many things are in use."""
        return len(self._users)

    def take(self, key: Hashable, make: Callable[[], Resource]) -> Resource:
        """Return the thing of that key, with one user more; it is made where there is none."""
        with self._lock:
            thing, users = self._users[key] if key in self._users else (make(), 0)
            self._users[key] = thing, users + 1
        return thing

    def leave(self, key: Hashable) -> bool:
        """Count one user less; whether none is left, and the thing is to be let go."""
        with self._lock:
            thing, users = self._users.pop(key)
            if users > 1:
                self._users[key] = thing, users - 1
        return users == 1
