"""Keep what servers refuse, for all connections of a run to a model, and let its first call go alone.

A refusal costs a call. With many calls in flight it would cost as many, so no second call of a model
is sent until the first one succeeded, or failed for a reason that teaches nothing.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from evalharness.backends.openai.refusals.refused_fields import learn_rules, restrict_rules
from evalharness.backends.openai.request_body import build_request_body
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

    def __init__(self, shared: _SharedRules, kind: Hashable, *, is_alone: bool) -> None:
        self.is_alone = is_alone
        self._shared = shared
        self._kind = kind

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._end()

    def settle(self) -> None:
        """Let requests of the same kind go at the same time from now on."""
        if self.is_alone:
            self._shared.settled.add(self._kind)
            self._end()

    def _end(self) -> None:
        if self.is_alone:
            self.is_alone = False
            self._shared.lone_call.release()


class ModelRules:
    """What is known of a model at its servers, as far as it concerns one configuration of it."""

    def __init__(self, spec: ModelSpec, shared: _SharedRules, report: Callable[[], None]) -> None:
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

        Requests of a kind have the same fields. So a judge that asks for JSON is not taken for
        known because a candidate without a schema was answered.
        """
        kind = _describe_kind(self._spec, request)
        if kind in self._shared.settled:
            return FirstCall(self._shared, kind, is_alone=False)
        await self._shared.lone_call.acquire()
        if kind in self._shared.settled:  # by the call that went before
            self._shared.lone_call.release()
            return FirstCall(self._shared, kind, is_alone=False)
        return FirstCall(self._shared, kind, is_alone=True)

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
            self._report()
        return self.build_body(request) != body


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

    def open(self, spec: ModelSpec, *, built_as: ModelSpec | None = None) -> ModelRules:
        """Return what is known of a model, to read and to extend.

        Args:
            spec: the model.
            built_as: the model with settings of this backend, where it has those of another one
                whose requests are built here.
        """
        shared = self._known.setdefault(_identify(spec), _SharedRules())
        return ModelRules(built_as or spec, shared, partial(self._report, spec))

    def find(self, spec: ModelSpec) -> RequestRules | None:
        """Return the rules that a model follows; None if there are none."""
        known = self._known.get(_identify(spec))
        rules = restrict_rules(known.rules, spec) if known else RequestRules()
        return rules if rules.describe() else None

    def restore(self, spec: ModelSpec, rules: RequestRules) -> None:
        """Add the rules that an earlier session learned."""
        shared = self._known.setdefault(_identify(spec), _SharedRules())
        shared.rules = _join(shared.rules, rules)


def _describe_kind(spec: ModelSpec, request: Request) -> Hashable:
    """Return what a server may refuse in a request: its fields, its format, a system message."""
    sampling = request.sampling
    sampled = (sampling.temperature, sampling.top_p, sampling.max_tokens, sampling.seed)
    return (
        type(request),
        bool(request.options),
        request.schema is None,
        bool(request.messages) and request.messages[0].role is Role.SYSTEM,
        tuple(value is None for value in sampled),
        spec.default_fields,  # a refusal of the user's field says nothing of a sibling's
        bool(spec.stop),
        getattr(request, "continuation", None) is None,
        spec.get_setting("response_format"),
        spec.get_setting("top_logprobs"),
    )


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
