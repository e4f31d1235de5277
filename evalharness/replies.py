"""What a judge decided, read from its words or from its probabilities, and never guessed."""

# ruff: noqa: RUF001 - judges write dashes and minus signs of every kind

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from evalharness.domain import Verdict
from evalharness.prompts import SCORES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Preference = tuple[Verdict, int | None]
"""A verdict and how strong it is: 1 slightly, 2 much, 0 a tie, None where it was not said."""

T = TypeVar("T", float, Preference)

MIN_MASS = 0.5
"""How probable the options must be together for a decision to be read from them.

Below one half, the judge would more likely than not have written something else, and how the
options compare with each other no longer says what it thinks.
"""


class Unscored(StrEnum):
    """Why a reply gives no decision."""

    EMPTY = "empty"
    TRUNCATED = "truncated"
    NO_VERDICT = "no_verdict"
    OUT_OF_SCALE = "out_of_scale"
    AMBIGUOUS = "ambiguous"
    LOW_MASS = "low_mass"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRead:
    """A score from 1 to 10, or why there is none; `mass` is what all options had together."""

    score: float | None = None
    unscored: Unscored | None = None
    probabilities: Mapping[str, float] | None = None
    mass: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRead:
    """A verdict, or why there is none; `mass` is what all options had together.

    `strength` stands beside a verdict of five levels: 1 slightly better, 2 much better, 0 a tie.
    """

    verdict: Verdict | None = None
    strength: int | None = None
    unscored: Unscored | None = None
    probabilities: Mapping[str, float] | None = None
    mass: float | None = None


def read_score(reply: str, finish_reason: str | None = "stop") -> ScoreRead:
    """Return the score that a reply ends with.

    What counts is what is said last: a line that is nothing but `Rating: 8`, else the last
    `[[8]]`. Two different marks with nothing between them but a joint (`[[7]]-[[8]]`) are
    ambiguous, and a number outside the scale is never moved into it.

    Args:
        reply: the judge's words.
        finish_reason: why it stopped; after `length` only a mark counts, whose brackets show
            that it is whole (`Rating: 1` may have been about to be 10).
    """
    found = _conclusion(reply, _score, _RATING_LINE, truncated=finish_reason == "length")
    if isinstance(found, Unscored):
        return ScoreRead(unscored=found)
    return ScoreRead(score=found)


def read_verdict(reply: str, finish_reason: str | None = "stop") -> VerdictRead:
    """Return the verdict that a reply ends with, read as `read_score` does; `[[C]]` is a tie.

    `[[A>>B]]`, `[[A>B]]`, `[[A=B]]`, `[[B>A]]` and `[[B>>A]]` also say how strong it is.
    """
    found = _conclusion(reply, _verdict, _VERDICT_LINE, truncated=finish_reason == "length")
    if isinstance(found, Unscored):
        return VerdictRead(unscored=found)
    verdict, strength = found
    return VerdictRead(verdict=verdict, strength=strength)


def score_from_probabilities(probabilities: Sequence[float]) -> ScoreRead:
    """Return the mean score under the probabilities of the ten scores, in their order.

    Raises:
        ValueError: they are not ten probabilities.
    """
    mass = _mass(probabilities)
    by_name = {str(score): p for score, p in zip(SCORES, probabilities, strict=True)}
    if mass < MIN_MASS:
        return ScoreRead(unscored=Unscored.LOW_MASS, probabilities=by_name, mass=mass)
    total = math.fsum(score * p for score, p in zip(SCORES, probabilities, strict=True))
    return ScoreRead(
        # Rounded, so that the last binary digit cannot carry a mean out of the scale.
        score=round(total / mass, 6),
        probabilities=by_name,
        mass=mass,
    )


def verdict_from_probabilities(probabilities: Sequence[float]) -> VerdictRead:
    """Return the most probable verdict, given the probabilities of A, B and C in this order.

    When two are equally and most probable, the judge prefers neither answer: a tie.

    Raises:
        ValueError: they are not three probabilities.
    """
    mass = _mass(probabilities)
    by_verdict = dict(zip(_VERDICTS.values(), probabilities, strict=True))
    by_name = {verdict.value: p for verdict, p in by_verdict.items()}
    if mass < MIN_MASS:
        return VerdictRead(unscored=Unscored.LOW_MASS, probabilities=by_name, mass=mass)
    highest = max(probabilities)
    best = [verdict for verdict, p in by_verdict.items() if p == highest]
    return VerdictRead(
        verdict=best[0] if len(best) == 1 else Verdict.TIE, probabilities=by_name, mass=mass
    )


# What single-precision arithmetic may add to a probability of 1.
ASKED_AGAIN = "--- asked again ---"
"""The line between the two replies of a judgment that needed a repair."""
_ROUNDING = 1e-5

_VERDICTS = {"a": Verdict.A, "b": Verdict.B, "c": Verdict.TIE}

# A tag in quotes is one that the judge speaks of, not its own.
_END_OF_THOUGHT = re.compile(r"(?<![`'\"])</think(?:ing)?>", re.IGNORECASE)
_START_OF_THOUGHT = re.compile(r"(?<![`'\"])<think(?:ing)?>", re.IGNORECASE)

# Brackets that follow a name or other brackets are an index in code: `x[[1]]`, `rows[0][[2]]`.
_MARKS = re.compile(r"(?<![A-Za-z0-9_)\]])(?:\[\[[^\[\]\n]{0,40}\]\])+")
_MARK = re.compile(r"\[\[([^\[\]\n]*)\]\]")
# A `>` is a quotation's only where a text begins; elsewhere it compares: `A>B`.
_MARKUP = re.compile(r"[*_`#]+|^[\s>]*>")
_JOINT = re.compile(
    r"(?:\([^()]*\) ?)?(?:,? ?(?:to|or|and|vs\.?|through)|[-–—~/,;|&=]?>*)?",
    re.IGNORECASE,
)

_RATING_LINE = re.compile(
    r"(?:final |overall )?(?:rating|score|grade) ?[:=] ?(?:\[([^\[\]]+)\]|([^\[\]]+))",
    re.IGNORECASE,
)
_VERDICT_LINE = re.compile(
    r"(?:final |overall )?(?:verdict|winner|decision) ?[:=] ?(?:\[([^\[\]]+)\]|([^\[\]]+))",
    re.IGNORECASE,
)

_SCORE = re.compile(
    r"(?:(?:rating|score|grade) ?[:=]? ?)?"
    r"([-+−]?\d+(?:\.\d+)?)(?: ?(?:/|out of) ?(\d+(?:\.\d+)?))?",
    re.IGNORECASE,
)
_WHOLE_SCALE = re.compile(r"1 ?(?:[-–—]|\.{2,3}|to) ?10")
_NUMBERS = re.compile(r"(?:[\d\s.,/~–—−+-]|\b(?:to|or|and)\b)*")
_CHOICE = re.compile(r"(?:(?:answer|assistant|response|model) )?([a-z])")
_COMPARISON = re.compile(r"([ab]) ?(>>?|=) ?([ab])")


def _conclusion(
    reply: str,
    parse: Callable[[str], T | Unscored | None],
    line: re.Pattern[str],
    *,
    truncated: bool,
) -> T | Unscored:
    if not reply.strip():
        return Unscored.TRUNCATED if truncated else Unscored.EMPTY
    said = without_thoughts(reply)
    found = None if truncated else _last_line(said, parse, line)
    if found is None:
        found = _last_mark(said, parse)
    if found is None:
        return Unscored.TRUNCATED if truncated else Unscored.NO_VERDICT
    return found


def without_thoughts(reply: str) -> str:
    """Return what follows the reasoning; nothing when the reasoning never ends.

    Some templates open the reasoning in the prompt, so its end may be all there is to see.
    """
    if "<" not in reply:
        return reply
    said = _END_OF_THOUGHT.split(reply)[-1]
    return "" if _START_OF_THOUGHT.search(said) else said


def _last_line(
    said: str, parse: Callable[[str], T | Unscored | None], line: re.Pattern[str]
) -> T | Unscored | None:
    last = said.rstrip().rpartition("\n")[2]
    match = line.fullmatch(_plain(last).removesuffix(".").rstrip())
    return parse(_plain(match[1] or match[2])) if match else None


def _last_mark(said: str, parse: Callable[[str], T | Unscored | None]) -> T | Unscored | None:
    marks = [
        (run.start() + mark.start(), run.start() + mark.end(), found)
        for run in _MARKS.finditer(said)
        for mark in _MARK.finditer(run[0])
        if (found := parse(_plain(mark[1]))) is not None
    ]
    if not marks:
        return None
    last = marks[-1][2]
    for (_, end, before), (start, _, _) in pairwise(marks[-2:]):
        if before != last and _joins(said[end:start]):
            return Unscored.AMBIGUOUS
    return last


def _joins(between: str) -> bool:
    """Whether two marks are one statement: nothing between them in a line, or only a joint."""
    words = _plain(between)
    return bool(_JOINT.fullmatch(words)) and bool(words or "\n" not in between)


def _plain(text: str) -> str:
    """Return the text without Markdown's marks and with single spaces."""
    return " ".join(_MARKUP.sub(" ", text).split())


def _score(words: str) -> float | Unscored | None:
    """Return the score that a mark holds; None for words that are no number (`[[rating]]`)."""
    if _WHOLE_SCALE.fullmatch(words):
        return None
    match = _SCORE.fullmatch(words)
    if match is None:
        is_numbers = any(map(str.isdigit, words)) and _NUMBERS.fullmatch(words)
        return Unscored.AMBIGUOUS if is_numbers else None
    # A minus sign proper is a different character from the hyphen that float knows.
    score, out_of = float(match[1].replace("−", "-")), match[2]
    if out_of is not None and float(out_of) != SCORES[-1]:
        return Unscored.OUT_OF_SCALE
    return score if SCORES[0] <= score <= SCORES[-1] else Unscored.OUT_OF_SCALE


def _verdict(words: str) -> Preference | Unscored | None:
    """Return the verdict that a mark holds; None for words that are none (`[[verdict]]`)."""
    folded = words.casefold()
    if folded == "tie":
        return Verdict.TIE, None
    if match := _CHOICE.fullmatch(folded):
        verdict = _VERDICTS.get(match[1])
        return Unscored.OUT_OF_SCALE if verdict is None else (verdict, None)
    if match := _COMPARISON.fullmatch(folded):
        better, sign, other = match.groups()
        if better == other:
            return Unscored.OUT_OF_SCALE
        return (Verdict.TIE, 0) if sign == "=" else (_VERDICTS[better], len(sign))
    named = set(re.findall(r"\w+", folded)) - {"or", "and", "vs"}
    return Unscored.AMBIGUOUS if named and named <= {*_VERDICTS, "tie"} else None


def _mass(probabilities: Sequence[float]) -> float:
    if not all(0 <= p <= 1 + _ROUNDING for p in probabilities):
        msg = f"not probabilities: {list(probabilities)}"
        raise ValueError(msg)
    return math.fsum(probabilities)
