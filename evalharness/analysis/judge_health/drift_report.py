"""Define the report of a drift check: whether a judge has changed since a run.

A drift check requests each selected judgment twice more and compares the three replies.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

DRIFT_CONFIDENCE_LEVEL = 0.95
MIN_REPEATED_JUDGMENTS = 20
"""The minimum number of judgments with all replies, per judge."""


class DriftFinding(StrEnum):
    """The result of a drift check."""

    UNCHANGED = "no change found"
    CHANGED = "the judge has changed"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftTest:
    """One test of the hypothesis that the judge has not changed.

    Attributes:
        name: the name of the test.
        title: the test in words.
        words: the result in words.
        value: the size of the change: the share of replies that differ beyond the judge's own
            noise, or the shift of a mean.
        low: the lower end of the interval of the change.
        high: the upper end of the interval of the change.
        p_value: the p value before adjustment.
        adjusted: the p value adjusted for all tests of the check (Holm).
        detectable: the smallest change that 80% of checks would detect; None if unknown.
        prompts: the number of judgments that were repeated.
        is_significant: whether the adjusted p value is at most alpha.
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
    """The share of one verdict before and after, with the interval of the change.

    Attributes:
        name: the verdict.
        before: its share in the run.
        after: its share in the check.
        low: the lower end of the interval of the change.
        high: the upper end of the interval of the change.
        p_value: the p value of a permutation test of the shift.
    """

    name: str
    before: float
    after: float
    low: float | None
    high: float | None
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictKappa:
    """Cohen's kappa of verdicts with its interval; None where it is undefined."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeDrift:
    """The drift check of one judge.

    Attributes:
        judge: the judge's name.
        finding: the result.
        games: repeated games with all replies.
        grades: repeated grades with all replies.
        questions: the number of questions.
        missing: judgments that lack a reply.
        tests: the tests.
        parts: the changes of the verdict shares.
        kappa_then: the run against the first repetition.
        kappa_now: the first repetition against the second.
        changed_settings: the settings that differ from the run.
        served_then: the model versions that the server reported in the run.
        served_now: the model versions that it reported in the check.
    """

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
    """A drift check of a run's judges.

    Attributes:
        run: the run.
        number: the number of the check, from 1.
        made: the time of the check.
        judges: one entry per judge.
        alpha: the probability of a false finding.
        is_complete: whether every repeated judgment has its replies; the same command requests the
            missing ones.
        level: the level of the intervals.
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
        """The finding over all judges: changed if any changed, else unknown if any is."""
        findings = {judge.finding for judge in self.judges}
        for finding in (DriftFinding.CHANGED, DriftFinding.UNKNOWN):
            if finding in findings:
                return finding
        return DriftFinding.UNCHANGED


def describe_judge_drift(drift: JudgeDrift) -> str:
    """Return a sentence on the finding and the smallest detectable change."""
    if drift.finding is DriftFinding.UNKNOWN:
        number = drift.games + drift.grades
        return (
            f"Cannot tell whether {drift.judge} has changed: {number} judgments have all their "
            f"replies, and {MIN_REPEATED_JUDGMENTS} are needed"
        )
    if drift.finding is DriftFinding.CHANGED:
        text = "; ".join(test.words for test in drift.tests if test.is_significant)
        return f"The judge {drift.judge} has changed: {text}"
    detectable = [
        f"{format_drift_size(test, test.detectable)} in {test.title}"
        for test in drift.tests
        if test.detectable is not None
    ]
    undetectable = [
        test.title
        for test in drift.tests
        if test.detectable is None and test.name in ("verdicts", "grades")
    ]
    text = f": a change of {' or of '.join(detectable)} would have been seen" if detectable else ""
    limits = (
        f"; {' and '.join(undetectable)} are too noisy, or too few, to show one"
        if undetectable
        else ""
    )
    return f"No change found in {drift.judge}{text}{limits}"


def format_drift_size(test: DriftTest, value: float) -> str:
    """Return the size of a change as text: points of a grade, or a share of replies."""
    if test.name == "mean_grade":
        return f"{value:.2f} points"
    return f"{100 * value:.0f} points" if test.name == "verdict_shares" else f"{100 * value:.0f}%"


def format_drift_report(report: DriftReport) -> list[str]:
    """Return a check as lines of text."""
    lines = []
    for judge in report.judges:
        lines.append(
            f"judge {judge.judge}: {judge.games} games and {judge.grades} grades asked again twice, "
            f"on {judge.questions} questions"
        )
        lines += [
            f"  {test.title:26} {test.words}; p = {test.p_value:.2g}, {test.adjusted:.2g} among all"
            for test in judge.tests
        ]
        lines += [
            f"  {part.name:26} {part.before:.0%} of verdicts then, {part.after:.0%} now, "
            f"p = {part.p_value:.2g}"
            for part in judge.parts
        ]
        lines += [f"  asked with another {name} than in the run" for name in judge.changed_settings]
        if judge.served_now:
            versions = ", ".join(judge.served_then) or "not kept"
            lines.append(
                f"  served by                  {', '.join(judge.served_now)}; then {versions}"
            )
        lines.append(describe_judge_drift(judge))
    return lines


def list_drift_cautions(report: DriftReport) -> tuple[str, ...]:
    """Return a sentence for each judge that has changed."""
    return tuple(
        f"{describe_judge_drift(judge)} (checked {report.made[:10]}). Judgments made now do not "
        "continue this table."
        for judge in report.judges
        if judge.finding is DriftFinding.CHANGED
    )
