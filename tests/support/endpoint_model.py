"""A model on the test server, requests for it, and a connection that records its waits."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from builders import model_spec

from evalharness.backends.openai_compatible import connect
from evalharness.domain import Message, Request, Role, Sampling

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from server import Server

    from evalharness.domain import Backend, ModelSpec

KEY = "sk-test-6f1d2c9b8a7e"
KEY_VARIABLE = "TEST_SERVER_KEY"
"""Where this variable is set, models are sent the key in it: `OPENAI_API_KEY` is for OpenAI only."""


def model(*base_urls: str, name: str = "vicuna-13b", **settings: Any) -> ModelSpec:
    """Return a model that these servers serve."""
    if base_urls and "api_version" not in settings and KEY_VARIABLE in os.environ:
        settings.setdefault("api_key_env", KEY_VARIABLE)
    return model_spec("openai_compatible", name=name, base_url=base_urls, **settings)


def request(text: str = "Write about Hawaii.", **settings: Any) -> Request:
    """Return a request of one user message; its sampling has the defaults unless given."""
    defaults = {"messages": (Message(role=Role.USER, content=text),), "sampling": Sampling()}
    return Request(**{**defaults, **settings})


@asynccontextmanager
async def connection(
    server: Server, **settings: Any
) -> AsyncIterator[tuple[Server, Backend, list[float]]]:
    """Open a server; yield it, the backend of a model on it, and the waits of the backend."""
    async with server, backend_of(model(server.url, **settings)) as (backend, waits):
        yield server, backend, waits


@asynccontextmanager
async def backend_of(spec: ModelSpec) -> AsyncIterator[tuple[Backend, list[float]]]:
    """Yield the backend of a model, and the waits that it would make before its calls.

    Its clock advances by these waits only.
    """
    waits: list[float] = []

    async def record_wait(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    backend = connect(spec, sleep=record_wait, clock=lambda: sum(waits))
    try:
        yield backend, waits
    finally:
        await backend.close()
