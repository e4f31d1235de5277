"""Choose among several servers: the least busy one, and the same one for the same conversation.

A server that fails is avoided for a second, and twice as long each time it fails again, at most for
half a minute. Then one call tries it, and a success restores it. While no server can be reached at
all, the other calls wait.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalharness.domain import Request

_FIRST_COOLDOWN_S = 1.0
_MAX_COOLDOWN_S = 30.0
_MAX_DOUBLINGS = 16
_MAX_REMEMBERED_CONVERSATIONS = 100_000


@dataclass(slots=True)
class _ServerState:
    in_flight: int = 0
    failures: int = 0
    lost_connections: int = 0  # in a row
    avoided_until: float = float("-inf")
    is_being_tried: bool = False


class LoadBalancer:
    """The state of a model's servers, by URL."""

    def __init__(self, urls: Iterable[str]) -> None:
        """Start with all servers available."""
        self._servers = {url: _ServerState() for url in urls}
        self._url_by_conversation: OrderedDict[int, str] = OrderedDict()

    def choose(self, request: Request, tried: Sequence[str], now: float) -> str:
        """Return the URL of the next attempt, and count the call as in flight there.

        Args:
            request: the request of the call.
            tried: the URLs of its earlier attempts.
            now: the current time.
        """
        if len(self._servers) == 1:
            url = next(iter(self._servers))
        else:
            home = self._url_by_conversation.get(hash(request.messages[:-2]))
            url = min(
                self._servers,
                key=lambda each: (
                    now < self._servers[each].avoided_until,
                    tried.count(each),
                    each != home,
                    self._servers[each].in_flight,
                ),
            )
        server = self._servers[url]
        server.in_flight += 1
        if server.failures:
            # This call tries the server; others avoid it until the result is known.
            server.avoided_until = max(server.avoided_until, now + self._pause_s(server))
            server.is_being_tried = True
        return url

    def release(self, url: str) -> None:
        """Record that a call is over."""
        self._servers[url].in_flight -= 1

    def record_success(self, request: Request, url: str) -> None:
        """Record that a server works, and that this conversation continues there."""
        server = self._servers[url]
        server.failures = server.lost_connections = 0
        server.avoided_until = float("-inf")
        if len(self._servers) > 1:
            self._url_by_conversation[hash(request.messages)] = url
            if len(self._url_by_conversation) > _MAX_REMEMBERED_CONVERSATIONS:
                self._url_by_conversation.popitem(last=False)

    @property
    def lost_connections(self) -> int:
        """How often in a row no server could be reached; 0 while one of them can."""
        return min(server.lost_connections for server in self._servers.values())

    def pause_s(self, now: float) -> float:
        """Return the seconds until a server may be tried, if none can be reached; else 0."""
        if not self.lost_connections:
            return 0.0
        return max(0.0, min(each.avoided_until for each in self._servers.values()) - now)

    def record_failure(self, url: str, now: float, *, is_lost: bool = False) -> None:
        """Avoid a server for a while; failures of calls that were in flight together count once.

        Args:
            url: the server.
            now: the current time.
            is_lost: whether the connection failed, so that the server may be down.
        """
        server = self._servers[url]
        if now < server.avoided_until and not server.is_being_tried:
            return
        server.is_being_tried = False
        server.failures += 1
        server.lost_connections = server.lost_connections + 1 if is_lost else 0
        server.avoided_until = now + self._pause_s(server)

    def _pause_s(self, server: _ServerState) -> float:
        doublings = min(server.failures - 1, _MAX_DOUBLINGS)
        return min(_MAX_COOLDOWN_S, _FIRST_COOLDOWN_S * 2.0**doublings)
