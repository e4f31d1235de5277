"""Define how a model's requests differ from its settings, because its server refused a part of them."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the store reads the annotations
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRules:
    """What a server refused, and what it is sent instead.

    Attributes:
        left_out: the fields that are not sent.
        renamed: the server's names of fields, by ours.
        max_tokens: the longest reply that the server allows.
        top_logprobs: the largest number of token probabilities that the server allows.
        response_format: `json_object` or `text`, where the server takes no JSON schema.
        system_in_user: whether the system message is sent as the beginning of the first user message.
        said: the server's words, one text for each refusal.
    """

    left_out: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    max_tokens: int | None = None
    top_logprobs: int | None = None
    response_format: str | None = None
    system_in_user: bool = False
    said: tuple[str, ...] = ()

    @classmethod
    def from_tree(cls, tree: Mapping[str, Any]) -> RequestRules:
        """Return the rules that `to_tree` described; unknown keys are ignored."""
        known = {own.name: tree[own.name] for own in fields(cls) if own.name in tree}
        for name in {"left_out", "said"} & known.keys():
            known[name] = tuple(known[name])
        return cls(**known)

    def to_tree(self) -> dict[str, Any]:
        """Return the rules that are set, as plain dicts and lists."""
        values = {own.name: getattr(self, own.name) for own in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if value
        }

    def describe(self) -> tuple[str, ...]:
        """Return how requests differ: `without seed`, `with the probabilities of 5 tokens`, ..."""
        return tuple(self._iterate_changes())

    def _iterate_changes(self) -> Iterator[str]:
        for name in self.left_out:
            yield f"without {name}"
        for name, new_name in self.renamed.items():
            yield f"with {name} as {new_name}"
        if self.max_tokens is not None:
            yield f"with max_tokens of at most {self.max_tokens}"
        if self.top_logprobs is not None:
            yield f"with the probabilities of {self.top_logprobs} tokens"
        if self.response_format == "json_object":
            yield "with a request for JSON without its schema"
        elif self.response_format is not None:
            yield "without a reply format"
        if self.system_in_user:
            yield "with the system message inside the first user message"


def list_request_rules(manifest: Mapping[str, Any], role: str) -> dict[str, RequestRules]:
    """Return the rules in a run's manifest, by the name of the model or judge.

    Args:
        manifest: the manifest.
        role: `models` or `judges`.
    """
    by_role = manifest.get("request_rules") or {}
    return {name: RequestRules.from_tree(tree) for name, tree in (by_role.get(role) or {}).items()}
