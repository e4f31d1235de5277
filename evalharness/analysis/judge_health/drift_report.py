"""Whether a judge has changed since a run: its replies of then beside two of now, tested."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

DRIFT_CONFIDENCE_LEVEL = 0.95
MIN_REPEATED_JUDGMENTS = 20
"""Judgments of a judge that must have all their replies."""


class DriftFinding(StrEnum):
    """What a check found."""

    UNCHANGED = "no change found"
    CHANGED = "the judge has changed"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftTest:
    """One test of no change; `p_value` is as it is, `adjusted` for all tests of the check (Holm).

    `value` with its interval is the size of the change: the share of replies that differ beyond
    the judge's own noise, or how far a mean moved. `detectable` is the smallest change that would
    have been seen in 80% of checks; None where that is not known.
    """

    name: str
    title: str
    words: str
    value: float
    low: float | None
    high: float | None
    p_value: float
    adjusted: float
    detectable: float | None
    prompts: int
    is_significant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictShareChange:
    """A share of the verdicts, then and now, with the interval of its change and McNemar's test."""

    name: str
    before: float
    after: float
    low: float | None
    high: float | None
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictKappa:
    """Cohen's kappa of verdicts with its interval; None where it has no meaning."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeDrift:
    """One judge: what was asked again, and what that shows."""

    judge: str
    finding: DriftFinding
    games: int
    grades: int
    questions: int
    missing: int
    tests: tuple[DriftTest, ...] = ()
    parts: tuple[VerdictShareChange, ...] = ()
    kappa_then: VerdictKappa | None = None
    kappa_now: VerdictKappa | None = None
    changed_settings: tuple[str, ...] = ()
    served_then: tuple[str, ...] = ()
    served_now: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """A check of a run's judges against themselves.

    `number` counts the run's checks; one that is not `is_complete` lacks replies, for which the
    same command asks.
    """

    run: str
    number: int
    made: str
    judges: tuple[JudgeDrift, ...]
    alpha: float
    is_complete: bool = True
    level: float = DRIFT_CONFIDENCE_LEVEL

    @property
    def finding(self) -> DriftFinding:
        """What was found of all judges: a change of any is one."""
        found = {judge.finding for judge in self.judges}
        for each in (DriftFinding.CHANGED, DriftFinding.UNKNOWN):
            if each in found:
                return each
        return DriftFinding.UNCHANGED


def describe_judge_drift(found: JudgeDrift) -> str:
    """Return what was found of a judge, and what would have been."""
    if found.finding is DriftFinding.UNKNOWN:
        number = found.games + found.grades
        return (
            f"Cannot tell whether {found.judge} has changed: {number} judgments have all their "
            f"replies, and {MIN_REPEATED_JUDGMENTS} are needed"
        )
    if found.finding is DriftFinding.CHANGED:
        said = "; ".join(test.words for test in found.tests if test.is_significant)
        return f"The judge {found.judge} has changed: {said}"
    seen = [
        f"{format_drift_size(test, test.detectable)} in {test.title}"
        for test in found.tests
        if test.detectable is not None
    ]
    blind = [
        test.title
        for test in found.tests
        if test.detectable is None and test.name in ("verdicts", "grades")
    ]
    said = f": a change of {' or of '.join(seen)} would have been seen" if seen else ""
    but = f"; {' and '.join(blind)} are too noisy, or too few, to show one" if blind else ""
    return f"No change found in {found.judge}{said}{but}"


def format_drift_size(test: DriftTest, value: float) -> str:
    """Return the size of a change as it is read: points of a grade, or a share of replies."""
    if test.name == "mean_grade":
        return f"{value:.2f} points"
    return f"{100 * value:.0f} points" if test.name == "verdict_shares" else f"{100 * value:.0f}%"


def format_drift_report(found: DriftReport) -> list[str]:
    """Return a check as lines of text."""
    said = []
    for judge in found.judges:
        said.append(
            f"judge {judge.judge}: {judge.games} games and {judge.grades} grades asked again twice, "
            f"on {judge.questions} questions"
        )
        said += [
            f"  {test.title:26} {test.words}; p = {test.p_value:.2g}, {test.adjusted:.2g} among all"
            for test in judge.tests
        ]
        said += [
            f"  {part.name:26} {part.before:.0%} of verdicts then, {part.after:.0%} now, "
            f"p = {part.p_value:.2g}"
            for part in judge.parts
        ]
        said += [f"  asked with another {name} than in the run" for name in judge.changed_settings]
        if judge.served_now:
            then = ", ".join(judge.served_then) or "not kept"
            said.append(f"  served by                  {', '.join(judge.served_now)}; then {then}")
        said.append(describe_judge_drift(judge))
    return said


def list_drift_cautions(found: DriftReport) -> tuple[str, ...]:
    """Return a sentence for each judge that has changed, to stand beside the leaderboard."""
    return tuple(
        f"{describe_judge_drift(judge)} (checked {found.made[:10]}). Judgments made now do not "
        "continue this table."
        for judge in found.judges
        if judge.finding is DriftFinding.CHANGED
    )
