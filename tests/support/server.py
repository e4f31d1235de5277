"""A real OpenAI-compatible server on the loopback, for candidates and judge, with faults on demand.

Inside a test:

    async with Server([Behavior.RATE_LIMITED]) as server:
        ...  # server.url, server.calls, server.most_in_flight

As a separate process, for tests of the command line:

    with serving("--latency", "0.05") as url:
        ...  # GET {url}/calls returns the requests by model, and their numbers

    python tests/support/server.py --port 0 --behaviors rate_limited,ok     # its first line is the port
    python tests/support/server.py --always noisy

It replies as the `scripted` backend does, from a hash of the model's name and of the messages. A
test can read the requests and their number, so it can count calls, and not only results.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web
from server_batches import Batches
from server_replies import Behavior, Call, cut_reply, dripping_reply, json_reply, reply
from server_responses import responses_reply

from evalharness.domain import compute_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ROOT = Path(__file__).parents[2]


class Server:
    """The server; open it with `async with`.

    Attributes:
        calls: the calls, in order of arrival.
        refused: those of them that `refuse` refused.
        most_in_flight: the largest number of calls that were open at one time.
        model_names: the models in the list of `GET /v1/models`. Without any, those that were called
            are listed as by a server that answers to any name; None has no such list.
        list_headers: the headers of the requests for that list.
    """

    def __init__(
        self,
        behavior: Behavior | Iterable[Behavior] | Callable[[Call], Behavior] = Behavior.OK,
        *,
        latency_s: float = 0.0,
        port: int = 0,
        refuse: Callable[[dict[str, Any]], tuple[int, Any] | None] | None = None,
    ) -> None:
        """Behave as given: always, or for the listed calls and well after them, or as a function says.

        Without a port, a free one is chosen. `refuse` returns the status and the content of a
        refusal for a request's body, or None (`server_rules.py` has those of providers).
        """
        self.calls: list[Call] = []
        self.refused: list[Call] = []
        self._refuse = refuse or (lambda _body: None)
        self.most_in_flight = 0
        self.model_names: tuple[str, ...] | None = ()
        self.list_headers: list[dict[str, str]] = []
        self._in_flight = 0
        self._choose = _chooser(behavior)
        self._latency_s = latency_s
        self._wanted_port = port
        application = web.Application(client_max_size=64 * 2**20)
        application.router.add_post("/v1/chat/completions", self._serve)
        application.router.add_post("/v1/completions", self._serve)
        application.router.add_post("/v1/responses", self._serve)
        application.router.add_post("/openai/deployments/{model}/chat/completions", self._serve)
        application.router.add_get("/v1/models", self._models)
        application.router.add_get("/calls", self._report)
        self.batches = Batches(self.calls, self._reply)
        self.batches.add_to(application)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        self._closing = asyncio.Event()
        self.port = 0

    @property
    def root(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The base URL for a client."""
        return f"{self.root}/v1"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._wanted_port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._closing.set()
        await self._runner.cleanup()
        await asyncio.sleep(0)  # closed connections are noticed in the next round of the loop

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        call = Call(
            number=len(self.calls) + 1,
            path=request.path_qs,
            model=body["model"],
            digest=compute_digest(body),
            body=body,
            headers=dict(request.headers),
        )
        self.calls.append(call)
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            await asyncio.sleep(self._latency_s)
            return await self._behave(self._choose(call), call, request)
        finally:
            self._in_flight -= 1

    async def _behave(
        self, behavior: Behavior, call: Call, request: web.Request
    ) -> web.StreamResponse:
        match behavior:
            case Behavior.HANG:
                await self._closing.wait()
            case Behavior.DISCONNECT:
                request.transport.abort()
            case Behavior.DRIP:
                return await dripping_reply(request, self._closing)
            case Behavior.CUT:
                return await cut_reply(request, call)
        return self._reply(call, behavior)

    def _reply(self, call: Call, behavior: Behavior | None = None) -> web.Response:
        """Return the reply to a call, live or in a batch."""
        if (refusal := self._refuse(call.body)) is not None:
            self.refused.append(call)
            status, content = refusal
            return json_reply(content, status=status)
        if behavior is None:
            behavior = self._choose(call)
        is_response = call.path.endswith("responses") and behavior is Behavior.OK
        return responses_reply(call) if is_response else reply(behavior, call)

    async def _models(self, request: web.Request) -> web.Response:
        self.list_headers.append(dict(request.headers))
        if self.model_names is None:
            raise web.HTTPNotFound
        names = sorted({*self.model_names, *(call.model for call in self.calls)})
        owner = "tests" if self.model_names else "llamacpp"
        entries = [{"id": name, "object": "model", "owned_by": owner} for name in names]
        return json_reply({"object": "list", "data": entries})

    async def _report(self, _request: web.Request) -> web.Response:
        return json_reply(
            {
                "total": len(self.calls),
                "by_model": Counter(call.model for call in self.calls),
                "by_request": Counter(call.digest for call in self.calls),
                "most_in_flight": self.most_in_flight,
                "batches": self.batches.created,
            }
        )


def _chooser(
    behavior: Behavior | Iterable[Behavior] | Callable[[Call], Behavior],
) -> Callable[[Call], Behavior]:
    if isinstance(behavior, Behavior):
        return lambda _call: behavior
    if callable(behavior):
        return behavior
    waiting = iter(behavior)
    return lambda _call: next(waiting, Behavior.OK)


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """Run the server as a child process and yield its address, without `/v1`."""
    process = subprocess.Popen(
        [sys.executable, __file__, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


async def _run(arguments: argparse.Namespace) -> None:
    listed = [Behavior(name) for name in arguments.behaviors.split(",") if name]
    behaviors = Behavior(arguments.always) if arguments.always else listed
    server = Server(behaviors, latency_s=arguments.latency, port=arguments.port)
    async with server:
        print(server.port, flush=True)  # noqa: T201 - whoever started this process reads it
        await asyncio.Event().wait()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description="An OpenAI-compatible server for tests.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--behaviors", default="", metavar="NAME,NAME")
    parser.add_argument("--always", default="", metavar="NAME")
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
