"""Format a health card as text, and its cautions as sentences."""

from __future__ import annotations

from evalharness.analysis.judge_health.health_measures import (
    BoundSide,
    BoundStatus,
    HealthCard,
    HealthMeasure,
    JudgeHealth,
)

_RESULTS = {
    BoundStatus.OK: "passed",
    BoundStatus.MISSED: "FAILED",
    BoundStatus.TOO_FEW: "too few to tell",
}
_MAX_NAMED_MEASURES = 3
"""The maximum number of measures that a caution names; the card lists all of them."""


def list_health_cautions(card: HealthCard) -> tuple[str, ...]:
    """Return a sentence for each judge with rates beyond their bounds, or of too few questions."""
    failed = [_judge_caution(judge) for judge in card.judges if judge.missed]
    undecided = [_undecided_caution(judge) for judge in card.judges if judge.undecided]
    return (*failed, *undecided)


def format_health_card(card: HealthCard) -> list[str]:
    """Return the card as lines of text: rate, interval, count, and bound."""
    lines = []
    for judge in card.judges:
        lines.append(f"judge {judge.judge}")
        lines += [f"  {each.title:59} {_format_measure(each)}" for each in judge.measures]
    return lines


def format_measure_value(measure: HealthMeasure, value: float | None) -> str:
    """Return a value as text: a kappa as a number, any other rate as a percentage."""
    if value is None:
        return "not known"
    return f"{value:.2f}" if measure.name.endswith("kappa") else f"{100 * value:.0f}%"


def format_measure_interval(measure: HealthMeasure) -> str:
    """Return the interval of a measure as text, or an empty string without one."""
    if measure.low is None or measure.high is None:
        return ""
    return f"[{format_measure_value(measure, measure.low)}, {format_measure_value(measure, measure.high)}]"


def format_measure_bound(measure: HealthMeasure) -> str:
    """Return the bound of a measure as text, or an empty string without one."""
    if measure.bound is None:
        return ""
    return f"{measure.side.value} {format_measure_value(measure, measure.bound)}"


def format_measure_detectable(measure: HealthMeasure) -> str:
    """Return the value beyond the bound that so many questions would find, as text."""
    if measure.bound is None or measure.value is None:
        return ""
    if measure.detectable is None:
        return "would find no departure"
    is_floor = measure.side is BoundSide.FLOOR
    found = measure.bound - measure.detectable if is_floor else measure.bound + measure.detectable
    words = format_measure_value(measure, found)
    return f"would find {words} or {'less' if is_floor else 'more'}"


def format_measure_status(measure: HealthMeasure) -> str:
    """Return the result of a measure as text, or an empty string without one."""
    return _RESULTS.get(measure.status, "")


def _judge_caution(judge: JudgeHealth) -> str:
    """Return one sentence on the rates of a judge that are beyond their bounds."""
    named = [
        f"{each.title} {format_measure_value(each, each.value)} ({format_measure_bound(each)})"
        for each in judge.missed[:_MAX_NAMED_MEASURES]
    ]
    unnamed = len(judge.missed) - len(named)
    rest = f"; and {unnamed} more" if unnamed > 0 else ""
    return (
        f"The judge ({judge.judge}) failed {len(judge.missed)} of "
        f"{sum(each.bound is not None for each in judge.measures)} reliability checks: "
        f"{'; '.join(named)}{rest}."
    )


def _undecided_caution(judge: JudgeHealth) -> str:
    """Return one sentence on the rates of a judge that rest on too few questions."""
    return (
        f"The audit of judge {judge.judge} has too few questions to tell whether "
        f"{len(judge.undecided)} of {sum(each.bound is not None for each in judge.measures)} "
        "rates are within their bounds."
    )


def _format_measure(measure: HealthMeasure) -> str:
    """Return a measure as one line of text."""
    if measure.value is None:
        return f"{format_measure_value(measure, None)}: {measure.note}"
    value = (
        f"{format_measure_value(measure, measure.value):>5} {format_measure_interval(measure):14}"
    )
    status = format_measure_status(measure)
    comparison = ", ".join(word for word in (status, format_measure_bound(measure)) if word)
    parts = [
        f"{value} of {measure.count}",
        comparison,
        format_measure_detectable(measure),
        measure.note,
    ]
    return "; ".join(word for word in parts if word)
