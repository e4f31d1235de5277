"""Read a judge's decision from the text of its reply, or from the probabilities of its options."""

# ruff: noqa: RUF001 - judges write dashes and minus signs of every kind

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from evalharness.domain import Verdict, is_complete_reason, split_reasoning
from evalharness.judge.decision_marks import list_stated_decisions
from evalharness.judge.prompts import SCORE_SCALE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalharness.judge.decision_marks import StatedDecisions

VerdictStrength = tuple[Verdict, int | None]
"""A verdict and its strength: 1 slightly better, 2 much better, 0 a tie, None if not stated."""

Decision = TypeVar("Decision", float, VerdictStrength)

MIN_OPTION_MASS = 0.5
"""The minimum total probability of the options for a decision to be read from them.

Below one half, the judge would probably have written something else, so the relative probabilities
of the options no longer show its opinion.
"""


MAX_CONCLUSION_CHARACTERS = 100_000
"""The longest text, without the judge's thought, in which a decision is looked for."""


class UnscoredReason(StrEnum):
    """The reason why a reply gives no decision."""

    EMPTY = "empty"
    TRUNCATED = "truncated"
    NO_VERDICT = "no_verdict"
    OUT_OF_SCALE = "out_of_scale"
    AMBIGUOUS = "ambiguous"
    LOW_MASS = "low_mass"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreDecision:
    """A score from 1 to 10, or the reason why there is none.

    Attributes:
        score: None when `unscored` gives the reason.
        unscored: the reason.
        probabilities: the probability of each score, if probabilities were read.
        mass: the total probability of the options.
    """

    score: float | None = None
    unscored: UnscoredReason | None = None
    probabilities: Mapping[str, float] | None = None
    mass: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictDecision:
    """A verdict, or the reason why there is none.

    Attributes:
        verdict: None when `unscored` gives the reason.
        strength: the strength of a five-level verdict: 1 slightly better, 2 much better, 0 a tie.
        unscored: the reason.
        probabilities: the probability of each verdict, if probabilities were read.
        mass: the total probability of the options.
    """

    verdict: Verdict | None = None
    strength: int | None = None
    unscored: UnscoredReason | None = None
    probabilities: Mapping[str, float] | None = None
    mass: float | None = None


def read_score_from_text(reply: str, finish_reason: str | None = "stop") -> ScoreDecision:
    """Return the score that a reply states.

    A mark on a line of its own decides (`[[8]]`, `**Rating: [[8]]**`, a last line `Rating: 8`);
    without one, a mark anywhere in the reply. A different mark behind the judge's own label in a
    sentence (`my rating is [[3]]`) makes the reply ambiguous. Quoted text decides nothing: code,
    lines that begin with `>`, and text in quotation marks. Different marks of the same rank are
    ambiguous. A number outside the scale is unscored, not clipped, and so is a reply of more
    than 100,000 characters beside its thought, which no judge writes.

    Args:
        reply: the text of the judge's reply.
        finish_reason: why the reply ended. After `length`, and any other reason than the model's
            own end, only a mark in brackets counts, because the brackets show that it is complete:
            `Rating: 1` may be the start of 10.
    """
    decision = _read_conclusion(
        reply, _parse_score, _RATING_LINE, truncated=not is_complete_reason(finish_reason)
    )
    if isinstance(decision, UnscoredReason):
        return ScoreDecision(unscored=decision)
    return ScoreDecision(score=decision)


def read_verdict_from_text(reply: str, finish_reason: str | None = "stop") -> VerdictDecision:
    """Return the verdict that a reply states, by the rules of `read_score_from_text`.

    `[[C]]` is a tie. `[[A>>B]]`, `[[A>B]]`, `[[A=B]]`, `[[B>A]]` and `[[B>>A]]` also give the
    strength.
    """
    decision = _read_conclusion(
        reply, _parse_verdict, _VERDICT_LINE, truncated=not is_complete_reason(finish_reason)
    )
    if isinstance(decision, UnscoredReason):
        return VerdictDecision(unscored=decision)
    verdict, strength = decision
    return VerdictDecision(verdict=verdict, strength=strength)


def read_score_from_probabilities(probabilities: Sequence[float]) -> ScoreDecision:
    """Return the mean score under the probabilities of the ten scores, given in their order.

    Raises:
        ValueError: they are not ten probabilities.
    """
    mass = _total_mass(probabilities)
    by_name = {str(score): p for score, p in zip(SCORE_SCALE, probabilities, strict=True)}
    if mass < MIN_OPTION_MASS:
        return ScoreDecision(unscored=UnscoredReason.LOW_MASS, probabilities=by_name, mass=mass)
    total = math.fsum(score * p for score, p in zip(SCORE_SCALE, probabilities, strict=True))
    return ScoreDecision(
        # Rounding keeps the mean inside the scale despite floating-point error.
        score=round(total / mass, 6),
        probabilities=by_name,
        mass=mass,
    )


def read_verdict_from_probabilities(probabilities: Sequence[float]) -> VerdictDecision:
    """Return the most probable verdict, given the probabilities of A, B and C in this order.

    A tie between the most probable verdicts is read as a tie of the answers.

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


# Single-precision arithmetic may exceed a probability of 1 by this much.
_FLOAT32_TOLERANCE = 1e-5

_VERDICT_BY_LETTER = {"a": Verdict.A, "b": Verdict.B, "c": Verdict.TIE}

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
    last_line: re.Pattern[str],
    *,
    truncated: bool,
) -> Decision | UnscoredReason:
    if not reply.strip():
        return UnscoredReason.TRUNCATED if truncated else UnscoredReason.EMPTY
    conclusion = split_reasoning(reply).text
    if len(conclusion) > MAX_CONCLUSION_CHARACTERS:
        return UnscoredReason.TOO_LONG
    stated: StatedDecisions[Decision | UnscoredReason] = list_stated_decisions(
        conclusion, parse, last_line, truncated=truncated
    )
    decisions: tuple[Decision | UnscoredReason, ...] = stated.own_line or stated.elsewhere
    if decisions:
        decisions = tuple(dict.fromkeys(decisions + stated.labelled))
    if not decisions:
        return UnscoredReason.TRUNCATED if truncated else UnscoredReason.NO_VERDICT
    return decisions[0] if len(decisions) == 1 else UnscoredReason.AMBIGUOUS


def _parse_score(words: str) -> float | UnscoredReason | None:
    """Return the score in a mark; None when the mark holds no number (`[[rating]]`)."""
    if _WHOLE_SCALE.fullmatch(words):
        return None
    match = _SCORE.fullmatch(words)
    if match is None:
        is_numbers = any(map(str.isdigit, words)) and _NUMBERS.fullmatch(words)
        return UnscoredReason.AMBIGUOUS if is_numbers else None
    # `float` accepts the hyphen but not the minus sign, U+2212.
    score, out_of = float(match[1].replace("−", "-")), match[2]
    if out_of is not None and float(out_of) != SCORE_SCALE[-1]:
        return UnscoredReason.OUT_OF_SCALE
    return score if SCORE_SCALE[0] <= score <= SCORE_SCALE[-1] else UnscoredReason.OUT_OF_SCALE


def _parse_verdict(words: str) -> VerdictStrength | UnscoredReason | None:
    """Return the verdict in a mark; None when the mark holds no verdict (`[[verdict]]`)."""
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
