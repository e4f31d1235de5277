"""Decisions that a judge wrote as JSON: read only where the reply is what was asked for."""

from __future__ import annotations

import json
from typing import TypeVar

import msgspec

from evalharness.domain import Verdict
from evalharness.prompts import SCORES
from evalharness.replies import Preference, ScoreRead, Unscored, VerdictRead, without_thoughts

_PREFERENCES: dict[str, Preference] = {
    "A": (Verdict.A, None),
    "B": (Verdict.B, None),
    "tie": (Verdict.TIE, None),
    "A>>B": (Verdict.A, 2),
    "A>B": (Verdict.A, 1),
    "A=B": (Verdict.TIE, 0),
    "B>A": (Verdict.B, 1),
    "B>>A": (Verdict.B, 2),
}
_FENCE = "```"
_OPENED = (_FENCE, f"{_FENCE}json")


class _Grade(msgspec.Struct, forbid_unknown_fields=True):
    reasons: str
    score: float


class _Game(msgspec.Struct, forbid_unknown_fields=True):
    reasons: str
    verdict: str


_Said = TypeVar("_Said", _Grade, _Game)


def read_score(reply: str, finish_reason: str | None = "stop") -> ScoreRead:
    """Return the score of a JSON reply.

    The reply is the object that `prompts.schema` describes, alone or in the last fenced block;
    anything else is unscored. A number outside the scale is never moved into it.

    Args:
        reply: the judge's words.
        finish_reason: why it stopped; an object that is whole counts after `length` as well.
    """
    said = _read(reply, _Grade, truncated=finish_reason == "length")
    if isinstance(said, Unscored):
        return ScoreRead(unscored=said)
    if not SCORES[0] <= said.score <= SCORES[-1]:
        return ScoreRead(unscored=Unscored.OUT_OF_SCALE)
    return ScoreRead(score=said.score)


def read_verdict(reply: str, finish_reason: str | None = "stop") -> VerdictRead:
    """Return the verdict of a JSON reply, read as `read_score` does."""
    said = _read(reply, _Game, truncated=finish_reason == "length")
    if isinstance(said, Unscored):
        return VerdictRead(unscored=said)
    if said.verdict not in _PREFERENCES:
        return VerdictRead(unscored=Unscored.OUT_OF_SCALE)
    verdict, strength = _PREFERENCES[said.verdict]
    return VerdictRead(verdict=verdict, strength=strength)


def _read(reply: str, kind: type[_Said], *, truncated: bool) -> _Said | Unscored:
    if not reply.strip():
        return Unscored.TRUNCATED if truncated else Unscored.EMPTY
    text = _object(without_thoughts(reply))
    try:
        said = msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return Unscored.TRUNCATED if truncated else Unscored.NO_VERDICT
    return Unscored.AMBIGUOUS if _names_twice(text) else said


def _object(said: str) -> str:
    """Return what stands in the last fenced block, or all of it where there is none."""
    lines = [line.strip() for line in said.splitlines()]
    closed = max((at for at, line in enumerate(lines) if line == _FENCE), default=-1)
    opened = max((at for at in range(closed) if lines[at].lower() in _OPENED), default=None)
    return said if opened is None else "\n".join(lines[opened + 1 : closed])


def _names_twice(text: str) -> bool:
    """Whether an object gives one field twice, of which a reader would silently take the last."""
    pairs = json.loads(text, object_pairs_hook=list, strict=False)
    return len(pairs) > len(dict(pairs))
