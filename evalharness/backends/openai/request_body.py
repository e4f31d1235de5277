"""Build the requests of OpenAI-compatible servers, without any I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalharness.backends.chat_template import render_chat_template
from evalharness.backends.openai.echo_scores import build_benchmark_fields
from evalharness.backends.openai.settings import get_openai_settings
from evalharness.domain import BenchmarkRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalharness.domain import ModelSpec, Request, Sampling

MAX_TOP_LOGPROBS = 20  # the maximum of OpenAI's chat endpoint, and of vLLM by default


def build_request_url(spec: ModelSpec, base_url: str) -> str:
    """Return the URL of a model's requests."""
    base, settings = base_url.rstrip("/"), get_openai_settings(spec)
    path = "completions" if settings.endpoint == "completions" else "chat/completions"
    if settings.api_version is None:
        return f"{base}/{path}"
    deployment = f"{base}/openai/deployments/{settings.api_name or spec.name}"
    return f"{deployment}/{path}?api-version={settings.api_version}"


def build_batch_url(spec: ModelSpec, base_url: str, path: str) -> str:
    """Return the URL of a path below the files or batches of a server."""
    base, settings = base_url.rstrip("/"), get_openai_settings(spec)
    if settings.api_version is None:
        return f"{base}/{path}"
    return f"{base}/openai/{path}?api-version={settings.api_version}"


def build_batch_endpoint(spec: ModelSpec) -> str:
    """Return the endpoint of the requests in a batch."""
    settings = get_openai_settings(spec)
    path = "completions" if settings.endpoint == "completions" else "chat/completions"
    return f"/v1/{path}" if settings.api_version is None else f"/{path}"


def build_request_body(spec: ModelSpec, request: Request) -> dict[str, Any]:
    """Return the body of a request.

    All stop texts are sent. A server that accepts fewer refuses the request with a message; if some
    were left out, the text could run past them unnoticed.
    """
    settings = get_openai_settings(spec)
    content = {"model": settings.api_name or spec.name, **_build_sampling_fields(request.sampling)}
    if isinstance(request, BenchmarkRequest) and request.prompt is not None:
        pass  # a prompt that is sent unchanged
    elif settings.endpoint == "completions":
        # The server adds the token that begins a text (BOS) itself, so the prompt has none.
        prompt = render_chat_template(spec.template or "", request.messages)
        content["prompt"] = prompt + request.prefill
    else:
        content["messages"] = [
            {"role": message.role, "content": message.content} for message in request.messages
        ]
        if request.schema is not None:
            content["response_format"] = _build_response_format(request.schema)
    if isinstance(request, BenchmarkRequest):
        return content | build_benchmark_fields(request)
    if not request.options:
        return content | ({"stop": spec.stop} if spec.stop else {})
    if settings.endpoint == "completions":
        return content | {"max_tokens": 1, "logprobs": MAX_TOP_LOGPROBS}
    return content | {"max_tokens": 1, "logprobs": True, "top_logprobs": MAX_TOP_LOGPROBS}


def _build_response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    named = {"name": schema.get("title", "reply"), "strict": True, "schema": schema}
    return {"type": "json_schema", "json_schema": named}


def _build_sampling_fields(sampling: Sampling) -> dict[str, Any]:
    """Return the fields of generation that are set; a server decides on the others."""
    fields = {
        "temperature": sampling.temperature,
        "max_tokens": sampling.max_tokens,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
    }
    return {name: value for name, value in fields.items() if value is not None}
