"""Read a judge's decision from a JSON reply that follows the requested schema."""

from __future__ import annotations

import json
import re
from typing import TypeVar

import msgspec

from evalharness.domain import Verdict, is_complete_reason, split_reasoning
from evalharness.judge.prompts import SCORE_SCALE
from evalharness.judge.reply_text import (
    MAX_CONCLUSION_CHARACTERS,
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
_OBJECT_START = re.compile(r'\{\s*"')


class _ScoreReply(msgspec.Struct, forbid_unknown_fields=True):
    reasons: str
    score: float


class _VerdictReply(msgspec.Struct, forbid_unknown_fields=True):
    reasons: str
    verdict: str


_JsonReply = TypeVar("_JsonReply", _ScoreReply, _VerdictReply)


def read_score_from_json(reply: str, finish_reason: str | None = "stop") -> ScoreDecision:
    """Return the score of a JSON reply.

    The reply must be the object of `build_reply_schema`, alone or in a fenced block; any other
    reply is unscored. Objects with different decisions are ambiguous, because one of them may be
    quoted from an answer. A number outside the scale is unscored, not clipped.

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
    conclusion = split_reasoning(reply).text
    if len(conclusion) > MAX_CONCLUSION_CHARACTERS:
        return UnscoredReason.TOO_LONG
    texts, around = _split_blocks(conclusion)
    decoded = [(text, found) for text in texts if (found := _decode_object(text, kind))]
    if not decoded:
        return UnscoredReason.TRUNCATED if truncated else UnscoredReason.NO_VERDICT
    decisions = {msgspec.structs.astuple(found)[1:] for _, found in decoded}
    is_ambiguous = (
        len(decisions) > 1
        or _OBJECT_START.search(around)
        or any(_has_duplicate_field(text) for text, _ in decoded)
    )
    return UnscoredReason.AMBIGUOUS if is_ambiguous else decoded[-1][1]


def _decode_object(text: str, kind: type[_JsonReply]) -> _JsonReply | None:
    """Return the object that the whole text is, or None if it does not follow the schema."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None


def _split_blocks(text: str) -> tuple[list[str], str]:
    """Return the contents of the fenced blocks and the text around them.

    A text without blocks is one content.
    """
    blocks: list[str] = []
    around: list[str] = []
    block: list[str] | None = None
    for line in text.splitlines():
        is_fence = line.strip().startswith(_CODE_FENCE)
        if block is None and is_fence:
            block = []
        elif block is not None and line.strip() == _CODE_FENCE:
            blocks.append("\n".join(block))
            block = None
        else:
            (around if block is None else block).append(line)
    return (blocks, "\n".join(around)) if blocks else ([text], "")


def _has_duplicate_field(text: str) -> bool:
    """Whether an object has one field twice; a JSON decoder would silently keep the last one."""
    pairs = json.loads(text, object_pairs_hook=list, strict=False)
    return len(pairs) > len(dict(pairs))
