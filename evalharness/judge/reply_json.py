"""Read a judge's decision from a JSON reply that follows the requested schema."""

from __future__ import annotations

import json
from typing import TypeVar

import msgspec

from evalharness.domain import Verdict, is_complete_reason, split_reasoning
from evalharness.judge.prompts import SCORE_SCALE
from evalharness.judge.reply_text import (
    ScoreDecision,
    UnscoredReason,
    VerdictDecision,
    VerdictStrength,
)

_VERDICT_BY_NAME: dict[str, VerdictStrength] = {
    "A": (Verdict.A, None),
    "B": (Verdict.B, None),
    "tie": (Verdict.TIE, None),
    "A>>B": (Verdict.A, 2),
    "A>B": (Verdict.A, 1),
    "A=B": (Verdict.TIE, 0),
    "B>A": (Verdict.B, 1),
    "B>>A": (Verdict.B, 2),
}
_CODE_FENCE = "```"
_OPENING_FENCES = (_CODE_FENCE, f"{_CODE_FENCE}json")


class _ScoreReply(msgspec.Struct, forbid_unknown_fields=True):
    reasons: str
    score: float


class _VerdictReply(msgspec.Struct, forbid_unknown_fields=True):
    reasons: str
    verdict: str


_JsonReply = TypeVar("_JsonReply", _ScoreReply, _VerdictReply)


def read_score_from_json(reply: str, finish_reason: str | None = "stop") -> ScoreDecision:
    """Return the score of a JSON reply.

    The reply must be the object of `build_reply_schema`, alone or in the last fenced block; any
    other reply is unscored. A number outside the scale is unscored, not clipped.

    Args:
        reply: the text of the judge's reply.
        finish_reason: why the reply ended; a complete object also counts after `length`.
    """
    decoded = _decode_reply(reply, _ScoreReply, truncated=not is_complete_reason(finish_reason))
    if isinstance(decoded, UnscoredReason):
        return ScoreDecision(unscored=decoded)
    if not SCORE_SCALE[0] <= decoded.score <= SCORE_SCALE[-1]:
        return ScoreDecision(unscored=UnscoredReason.OUT_OF_SCALE)
    return ScoreDecision(score=decoded.score)


def read_verdict_from_json(reply: str, finish_reason: str | None = "stop") -> VerdictDecision:
    """Return the verdict of a JSON reply, by the rules of `read_score_from_json`."""
    decoded = _decode_reply(reply, _VerdictReply, truncated=not is_complete_reason(finish_reason))
    if isinstance(decoded, UnscoredReason):
        return VerdictDecision(unscored=decoded)
    if decoded.verdict not in _VERDICT_BY_NAME:
        return VerdictDecision(unscored=UnscoredReason.OUT_OF_SCALE)
    verdict, strength = _VERDICT_BY_NAME[decoded.verdict]
    return VerdictDecision(verdict=verdict, strength=strength)


def _decode_reply(
    reply: str, kind: type[_JsonReply], *, truncated: bool
) -> _JsonReply | UnscoredReason:
    if not reply.strip():
        return UnscoredReason.TRUNCATED if truncated else UnscoredReason.EMPTY
    text = _extract_json(split_reasoning(reply).text)
    try:
        decoded = msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return UnscoredReason.TRUNCATED if truncated else UnscoredReason.NO_VERDICT
    return UnscoredReason.AMBIGUOUS if _has_duplicate_field(text) else decoded


def _extract_json(text: str) -> str:
    """Return the content of the last fenced block, or the whole text when there is no block."""
    lines = [line.strip() for line in text.splitlines()]
    end = max((number for number, line in enumerate(lines) if line == _CODE_FENCE), default=-1)
    starts = [number for number in range(end) if lines[number].lower() in _OPENING_FENCES]
    return text if not starts else "\n".join(lines[starts[-1] + 1 : end])


def _has_duplicate_field(text: str) -> bool:
    """Whether an object has one field twice; a JSON decoder would silently keep the last one."""
    pairs = json.loads(text, object_pairs_hook=list, strict=False)
    return len(pairs) > len(dict(pairs))
