"""A chat endpoint that costs next to nothing, so that a benchmark measures clients and not it.

python tests/performance/fast_server.py [--latency 0.2] [--limit 100 [--silent]] [--errors 0.05]

It parses no more of a request than its length, sends always the same judgment after a while, and
with a limit keeps a bucket of a second's requests, which its headers describe as OpenAI's do
unless it is silent. Its first line is its port; GET /stats counts what it did.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections import Counter

SAID = "Both the facts and the reasoning of this answer hold up, with small gaps. " * 12
_BODY = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": f"{SAID}\n\nRating: [[7]]"},
            }
        ],
        "usage": {"prompt_tokens": 700, "completion_tokens": 180, "total_tokens": 880},
    }
).encode()
_REFUSAL = b'{"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}'
_ERROR = b'{"error": {"message": "The server had an error"}}'


class Shop:
    """What the server does with a request."""

    def __init__(self, latency_s: float, limit: float, errors: float, *, silent: bool) -> None:
        self.latency_s = latency_s
        self._silent = silent
        self.counts: Counter[str] = Counter()
        self._limit = limit
        self._errors = errors
        self._level = limit
        self._at = time.monotonic()
        self._random = random.Random(0)

    def serve(self) -> tuple[bytes, float]:
        """Return a response and the seconds until it is sent."""
        headers = b""
        if self._limit:
            now = time.monotonic()
            self._level = min(self._limit, self._level + (now - self._at) * self._limit)
            self._at = now
            if self._level < 1:
                self.counts["refused"] += 1
                wait = b"retry-after-ms: %d\r\n" % (1000 * (1 - self._level) / self._limit + 1)
                return _response(b"429 Too Many Requests", _REFUSAL, self._described() + wait), 0.0
            self._level -= 1
            headers = self._described()
        if self._random.random() < self._errors:
            self.counts["errors"] += 1
            return _response(b"500 Internal Server Error", _ERROR, headers), self.latency_s
        self.counts["served"] += 1
        return _response(b"200 OK", _BODY, headers), self.latency_s

    def _described(self) -> bytes:
        if self._silent:
            return b""
        return (
            b"x-ratelimit-limit-requests: %d\r\nx-ratelimit-remaining-requests: %d\r\n"
            b"x-ratelimit-reset-requests: %dms\r\n"
        ) % (self._limit, self._level, 1000 * (1 - self._level / self._limit))


def _response(status: bytes, body: bytes, headers: bytes) -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%b\r\n"
    return head % (status, len(body), headers) + body


class Connection(asyncio.Protocol):
    """One connection, kept open."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            if len(self._received) < end + 4 + length:
                return
            self._received = self._received[end + 4 + length :]
            if head.startswith(b"get /stats"):
                self._send(_response(b"200 OK", json.dumps(self._shop.counts).encode(), b""))
                continue
            response, wait_s = self._shop.serve()
            if wait_s:
                asyncio.get_running_loop().call_later(wait_s, self._send, response)
            else:
                self._send(response)

    def _send(self, response: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(response)


async def _serve(shop: Shop) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(shop), "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - its parent reads it
    await server.serve_forever()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--limit", type=float, default=0.0, metavar="REQUESTS_A_SECOND")
    parser.add_argument("--errors", type=float, default=0.0, metavar="SHARE")
    parser.add_argument("--silent", action="store_true")
    given = parser.parse_args()
    asyncio.run(_serve(Shop(given.latency, given.limit, given.errors, silent=given.silent)))


if __name__ == "__main__":
    main()
