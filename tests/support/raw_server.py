"""A server on the loopback that sends any bytes: what no well-made server would send."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Handler = Callable[["RawCall"], Awaitable[None]]


class RawCall:
    """A request as it arrived, and the way to answer it.

    Attributes:
        head: the request's first line and headers.
        body: its body.
    """

    def __init__(self, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        self.head = head
        self.body = body
        self._writer = writer

    @property
    def target(self) -> str:
        """The path of the request."""
        return self.head.split(b" ", 2)[1].decode()

    async def send(self, *parts: bytes) -> None:
        """Send these bytes."""
        self._writer.write(b"".join(parts))
        await self._writer.drain()

    async def reply(self, body: bytes | dict[str, Any], *headers: str, status: int = 200) -> None:
        """Send a whole reply."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        await self.send(
            make_head(f"Content-Length: {len(content)}", *headers, status=status), content
        )

    def reset(self) -> None:
        """Break the connection off."""
        self._writer.transport.abort()


def make_head(*headers: str, status: int = 200) -> bytes:
    """Return the first line and the headers of a reply that is the last of its connection."""
    lines = [f"HTTP/1.1 {status} Said", "Content-Type: application/json", "Connection: close"]
    return "\r\n".join([*lines, *headers, "", ""]).encode()


def make_completion(text: str = "4", **fields: Any) -> dict[str, Any]:
    """Return a chat completion, with more fields or others in their place."""
    choice = {"index": 0, "message": {"content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 5, "completion_tokens": 2}
    return {"model": "m", "choices": [choice], "usage": usage, **fields}


@asynccontextmanager
async def raw_server(handle: Handler) -> AsyncIterator[tuple[str, list[RawCall]]]:
    """Yield the base URL of a server that answers as `handle` does, and the calls it received."""
    calls: list[RawCall] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            size = next(
                (
                    int(line.partition(b":")[2])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length:")
                ),
                0,
            )
            call = RawCall(head, await reader.readexactly(size), writer)
            calls.append(call)
            await handle(call)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client has gone, or the test is over
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", calls
    finally:
        server.close()
