"""What the servers of providers refuse, one row each, in their own forms and words.

refusal = SERVER_RULES["openai_reasoning"](body)     # (400, {...}), or None if the body is taken
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Refusal = tuple[int, Any]


def _openai(message: str, param: str, code: str = "unsupported_parameter") -> Refusal:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return 400, {"error": error}


def _openai_reasoning(body: dict[str, Any]) -> Refusal | None:
    if "max_tokens" in body:
        return _openai(
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            "max_tokens",
        )
    if body.get("temperature", 1) != 1:
        return _openai(
            f"Unsupported value: 'temperature' does not support {body['temperature']} with this "
            "model. Only the default (1) value is supported.",
            "temperature",
            "unsupported_value",
        )
    if "top_p" in body:
        return _openai("Unsupported parameter: 'top_p' is not supported with this model.", "top_p")
    return None


def _openai_old_reasoning(body: dict[str, Any]) -> Refusal | None:
    """Refuse as the first reasoning models did, which knew no system message either."""
    if (refusal := _openai_reasoning(body)) is not None:
        return refusal
    if any(message["role"] == "system" for message in body["messages"]):
        return _openai(
            "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
            "messages[0].role",
            "unsupported_value",
        )
    if "response_format" in body:
        return _openai(
            "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this "
            "model. Learn more about supported models at the Structured Outputs guide.",
            "response_format",
        )
    return None


def _anthropic(body: dict[str, Any]) -> Refusal | None:
    for name in ("temperature", "top_p"):
        if name in body:
            message = f"`{name}` is deprecated for this model."
            return 400, {"error": {"type": "invalid_request_error", "message": message}}
    return None


def _anthropic_older(body: dict[str, Any]) -> Refusal | None:
    if "temperature" in body and "top_p" in body:
        message = (
            "`temperature` and `top_p` cannot both be specified for this model. "
            "Please use only one."
        )
        return 400, {"error": {"type": "invalid_request_error", "message": message}}
    if body.get("max_tokens", 0) > 512:
        message = (
            f"max_tokens: {body['max_tokens']} > 512, which is the maximum allowed number of "
            "output tokens for this model"
        )
        return 400, {"error": {"type": "invalid_request_error", "message": message}}
    return None


def _google(body: dict[str, Any]) -> Refusal | None:
    if "seed" not in body:
        return None
    message = 'Invalid JSON payload received. Unknown name "seed": Cannot find field.'
    details = [{"fieldViolations": [{"description": message}]}]
    error = {"code": 400, "message": message, "status": "INVALID_ARGUMENT", "details": details}
    return 400, [{"error": error}]


def _google_open_weights(body: dict[str, Any]) -> Refusal | None:
    if any(message["role"] == "system" for message in body["messages"]):
        message = "Developer instruction is not enabled for models/gemma-3-27b-it"
        return 400, [{"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}]
    return _google(body)


def _mistral(body: dict[str, Any]) -> Refusal | None:
    known = {
        "model",
        "messages",
        "temperature",
        "top_p",
        "max_tokens",
        "random_seed",
        "response_format",
        "stop",
    }
    detail = [
        {
            "type": "extra_forbidden",
            "loc": ["body", name],
            "msg": "Extra inputs are not permitted",
            "input": body[name],
        }
        for name in body
        if name not in known
    ]
    return (422, {"detail": detail}) if detail else None


def _mistral_nested(body: dict[str, Any]) -> Refusal | None:
    if (refusal := _mistral(body)) is None:
        return None
    status, content = refusal
    return status, {"object": "error", "message": content, "type": "invalid_request_error"}


def _literal_values(body: dict[str, Any]) -> Refusal | None:
    """Refuse as FastAPI does, which names the place in the request and the values there."""
    if any(message["role"] == "system" for message in body["messages"]):
        place, values = ["messages", 0, "role"], "'user' or 'assistant'"
    elif body.get("response_format", {}).get("type") == "json_schema":
        place, values = ["response_format", "type"], "'text' or 'json_object'"
    elif "temperature" in body:
        place, values = ["temperature", "none"], "None"
    else:
        return None
    said = {"type": "literal_error", "loc": ["body", *place], "msg": f"Input should be {values}"}
    return 422, {"detail": [said]}


def _reply_range(body: dict[str, Any]) -> Refusal | None:
    if body.get("max_tokens", 0) <= 300:
        return None
    message = "Invalid max_tokens value, the valid range of max_tokens is [1, 300]"
    return 400, {"error": {"message": message, "type": "invalid_request_error", "param": None}}


def _few_logprobs(body: dict[str, Any]) -> Refusal | None:
    if body.get("top_logprobs", 0) <= 5:
        return None
    message = "top_logprobs: Input should be less than or equal to 5"
    return 400, {"error": {"message": message, "type": "invalid_request_error"}}


def _few_logprobs_in_words(body: dict[str, Any]) -> Refusal | None:
    if body.get("top_logprobs", 0) <= 8:
        return None
    message = "Invalid request: the maximum allowed top_logprobs is 8"
    return 422, {"object": "error", "message": message, "type": "BadRequestError", "code": 422}


def _json_without_schema(body: dict[str, Any]) -> Refusal | None:
    if body.get("response_format", {}).get("type") != "json_schema":
        return None
    message = "This response_format type is unavailable now"
    return 400, {"error": {"message": message, "type": "invalid_request_error"}}


def _no_json(body: dict[str, Any]) -> Refusal | None:
    if "response_format" not in body:
        return None
    return 422, {"detail": "'response_format.type' must be 'text', json_schema is not supported"}


def _template_without_system(body: dict[str, Any]) -> Refusal | None:
    """Refuse as llama.cpp does, where the model's own template raises."""
    if all(message["role"] != "system" for message in body["messages"]):
        return None
    message = "Jinja Exception: System role not supported"
    return 500, {"error": {"code": 500, "message": message, "type": "server_error"}}


def _proxy(body: dict[str, Any]) -> Refusal | None:
    """Refuse as LiteLLM's proxy does, which quotes the server behind it."""
    if "temperature" not in body:
        return None
    message = (
        "litellm.UnsupportedParamsError: bedrock does not support parameters: ['temperature'], "
        "for model=x. To drop these, set `litellm.drop_params=True`."
    )
    return 400, {"error": {"message": message, "type": None, "param": None, "code": "400"}}


def _short_replies(body: dict[str, Any]) -> Refusal | None:
    if body.get("max_tokens", 0) <= 300:
        return None
    return _openai(
        f"max_tokens is too large: {body['max_tokens']}. This model supports at most 300 "
        "completion tokens, whereas you provided more.",
        "max_tokens",
        "invalid_value",
    )


def _anything(_body: dict[str, Any]) -> Refusal | None:
    return None


SERVER_RULES: dict[str, Callable[[dict[str, Any]], Refusal | None]] = {
    "openai_reasoning": _openai_reasoning,
    "openai_old_reasoning": _openai_old_reasoning,
    "anthropic": _anthropic,
    "anthropic_older": _anthropic_older,
    "google": _google,
    "google_open_weights": _google_open_weights,
    "mistral": _mistral,
    "mistral_nested": _mistral_nested,
    "literal_values": _literal_values,
    "reply_range": _reply_range,
    "deepseek": _json_without_schema,
    "openrouter": _anything,
    "vllm": _anything,
    "together": _few_logprobs,
    "fireworks": _few_logprobs_in_words,
    "no_json": _no_json,
    "llama_cpp": _template_without_system,
    "litellm_proxy": _proxy,
    "short_replies": _short_replies,
}
