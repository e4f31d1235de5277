"""Build the requests of OpenAI-compatible servers, without any I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from evalharness.backends.openai.replies.echo_scores import build_benchmark_fields
from evalharness.backends.openai.responses_api import convert_to_responses_body
from evalharness.backends.openai.settings import MAX_TOP_LOGPROBS, get_openai_settings
from evalharness.backends.templates.chat_template import render_chat_template
from evalharness.domain import BenchmarkRequest, RequestRules, Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.backends.openai.settings import OpenAISettings
    from evalharness.domain import ModelSpec, Request, Sampling

_PATHS = {
    "chat": "chat/completions",
    "completions": "completions",
    "responses": "responses",
}
_SENT_FIELDS = (
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "seed",
    "random_seed",
)
NO_RULES = RequestRules()


def build_request_url(spec: ModelSpec, base_url: str) -> str:
    """Return the URL of a model's requests."""
    settings = get_openai_settings(spec)
    path = _PATHS[settings.endpoint]
    if settings.api_version and settings.endpoint != "responses":
        # Azure names the model in the path, except for the Responses API.
        path = f"deployments/{settings.api_name or spec.name}/{path}"
    return build_batch_url(spec, base_url, path)


def build_batch_url(spec: ModelSpec, base_url: str, path: str) -> str:
    """Return the URL of a path at a server; a query in its base URL is kept."""
    parts, version = urlsplit(base_url), get_openai_settings(spec).api_version
    place = f"{parts.path.rstrip('/')}/{'openai/' if version else ''}{path}"
    queries = [parts.query, f"api-version={version}" if version else ""]
    return parts._replace(path=place, query="&".join(filter(None, queries))).geturl()


def build_batch_endpoint(spec: ModelSpec) -> str:
    """Return the endpoint of the requests in a batch."""
    settings = get_openai_settings(spec)
    path = _PATHS[settings.endpoint]
    return f"/v1/{path}" if settings.api_version is None else f"/{path}"


def build_request_body(
    spec: ModelSpec, request: Request, rules: RequestRules = NO_RULES
) -> dict[str, Any]:
    """Return the body of a request.

    All stop texts are sent. A server that accepts fewer refuses the request with a message; if some
    were left out, the text could run past them unnoticed.

    Args:
        spec: the model.
        request: the request.
        rules: what the server is known to refuse of this model's requests.
    """
    settings = get_openai_settings(spec)
    content = {
        "model": settings.api_name or spec.name,
        **_build_sampling_fields(request.sampling),
        **_build_prompt(spec, request, rules),
        **_build_reply_fields(spec, request, rules),
        **_build_model_fields(spec, settings),
    }
    content = _apply_rules(content, rules, is_benchmark=isinstance(request, BenchmarkRequest))
    if settings.endpoint == "responses":
        content = convert_to_responses_body(content)
    return content | settings.extra_body


def list_sent_fields(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the sampling fields in a request's body, as the server knows them."""
    return tuple(name for name in _SENT_FIELDS if name in body)


def render_prompt(spec: ModelSpec, request: Request) -> str:
    """Return the text of a prompt for an endpoint that continues texts.

    The server adds the token that begins a text (BOS) itself, so the prompt has none.
    """
    prompt = render_chat_template(
        spec.template or "",
        request.messages,
        options=spec.template_options,
        date=spec.template_date,
        limits=spec.template_limits,
    )
    return prompt + request.prefill


def _build_prompt(spec: ModelSpec, request: Request, rules: RequestRules) -> dict[str, Any]:
    """Return the conversation, as messages or as the text that the template makes of them."""
    if isinstance(request, BenchmarkRequest) and request.prompt is not None:
        return {}  # a prompt that is sent unchanged
    if get_openai_settings(spec).endpoint == "completions":
        return {"prompt": render_prompt(spec, request)}
    messages = [{"role": each.role, "content": each.content} for each in request.messages]
    return {"messages": _join_system(messages) if rules.system_in_user else messages}


def _join_system(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a conversation whose system message begins its first user message."""
    if len(messages) < 2 or messages[0]["role"] != Role.SYSTEM:  # noqa: PLR2004 - system and user
        return list(messages)
    system, first, *others = messages
    text = f"{system['content']}\n\n{first['content']}"
    return [{**first, "content": text}, *others]


def _build_reply_fields(spec: ModelSpec, request: Request, rules: RequestRules) -> dict[str, Any]:
    """Return the fields that say what the reply is to contain, and where it ends."""
    settings = get_openai_settings(spec)
    is_text = settings.endpoint == "completions"
    if isinstance(request, BenchmarkRequest):
        return build_benchmark_fields(request)
    fields: dict[str, Any] = {}
    if request.schema is not None and not is_text:
        form = settings.response_format or rules.response_format or "json_schema"
        fields |= _build_response_format(form, request.schema)
    if not request.options:
        return fields | ({"stop": spec.stop} if spec.stop else {})
    count = settings.top_logprobs or rules.top_logprobs or MAX_TOP_LOGPROBS
    if is_text:
        return fields | {"max_tokens": 1, "logprobs": count}
    return fields | {"max_tokens": 1, "logprobs": True, "top_logprobs": count}


def _build_response_format(form: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    if form == "text":
        return {}
    if form == "json_object":
        return {"response_format": {"type": "json_object"}}
    named = {"name": schema.get("title", "reply"), "strict": True, "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": named}}


def _build_model_fields(spec: ModelSpec, settings: OpenAISettings) -> dict[str, Any]:
    """Return the fields that the model's settings add to every request."""
    fields: dict[str, Any] = {}
    if settings.reasoning_effort is not None:
        fields["reasoning_effort"] = settings.reasoning_effort
    if spec.template_options and settings.endpoint == "chat":
        fields["chat_template_kwargs"] = dict(spec.template_options)
    return fields


def _build_sampling_fields(sampling: Sampling) -> dict[str, Any]:
    """Return the fields of generation that are set; a server decides on the others."""
    fields = {
        "temperature": sampling.temperature,
        "max_tokens": sampling.max_tokens,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _apply_rules(
    body: dict[str, Any], rules: RequestRules, *, is_benchmark: bool
) -> dict[str, Any]:
    """Return a body without what the server refuses, under the names that it knows.

    Stop texts are left out of benchmarks only, whose replies are cut at them here.
    """
    if rules.max_tokens is not None and "max_tokens" in body:
        body["max_tokens"] = min(body["max_tokens"], rules.max_tokens)
    return {
        rules.renamed.get(name, name): value
        for name, value in body.items()
        if name not in rules.left_out or (name == "stop" and not is_benchmark)
    }
