"""Format a health card as text, and its cautions as sentences."""

from __future__ import annotations

from evalharness.analysis.judge_health.health_measures import (
    BoundStatus,
    HealthCard,
    HealthMeasure,
    JudgeHealth,
)

_MAX_NAMED_MEASURES = 3
"""The maximum number of measures that a caution names; the card lists all of them."""


def list_health_cautions(card: HealthCard) -> tuple[str, ...]:
    """Return a sentence for each judge with a rate beyond its bound."""
    return tuple(_judge_caution(judge) for judge in card.judges if judge.missed)


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


def _judge_caution(judge: JudgeHealth) -> str:
    """Return one sentence on the rates of a judge that are beyond their bounds."""
    named = [
        f"{each.title} {format_measure_value(each, each.value)} ({format_measure_bound(each)})"
        for each in judge.missed[:_MAX_NAMED_MEASURES]
    ]
    unnamed = len(judge.missed) - len(named)
    rest = f"; and {unnamed} more" if unnamed > 0 else ""
    return (
        f"Judge {judge.judge} is out of bounds in {len(judge.missed)} of "
        f"{sum(each.bound is not None for each in judge.measures)} rates of its audit: "
        f"{'; '.join(named)}{rest}."
    )


def _format_measure(measure: HealthMeasure) -> str:
    """Return a measure as one line of text."""
    if measure.value is None:
        return f"{format_measure_value(measure, None)}: {measure.note}"
    value = (
        f"{format_measure_value(measure, measure.value):>5} {format_measure_interval(measure):14}"
    )
    status = {BoundStatus.OK: "ok, ", BoundStatus.MISSED: "MISSED, "}.get(measure.status, "")
    comparison = f"{status}{format_measure_bound(measure)}"
    parts = [f"{value} of {measure.count}", comparison, measure.note]
    return "; ".join(word for word in parts if word)
