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
from evalharness.judge.prompts import SCORE_SCALE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

VerdictStrength = tuple[Verdict, int | None]
"""A verdict and how strong it is: 1 slightly, 2 much, 0 a tie, None where it was not said."""

Decision = TypeVar("Decision", float, VerdictStrength)

MIN_OPTION_MASS = 0.5
"""How probable the options must be together for a decision to be read from them.

Below one half, the judge would more likely than not have written something else, and how the
options compare with each other no longer says what it thinks.
"""


class UnscoredReason(StrEnum):
    """Why a reply gives no decision."""

    EMPTY = "empty"
    TRUNCATED = "truncated"
    NO_VERDICT = "no_verdict"
    OUT_OF_SCALE = "out_of_scale"
    AMBIGUOUS = "ambiguous"
    LOW_MASS = "low_mass"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreDecision:
    """A score from 1 to 10, or why there is none; `mass` is what all options had together."""

    score: float | None = None
    unscored: UnscoredReason | None = None
    probabilities: Mapping[str, float] | None = None
    mass: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictDecision:
    """A verdict, or why there is none; `mass` is what all options had together.

    `strength` stands beside a verdict of five levels: 1 slightly better, 2 much better, 0 a tie.
    """

    verdict: Verdict | None = None
    strength: int | None = None
    unscored: UnscoredReason | None = None
    probabilities: Mapping[str, float] | None = None
    mass: float | None = None


def read_score_from_text(reply: str, finish_reason: str | None = "stop") -> ScoreDecision:
    """Return the score that a reply ends with.

    What counts is what is said last: a line that is nothing but `Rating: 8`, else the last
    `[[8]]`. Two different marks with nothing between them but a joint (`[[7]]-[[8]]`) are
    ambiguous, and a number outside the scale is never moved into it.

    Args:
        reply: the judge's words.
        finish_reason: why it stopped; after `length` only a mark counts, whose brackets show
            that it is whole (`Rating: 1` may have been about to be 10).
    """
    found = _read_conclusion(reply, _parse_score, _RATING_LINE, truncated=finish_reason == "length")
    if isinstance(found, UnscoredReason):
        return ScoreDecision(unscored=found)
    return ScoreDecision(score=found)


def read_verdict_from_text(reply: str, finish_reason: str | None = "stop") -> VerdictDecision:
    """Return the verdict that a reply ends with, read as `read_score` does; `[[C]]` is a tie.

    `[[A>>B]]`, `[[A>B]]`, `[[A=B]]`, `[[B>A]]` and `[[B>>A]]` also say how strong it is.
    """
    found = _read_conclusion(
        reply, _parse_verdict, _VERDICT_LINE, truncated=finish_reason == "length"
    )
    if isinstance(found, UnscoredReason):
        return VerdictDecision(unscored=found)
    verdict, strength = found
    return VerdictDecision(verdict=verdict, strength=strength)


def read_score_from_probabilities(probabilities: Sequence[float]) -> ScoreDecision:
    """Return the mean score under the probabilities of the ten scores, in their order.

    Raises:
        ValueError: they are not ten probabilities.
    """
    mass = _total_mass(probabilities)
    by_name = {str(score): p for score, p in zip(SCORE_SCALE, probabilities, strict=True)}
    if mass < MIN_OPTION_MASS:
        return ScoreDecision(unscored=UnscoredReason.LOW_MASS, probabilities=by_name, mass=mass)
    total = math.fsum(score * p for score, p in zip(SCORE_SCALE, probabilities, strict=True))
    return ScoreDecision(
        # Rounded, so that the last binary digit cannot carry a mean out of the scale.
        score=round(total / mass, 6),
        probabilities=by_name,
        mass=mass,
    )


def read_verdict_from_probabilities(probabilities: Sequence[float]) -> VerdictDecision:
    """Return the most probable verdict, given the probabilities of A, B and C in this order.

    When two are equally and most probable, the judge prefers neither answer: a tie.

    Raises:
        ValueError: they are not three probabilities.
    """
    mass = _total_mass(probabilities)
    by_verdict = dict(zip(_VERDICT_BY_LETTER.values(), probabilities, strict=True))
    by_name = {verdict.value: p for verdict, p in by_verdict.items()}
    if mass < MIN_OPTION_MASS:
        return VerdictDecision(unscored=UnscoredReason.LOW_MASS, probabilities=by_name, mass=mass)
    highest = max(probabilities)
    best = [verdict for verdict, p in by_verdict.items() if p == highest]
    return VerdictDecision(
        verdict=best[0] if len(best) == 1 else Verdict.TIE, probabilities=by_name, mass=mass
    )


# What single-precision arithmetic may add to a probability of 1.
_FLOAT32_TOLERANCE = 1e-5

_VERDICT_BY_LETTER = {"a": Verdict.A, "b": Verdict.B, "c": Verdict.TIE}

# A tag in quotes is one that the judge speaks of, not its own.
_REASONING_END = re.compile(r"(?<![`'\"])</think(?:ing)?>", re.IGNORECASE)
_REASONING_START = re.compile(r"(?<![`'\"])<think(?:ing)?>", re.IGNORECASE)

# Brackets that follow a name or other brackets are an index in code: `x[[1]]`, `rows[0][[2]]`.
_ADJACENT_MARKS = re.compile(r"(?<![A-Za-z0-9_)\]])(?:\[\[[^\[\]\n]{0,40}\]\])+")
_MARK = re.compile(r"\[\[([^\[\]\n]*)\]\]")
# A `>` is a quotation's only where a text begins; elsewhere it compares: `A>B`.
_MARKUP = re.compile(r"[*_`#]+|^[\s>]*>")
_CONNECTIVE = re.compile(
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


def _read_conclusion(
    reply: str,
    parse: Callable[[str], Decision | UnscoredReason | None],
    line: re.Pattern[str],
    *,
    truncated: bool,
) -> Decision | UnscoredReason:
    if not reply.strip():
        return UnscoredReason.TRUNCATED if truncated else UnscoredReason.EMPTY
    said = strip_reasoning(reply)
    found = None if truncated else _read_last_line(said, parse, line)
    if found is None:
        found = _read_last_mark(said, parse)
    if found is None:
        return UnscoredReason.TRUNCATED if truncated else UnscoredReason.NO_VERDICT
    return found


def strip_reasoning(reply: str) -> str:
    """Return what follows the reasoning; nothing when the reasoning never ends.

    Some templates open the reasoning in the prompt, so its end may be all there is to see.
    """
    if "<" not in reply:
        return reply
    said = _REASONING_END.split(reply)[-1]
    return "" if _REASONING_START.search(said) else said


def _read_last_line(
    said: str, parse: Callable[[str], Decision | UnscoredReason | None], line: re.Pattern[str]
) -> Decision | UnscoredReason | None:
    last = said.rstrip().rpartition("\n")[2]
    match = line.fullmatch(_strip_markdown(last).removesuffix(".").rstrip())
    return parse(_strip_markdown(match[1] or match[2])) if match else None


def _read_last_mark(
    said: str, parse: Callable[[str], Decision | UnscoredReason | None]
) -> Decision | UnscoredReason | None:
    marks = [
        (run.start() + mark.start(), run.start() + mark.end(), found)
        for run in _ADJACENT_MARKS.finditer(said)
        for mark in _MARK.finditer(run[0])
        if (found := parse(_strip_markdown(mark[1]))) is not None
    ]
    if not marks:
        return None
    last = marks[-1][2]
    for (_, end, before), (start, _, _) in pairwise(marks[-2:]):
        if before != last and _is_one_statement(said[end:start]):
            return UnscoredReason.AMBIGUOUS
    return last


def _is_one_statement(between: str) -> bool:
    """Whether two marks are one statement: nothing between them in a line, or only a joint."""
    words = _strip_markdown(between)
    return bool(_CONNECTIVE.fullmatch(words)) and bool(words or "\n" not in between)


def _strip_markdown(text: str) -> str:
    """Return the text without Markdown's marks and with single spaces."""
    return " ".join(_MARKUP.sub(" ", text).split())


def _parse_score(words: str) -> float | UnscoredReason | None:
    """Return the score that a mark holds; None for words that are no number (`[[rating]]`)."""
    if _WHOLE_SCALE.fullmatch(words):
        return None
    match = _SCORE.fullmatch(words)
    if match is None:
        is_numbers = any(map(str.isdigit, words)) and _NUMBERS.fullmatch(words)
        return UnscoredReason.AMBIGUOUS if is_numbers else None
    # A minus sign proper is a different character from the hyphen that float knows.
    score, out_of = float(match[1].replace("−", "-")), match[2]
    if out_of is not None and float(out_of) != SCORE_SCALE[-1]:
        return UnscoredReason.OUT_OF_SCALE
    return score if SCORE_SCALE[0] <= score <= SCORE_SCALE[-1] else UnscoredReason.OUT_OF_SCALE


def _parse_verdict(words: str) -> VerdictStrength | UnscoredReason | None:
    """Return the verdict that a mark holds; None for words that are none (`[[verdict]]`)."""
    folded = words.casefold()
    if folded == "tie":
        return Verdict.TIE, None
    if match := _CHOICE.fullmatch(folded):
        verdict = _VERDICT_BY_LETTER.get(match[1])
        return UnscoredReason.OUT_OF_SCALE if verdict is None else (verdict, None)
    if match := _COMPARISON.fullmatch(folded):
        better, sign, other = match.groups()
        if better == other:
            return UnscoredReason.OUT_OF_SCALE
        return (Verdict.TIE, 0) if sign == "=" else (_VERDICT_BY_LETTER[better], len(sign))
    named = set(re.findall(r"\w+", folded)) - {"or", "and", "vs"}
    return UnscoredReason.AMBIGUOUS if named and named <= {*_VERDICT_BY_LETTER, "tie"} else None


def _total_mass(probabilities: Sequence[float]) -> float:
    if not all(0 <= p <= 1 + _FLOAT32_TOLERANCE for p in probabilities):
        msg = f"not probabilities: {list(probabilities)}"
        raise ValueError(msg)
    return math.fsum(probabilities)
