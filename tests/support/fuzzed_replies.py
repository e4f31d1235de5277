"""Hypothesis strategies for what servers may send: replies with any part replaced, and any bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from generated_runs import EXAMPLES
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

fuzz_settings = settings(
    max_examples=int(EXAMPLES or 60),
    derandomize=EXAMPLES is None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if EXAMPLES else [])],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""Few replies, always the same ones; EVALHARNESS_EXAMPLES asks for so many, drawn at random."""

_PART = {"type": "text", "text": "Rating: [[8]]", "logprobs": [{"top_logprobs": []}]}
_TOP = [{"token": "8", "logprob": -0.1}, {"token": "1", "logprob": -3.0}]
_USAGE = {
    "prompt_tokens": 5,
    "completion_tokens": 2,
    "total_tokens": 7,
    "prompt_tokens_details": {"cached_tokens": 1},
    "output_tokens_details": {"reasoning_tokens": 1},
}
COMPLETION = {
    "model": "m",
    "system_fingerprint": "fp",
    "choices": [
        {
            "message": {
                "content": [_PART],
                "reasoning_content": "hm",
                "reasoning_details": [{"type": "summary", "summary": "hm"}],
                "refusal": None,
            },
            "text": "<think>hm</think> 8",
            "finish_reason": "stop",
            "error": None,
            "logprobs": {
                "content": [{"top_logprobs": _TOP}],
                "tokens": ["a", "8"],
                "token_logprobs": [None, -0.1],
                "top_logprobs": [{"8": -0.1}],
            },
        }
    ],
    "usage": _USAGE,
    "error": None,
}
RESPONSE = {
    "model": "m",
    "status": "completed",
    "output": [
        {"type": "reasoning", "summary": [{"text": "hm"}]},
        {"type": "message", "content": [_PART]},
    ],
    "incomplete_details": {"reason": "max_output_tokens"},
    "error": {"message": "no", "code": "server_error"},
    "usage": _USAGE,
}
REFUSALS = (
    {"error": {"message": "temperature must be at most 2", "code": "x", "param": "temperature"}},
    {"error": {"message": "top_logprobs: [0, 5]", "metadata": {"raw": "{'detail': 'max_tokens'}"}}},
    {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs", "type": "extra_forbidden"}]},
    [
        {
            "error": {
                "code": 429,
                "message": "quota",
                "details": [{"fieldViolations": [{"field": "seed"}]}],
            }
        }
    ],
    {"errors": {"seed": ["is not allowed"]}, "message": "Roles must alternate user/assistant"},
)
LISTING = {"data": [{"id": "m", "object": "model", "owned_by": "me"}], "has_more": False}
BATCH = {"custom_id": "k", "response": {"status_code": 200, "body": COMPLETION}, "error": None}

_TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["", "\x00", "\ud800", "[[8]]", "<think>", "</think>", "{'a': [", "error", "nan", "1e999"]
    ),
)
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, -1, 2**63, 1e308, -1e308, 0.5]),
    st.floats(allow_nan=False, allow_infinity=False),
    _TEXTS,
)
_TREES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["message", "text", "type", "code", "error", "a"]), inner, max_size=3
        ),
    ),
    max_leaves=6,
)


def _iterate_places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    pairs = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else ()
    )
    for key, inner in pairs:
        yield from _iterate_places(inner, (*path, key))


def _replace(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = tree.copy()
    copy[path[0]] = _replace(copy[path[0]], path[1:], value)
    return copy


@st.composite
def fuzzed(draw: Any, tree: Any) -> bytes:
    """Draw a tree of which some parts are replaced, as JSON, which may be cut or flipped."""
    for _ in range(draw(st.integers(0, 3))):
        places = list(_iterate_places(tree))
        tree = _replace(tree, draw(st.sampled_from(places)), draw(_TREES))
    content = json.dumps(tree).encode()
    match draw(st.sampled_from(["whole", "whole", "whole", "cut", "flipped", "bytes"])):
        case "cut":
            return content[: draw(st.integers(0, len(content)))]
        case "flipped":
            place = draw(st.integers(0, len(content) - 1))
            return content[:place] + bytes([draw(st.integers(0, 255))]) + content[place + 1 :]
        case "bytes":
            return draw(st.binary(max_size=50))
    return content


HEADER_VALUES = st.one_of(
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=20),
    st.sampled_from(
        [
            "1e999",
            "-1",
            "nan",
            "inf",
            "9" * 400,
            "1d2h3m4s",
            "Fri, 31 Dec 9999 23:59:59 -2359",
            "1s1s",
        ]
    ),
    st.floats().map(str),
)


PUMPED = {
    "brackets": b"[",
    "objects": b'{"error":',
    "messages": b'{"message":"',
    "pairs": b"[],",
    "quotes": b'"',
    "escapes": b'\\"',
    "literals": b"{'a': [",
    "spaces": b" ",
    "lines": b"\n",
    "numbers": b"9",
    "ranges": b"1 to ",
    "words": b"max_tokens must be at most ",
    "thoughts": b"<think>",
    "limits": b"maximum context length ",
    "dots": b"a.b.",
    "marks": b"`x` ",
}
"""What a reply may consist of, where a reader might take time that grows faster than it."""

PUMPED_BYTES = 2**20 if EXAMPLES else 2**16
