"""Keep what servers refuse, for all connections of a run to a model, and let its first call go alone.

A refusal costs a call. With many calls in flight it would cost as many, so no second call of a model
is sent until the first one succeeded, or failed for a reason that teaches nothing.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from evalharness.backends.openai.refusals.refused_fields import learn_rules, restrict_rules
from evalharness.backends.openai.request_body import build_request_body
from evalharness.backends.openai.settings import OpenAISettings
from evalharness.domain import RequestRules, Role, compute_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from typing import Any, Self

    from evalharness.domain import ModelSpec, Request

_OWN_SETTINGS = {"top_logprobs", "response_format"}  # they restrict the rules, as sampling does


class _SharedRules:
    """What is known of one model at its servers."""

    def __init__(self) -> None:
        self.rules = RequestRules()
        self.settled: set[Hashable] = set()
        self.lone_call = asyncio.Lock()


class FirstCall:
    """The turn of a call: it goes alone until it is settled, or had no need to from the start."""

    def __init__(self, shared: _SharedRules, *, is_alone: bool) -> None:
        self.is_alone = is_alone
        self._shared = shared

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._end()

    def settle(self, body: Mapping[str, Any]) -> None:
        """Let requests of the same kind as this body go at the same time from now on."""
        if self.is_alone:
            self._shared.settled.add(_describe_kind(body))
            self._end()

    def _end(self) -> None:
        if self.is_alone:
            self.is_alone = False
            self._shared.lone_call.release()


class ModelRules:
    """What is known of a model at its servers, as far as it concerns one configuration of it."""

    def __init__(
        self, spec: ModelSpec, shared: _SharedRules, report: Callable[[ModelSpec], None]
    ) -> None:
        self._spec = spec
        self._shared = shared
        self._report = report
        self._read, self._restricted = shared.rules, restrict_rules(shared.rules, spec)

    def build_body(self, request: Request) -> dict[str, Any]:
        """Return the body of a request as the server takes it, by what is known now."""
        if self._read is not self._shared.rules:
            self._read = self._shared.rules
            self._restricted = restrict_rules(self._read, self._spec)
        return build_request_body(self._spec, request, self._restricted)

    async def take_turn(self, request: Request) -> FirstCall:
        """Wait while another call of the model goes alone, unless calls of this kind were answered.

        A kind is the set of fields that a request has. So a judge that asks for JSON is not
        taken for known because a candidate without a schema was answered.
        """
        if self._is_settled(request):
            return FirstCall(self._shared, is_alone=False)
        await self._shared.lone_call.acquire()
        if self._is_settled(request):  # by the call that went before
            self._shared.lone_call.release()
            return FirstCall(self._shared, is_alone=False)
        return FirstCall(self._shared, is_alone=True)

    def learn(self, status: int, content: bytes, body: Mapping[str, Any], request: Request) -> bool:
        """Learn from a refusal; return whether the request would be another one now.

        Args:
            status: the HTTP status of the refusal.
            content: the refusal.
            body: the refused request, as it was sent.
            request: the request from which the body was built.
        """
        before = self._shared.rules
        learned = learn_rules(status, content, body, before, self._spec, request)
        if learned is not None:
            self._shared.rules = learned
            self._report(self._spec)
        return self.build_body(request) != body

    def _is_settled(self, request: Request) -> bool:
        return _describe_kind(self.build_body(request)) in self._shared.settled


class LearnedRules:
    """What a run has learned from the refusals of its servers, by model and server.

    Models that differ only in what they sample share it: a judge that is one of the candidates, or
    a model under two names.
    """

    def __init__(self, report: Callable[[ModelSpec], None] | None = None) -> None:
        """Start without rules.

        Args:
            report: is called after each rule with the model whose request was refused.
        """
        self._known: dict[str, _SharedRules] = {}
        self._report = report or _ignore

    def open(self, spec: ModelSpec) -> ModelRules:
        """Return what is known of a model, to read and to extend."""
        shared = self._known.setdefault(_identify(spec), _SharedRules())
        return ModelRules(spec, shared, self._report)

    def find(self, spec: ModelSpec) -> RequestRules | None:
        """Return the rules that a model follows; None if there are none."""
        if not isinstance(spec.settings, OpenAISettings):
            return None
        known = self._known.get(_identify(spec))
        rules = restrict_rules(known.rules, spec) if known else RequestRules()
        return rules if rules.describe() else None

    def restore(self, spec: ModelSpec, rules: RequestRules) -> None:
        """Add the rules that an earlier session learned."""
        if not isinstance(spec.settings, OpenAISettings):
            return
        shared = self._known.setdefault(_identify(spec), _SharedRules())
        shared.rules = _join(shared.rules, rules)


def _describe_kind(body: Mapping[str, Any]) -> Hashable:
    """Return what a server may refuse in a request: its fields, its format, a system message."""
    form = body.get("response_format") or (body.get("text") or {}).get("format") or {}
    has_system = any(message["role"] == Role.SYSTEM for message in body.get("messages", ()))
    return frozenset(body), form.get("type"), has_system


def _ignore(_spec: ModelSpec) -> None:
    """Report nothing."""


def _identify(spec: ModelSpec) -> str:
    """Return a digest of what decides on a server's refusals, besides the sampling."""
    settings = {
        name: value
        for name, value in spec.settings_identity().items()
        if name not in _OWN_SETTINGS | {"api_name"}
    }
    name = spec.get_setting("api_name") or spec.name
    return compute_digest([name, settings, spec.template_options])


def _join(one: RequestRules, other: RequestRules) -> RequestRules:
    """Return the rules of two models that share their server."""
    return RequestRules(
        left_out=tuple(dict.fromkeys((*one.left_out, *other.left_out))),
        renamed={**one.renamed, **other.renamed},
        max_tokens=other.max_tokens or one.max_tokens,
        top_logprobs=other.top_logprobs or one.top_logprobs,
        response_format=other.response_format or one.response_format,
        system_in_user=one.system_in_user or other.system_in_user,
        said=tuple(dict.fromkeys((*one.said, *other.said))),
    )
