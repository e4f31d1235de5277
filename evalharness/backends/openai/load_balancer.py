"""Which of several servers is asked: the least busy, one conversation always at the same.

A server that fails is left out for a second, and twice as long each time it fails again, a minute
at most. Then one call tries it, and a success brings it back.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalharness.domain import Request

_FIRST_COOLDOWN_S = 1.0
_MAX_COOLDOWN_S = 60.0
_MAX_REMEMBERED_CONVERSATIONS = 100_000


@dataclass(slots=True)
class _ServerState:
    in_flight: int = 0
    failures: int = 0
    out_until: float = float("-inf")
    is_tried: bool = False


class LoadBalancer:
    """The servers of a model, by URL."""

    def __init__(self, urls: Iterable[str]) -> None:
        """Begin with all of them well."""
        self._servers = {url: _ServerState() for url in urls}
        self._homes: OrderedDict[int, str] = OrderedDict()

    def choose(self, request: Request, tried: Sequence[str], now: float) -> str:
        """Return the URL to ask next, and count the call as in flight there.

        Args:
            request: what is asked.
            tried: the URLs of its earlier attempts.
            now: the time.
        """
        if len(self._servers) == 1:
            url = next(iter(self._servers))
        else:
            home = self._homes.get(hash(request.messages[:-2]))
            url = min(
                self._servers,
                key=lambda each: (
                    now < self._servers[each].out_until,
                    tried.count(each),
                    each != home,
                    self._servers[each].in_flight,
                ),
            )
        server = self._servers[url]
        server.in_flight += 1
        if server.failures:
            # This call tries it; nobody else does until it is known how that went.
            server.out_until = max(server.out_until, now + self._pause_s(server))
            server.is_tried = True
        return url

    def release(self, url: str) -> None:
        """Take note that a call is over."""
        self._servers[url].in_flight -= 1

    def served(self, request: Request, url: str) -> None:
        """Take note that a server is well, and that this conversation goes on there."""
        server = self._servers[url]
        server.failures, server.out_until = 0, float("-inf")
        if len(self._servers) > 1:
            self._homes[hash(request.messages)] = url
            if len(self._homes) > _MAX_REMEMBERED_CONVERSATIONS:
                self._homes.popitem(last=False)

    def failed(self, url: str, now: float) -> None:
        """Leave a server out for a while; calls that were in flight together count once."""
        server = self._servers[url]
        if now < server.out_until and not server.is_tried:
            return
        server.is_tried = False
        server.failures += 1
        server.out_until = now + self._pause_s(server)

    def _pause_s(self, server: _ServerState) -> float:
        return min(_MAX_COOLDOWN_S, _FIRST_COOLDOWN_S * 2.0 ** (server.failures - 1))
