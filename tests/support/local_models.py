"""A model with weights in a folder, and its replies to simultaneous requests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from builders import model_spec

from evalharness.backends.local_transformers import connect

if TYPE_CHECKING:
    from pathlib import Path

    from evalharness.domain import Completion, ModelSpec, Request

TEMPLATE = (
    "{% for message in messages %}"
    "{% if message.role == 'user' %}USER: {{ message.content }} "
    "{% else %}ASSISTANT: {{ message.content }}</s>{% endif %}"
    "{% endfor %}ASSISTANT:"
)


def model(weights: Path | str, **settings: Any) -> ModelSpec:
    """Return a model with these weights."""
    defaults = {"name": "vicuna-13b", "template": TEMPLATE, "stop": ("</s>",)}
    return model_spec("local_transformers", weights=str(weights), **{**defaults, **settings})


def ask(spec: ModelSpec, *requests: Request) -> list[Completion]:
    """Return the completions of simultaneous requests, or the error of each."""

    async def ask_all() -> Any:
        backend = connect(spec)
        try:
            asked = map(backend.complete, requests)
            return await asyncio.gather(*asked, return_exceptions=True)
        finally:
            await backend.close()

    return asyncio.run(ask_all())
