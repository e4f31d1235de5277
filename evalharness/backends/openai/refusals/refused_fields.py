"""Learn from a server's refusal which fields of our requests it does not take.

A rule is learned only from a refusal that names a field of the request, and only for a field that
the user did not set. Servers say it in many ways; the ones that are understood are listed in
`tests/backends/openai/refusals/test_refused_fields.py`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalharness.backends.openai.error_reply import (
    CONTENT_FILTER,
    INSUFFICIENT_QUOTA,
    make_http_error,
)
from evalharness.backends.openai.refusals.bounds import find_bound
from evalharness.backends.openai.refusals.lesson import RefusalLesson, is_named
from evalharness.backends.openai.settings import get_openai_settings
from evalharness.domain import BenchmarkRequest, Role
from evalharness.errors import ContextLengthError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evalharness.domain import ModelSpec, Request, RequestRules

    _Step = Callable[[RefusalLesson, RequestRules], RequestRules]

_TEACHING_STATUSES = (400, 422)
_OTHER_REASONS = (CONTENT_FILTER, INSUFFICIENT_QUOTA)
_TEMPLATE_FAILURE = 500  # of llama.cpp, where the model's own template raises
_SAMPLING_FIELDS = ("temperature", "top_p", "max_tokens", "seed")
_NEW_NAMES = {"max_tokens": "max_completion_tokens", "seed": "random_seed"}
_FORMATS = {"json_schema": "json_object", "json_object": "text"}
_USUAL_TOP_LOGPROBS = 5
_NO_FIELD = re.compile(
    r"unsupported|(?:not|n't) (?:\w+ )?(?:support|allow|permit|available|enabled|accept)"
    r"|unknown|unrecogni[sz]ed|unexpected|extra (?:inputs|fields)",
    re.IGNORECASE,
)
_SHORTEST_REPLY = 16  # a smaller bound was misread: no model is served with it
_LONGEST_SAID = 300
_RESPONSES_ONLY = re.compile(r"v1/responses|responses api", re.IGNORECASE)


def learn_rules(
    status: int,
    content: bytes,
    body: Mapping[str, Any],
    rules: RequestRules,
    spec: ModelSpec,
    request: Request,
) -> RequestRules | None:
    """Return the rules with what a refusal adds to them; None if it teaches nothing.

    Args:
        status: the HTTP status of the refusal.
        content: the refusal.
        body: the refused request, as it was sent.
        rules: what was known before.
        spec: the model; its `default_fields` are the only sampling fields that are left out.
        request: the request from which the body was built.
    """
    lesson = RefusalLesson(content, body, spec)
    error = make_http_error(status, {}, lesson.text)
    if isinstance(error, ContextLengthError) or error.reason in _OTHER_REASONS:
        return None  # it concerns this conversation or account, whatever fields it names
    if status == _TEMPLATE_FAILURE:
        steps: tuple[_Step, ...] = (_move_system_message,)
    elif status in _TEACHING_STATUSES:
        steps = _STEPS
    else:
        return None
    learned = rules
    for step in steps:
        learned = step(lesson, learned)
    if isinstance(request, BenchmarkRequest) and "stop" in body and lesson.find_refusal("stop"):
        # Replies of benchmarks are cut at their stop texts here in any case.
        learned = _leave_out(learned, "stop")
    if learned == rules:
        return None
    said = lesson.text if len(lesson.text) <= _LONGEST_SAID else f"{lesson.text[:_LONGEST_SAID]}..."
    return replace(learned, said=(*rules.said, said))


def explain_refusal(content: bytes, body: Mapping[str, Any], spec: ModelSpec) -> str:
    """Return which setting of the user a refusal names, and what to set instead; else no text."""
    lesson, settings = RefusalLesson(content, body, spec), get_openai_settings(spec)
    if settings.endpoint == "chat" and _RESPONSES_ONLY.search(lesson.text):
        return f"; set endpoint=responses for {spec.name}"
    counts = () if settings.top_logprobs else ("top_logprobs",)
    if "logprobs" in body and "echo" not in body and lesson.find_refusal("logprobs", *counts):
        return "; judge with reading=text or reading=json"
    for name in _SAMPLING_FIELDS:
        sent = lesson.find_sent_name(name)
        if sent and name not in spec.default_fields and lesson.find_refusal(sent, name):
            return (
                f"; sampling.{name} is set for {spec.name}, so it is always sent: "
                f"{name}=null leaves it out"
            )
    own = {
        "top_logprobs": ("top_logprobs",) if settings.top_logprobs else (),
        "response_format": ("response_format", "json_schema") if settings.response_format else (),
        "reasoning_effort": ("reasoning_effort",) if settings.reasoning_effort else (),
        "template_options": ("chat_template_kwargs",) if spec.template_options else (),
        **{f"extra_body.{name}": (name,) for name in settings.extra_body},
    }
    for setting, names in own.items():
        if names and lesson.find_refusal(*names):
            return f"; {setting} is set for {spec.name}, so it is always sent"
    return ""


def restrict_rules(rules: RequestRules, spec: ModelSpec) -> RequestRules:
    """Return the rules that apply to a model: they leave out no field that the user set.

    Models with the same server share what was learned, but not their settings.
    """
    sampling = spec.sampling
    droppable = {name for name in spec.default_fields if _may_send(spec, name)} | {"stop"}
    sent = {name for name in _SAMPLING_FIELDS if _may_send(spec, name)} | {"max_tokens"}
    is_shorter = sampling.max_tokens is not None and "max_tokens" in droppable
    return replace(
        rules,
        left_out=tuple(name for name in rules.left_out if name in droppable),
        renamed={name: new for name, new in rules.renamed.items() if name in sent},
        max_tokens=rules.max_tokens if is_shorter else None,
        top_logprobs=None if spec.get_setting("top_logprobs") else rules.top_logprobs,
        response_format=None if spec.get_setting("response_format") else rules.response_format,
    )


def _may_send(spec: ModelSpec, name: str) -> bool:
    """Whether a model's requests may have a sampling field."""
    if name == "seed":
        return not spec.sampling.seedless
    samplings = (spec.sampling, *spec.sampling_by_category.values())
    return any(getattr(each, name) is not None for each in samplings)


def _rename_field(lesson: RefusalLesson, rules: RequestRules) -> RequestRules:
    for name, new_name in _NEW_NAMES.items():
        sentence = lesson.find_refusal(name) if name in lesson.body else None
        if sentence and name not in rules.renamed and is_named(new_name, lesson.text):
            rules = replace(rules, renamed={**rules.renamed, name: new_name})
    return rules


def _shorten_reply(lesson: RefusalLesson, rules: RequestRules) -> RequestRules:
    """Learn the longest reply that the server allows, if the length was our default."""
    name = lesson.find_sent_name("max_tokens")
    if name is None or "max_tokens" not in lesson.spec.default_fields:
        return rules
    sentence = lesson.find_refusal(name, "max_tokens") or lesson.find_reply_length()
    if sentence is None:
        return rules
    bound = _find_bound(lesson, sentence, lesson.body[name], _SHORTEST_REPLY)
    return rules if bound is None else replace(rules, max_tokens=bound)


def _leave_out_defaults(lesson: RefusalLesson, rules: RequestRules) -> RequestRules:
    """Leave out the refused fields that the user did not set.

    A server that takes `temperature` or `top_p`, but not both, loses `top_p`.
    """
    for name in ("top_p", "temperature", "seed", "max_tokens"):
        sent = lesson.find_sent_name(name)
        if sent is None or name not in lesson.spec.default_fields or name in rules.renamed:
            continue
        if name == "max_tokens" and rules.max_tokens is not None:
            continue
        sentence = lesson.find_refusal(sent, name)
        if not sentence:
            continue
        if name == "max_tokens" and lesson.body[sent] == 1 and re.search(r"\d", sentence):
            continue  # the one token of a reading of probabilities, not the length of replies
        rules = _leave_out(rules, name)
        if name == "top_p" and is_named("temperature", sentence):
            break
    return rules


def _leave_out(rules: RequestRules, name: str) -> RequestRules:
    if name in rules.left_out:
        return rules
    return replace(rules, left_out=(*rules.left_out, name))


def _lower_top_logprobs(lesson: RefusalLesson, rules: RequestRules) -> RequestRules:
    name = "top_logprobs" if "top_logprobs" in lesson.body else "logprobs"
    sent = lesson.body.get(name)
    if type(sent) is not int or lesson.settings.top_logprobs is not None or "echo" in lesson.body:
        return rules
    sentence = lesson.find_refusal("top_logprobs", "logprobs")
    if not sentence or sent <= 1:
        return rules
    allowed = _find_bound(lesson, sentence, sent, smallest=1)
    if allowed is None:
        is_for_number = is_named(str(sent), sentence)
        if not is_for_number and (not lesson.find_refusal(name) or _NO_FIELD.search(sentence)):
            return rules  # no number of them is taken
        allowed = _USUAL_TOP_LOGPROBS
    return replace(rules, top_logprobs=allowed) if allowed < sent else rules


def _find_bound(lesson: RefusalLesson, sentence: str, sent: int, smallest: int) -> int | None:
    """Return the largest number that a refusal allows, by the sentence about the field at first."""
    return find_bound(sentence, sent, smallest) or find_bound(lesson.text, sent, smallest)


def _simplify_format(lesson: RefusalLesson, rules: RequestRules) -> RequestRules:
    """Ask for JSON without its schema, and next for no format at all."""
    text = lesson.body.get("text") or {}
    form = (lesson.body.get("response_format") or text.get("format") or {}).get("type")
    if form not in _FORMATS or lesson.settings.response_format is not None:
        return rules
    return replace(rules, response_format=_FORMATS[form]) if lesson.refuses_format() else rules


def _move_system_message(lesson: RefusalLesson, rules: RequestRules) -> RequestRules:
    messages = lesson.body.get("messages") or ()
    has_system = any(message["role"] == Role.SYSTEM for message in messages)
    if not has_system or "instructions" in lesson.body or rules.system_in_user:
        return rules
    return replace(rules, system_in_user=True) if lesson.refuses_system_message() else rules


_STEPS: tuple[_Step, ...] = (
    _rename_field,
    _shorten_reply,
    _lower_top_logprobs,
    _simplify_format,
    _move_system_message,
    _leave_out_defaults,
)
