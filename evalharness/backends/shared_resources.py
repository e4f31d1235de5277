"""Reference-counted resources that several models share, such as weights in memory."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Resource = TypeVar("Resource")


class SharedResources(Generic[Resource]):
    """One resource for each key, with the number of its users."""

    def __init__(self) -> None:
        """Start without resources."""
        self._lock = threading.Lock()
        self._users: dict[Hashable, tuple[Resource, int]] = {}

    def __len__(self) -> int:
        """Return the number of resources in use."""
        return len(self._users)

    def acquire(self, key: Hashable, make: Callable[[], Resource]) -> Resource:
        """Return the resource of a key and count one more user; `make` creates a missing resource."""
        with self._lock:
            resource, users = self._users[key] if key in self._users else (make(), 0)
            self._users[key] = resource, users + 1
        return resource

    def release(self, key: Hashable) -> bool:
        """Count one user less; return whether no user is left, so that the resource can be freed."""
        with self._lock:
            resource, users = self._users.pop(key)
            if users > 1:
                self._users[key] = resource, users - 1
        return users == 1
