"""Decisions that a judge wrote as JSON: read only where the reply is what was asked for."""

from __future__ import annotations

import json
from typing import TypeVar

import msgspec

from evalharness.domain import Verdict
from evalharness.judge.prompts import SCORE_SCALE
from evalharness.judge.reply_text import (
    ScoreDecision,
    UnscoredReason,
    VerdictDecision,
    VerdictStrength,
    strip_reasoning,
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

    The reply is the object that `prompts.schema` describes, alone or in the last fenced block;
    anything else is unscored. A number outside the scale is never moved into it.

    Args:
        reply: the judge's words.
        finish_reason: why it stopped; an object that is whole counts after `length` as well.
    """
    said = _decode_reply(reply, _ScoreReply, truncated=finish_reason == "length")
    if isinstance(said, UnscoredReason):
        return ScoreDecision(unscored=said)
    if not SCORE_SCALE[0] <= said.score <= SCORE_SCALE[-1]:
        return ScoreDecision(unscored=UnscoredReason.OUT_OF_SCALE)
    return ScoreDecision(score=said.score)


def read_verdict_from_json(reply: str, finish_reason: str | None = "stop") -> VerdictDecision:
    """Return the verdict of a JSON reply, read as `read_score` does."""
    said = _decode_reply(reply, _VerdictReply, truncated=finish_reason == "length")
    if isinstance(said, UnscoredReason):
        return VerdictDecision(unscored=said)
    if said.verdict not in _VERDICT_BY_NAME:
        return VerdictDecision(unscored=UnscoredReason.OUT_OF_SCALE)
    verdict, strength = _VERDICT_BY_NAME[said.verdict]
    return VerdictDecision(verdict=verdict, strength=strength)


def _decode_reply(
    reply: str, kind: type[_JsonReply], *, truncated: bool
) -> _JsonReply | UnscoredReason:
    if not reply.strip():
        return UnscoredReason.TRUNCATED if truncated else UnscoredReason.EMPTY
    text = _extract_json(strip_reasoning(reply))
    try:
        said = msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return UnscoredReason.TRUNCATED if truncated else UnscoredReason.NO_VERDICT
    return UnscoredReason.AMBIGUOUS if _has_duplicate_field(text) else said


def _extract_json(said: str) -> str:
    """Return what stands in the last fenced block, or all of it where there is none."""
    lines = [line.strip() for line in said.splitlines()]
    closed = max((at for at, line in enumerate(lines) if line == _CODE_FENCE), default=-1)
    opened = max((at for at in range(closed) if lines[at].lower() in _OPENING_FENCES), default=None)
    return said if opened is None else "\n".join(lines[opened + 1 : closed])


def _has_duplicate_field(text: str) -> bool:
    """Whether an object gives one field twice, of which a reader would silently take the last."""
    pairs = json.loads(text, object_pairs_hook=list, strict=False)
    return len(pairs) > len(dict(pairs))
