"""Build a judge's health card: its rates, each compared with a bound."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from evalharness.analysis.judge_health.probe_rates import measure_probe, measure_repeatability
from evalharness.analysis.judge_health.reference_rates import (
    measure_family_preference,
    measure_label_agreement,
)
from evalharness.analysis.judge_health.run_rates import (
    measure_length_bias,
    measure_position_rates,
    measure_ties,
    measure_unscored,
)
from evalharness.judge import Probe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.analysis.judge_health.rates import JudgeRate
    from evalharness.domain import JudgeSpec, RunRecords, RunSpec
    from evalharness.judge import ProbeResult

CONFIDENCE_LEVEL = 0.95
_MAX_NAMED_MEASURES = 3
"""In a caution; the card lists all of them."""


class BoundStatus(StrEnum):
    """How a rate compares with its bound: within, beyond, without a bound, or rate unknown."""

    OK = "ok"
    MISSED = "missed"
    UNBOUNDED = "unbounded"
    UNKNOWN = "unknown"


class BoundSide(StrEnum):
    """Whether a bound is a lower or an upper limit; a ceiling limits the absolute value."""

    FLOOR = "at least"
    CEILING = "at most"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthMeasure:
    """One rate of a judge with its bound.

    Attributes:
        name: the name of the measure.
        title: the measure in words.
        value: the rate; None if it is unknown.
        low: lower end of the 95% interval, clustered by question.
        high: upper end of the interval.
        count: the number of results.
        questions: the number of questions.
        side: whether the bound is a floor or a ceiling.
        bound: the limit; None without one.
        status: how the rate compares with it.
        note: a remark for the reader.
    """

    name: str
    title: str
    value: float | None
    low: float | None
    high: float | None
    count: int
    questions: int
    side: BoundSide
    bound: float | None
    status: BoundStatus
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeHealth:
    """The measures of one judge.

    Attributes:
        judge: the judge's name.
        measures: its measures, in the order of the card.
    """

    judge: str
    measures: tuple[HealthMeasure, ...]

    @property
    def missed(self) -> tuple[HealthMeasure, ...]:
        """The measures beyond their bounds."""
        return tuple(each for each in self.measures if each.status is BoundStatus.MISSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCard:
    """The health of a run's judges.

    Attributes:
        judges: one entry per judge.
        judgments: the number of the run's judgments that the card was made from.
        probes: the number of probe judgments.
        level: the level of the intervals.
    """

    judges: tuple[JudgeHealth, ...]
    judgments: int
    probes: int
    level: float = CONFIDENCE_LEVEL


_PROBE_TITLES = {
    Probe.SAME: "an answer against itself ties",
    Probe.TRUNCATED: "an answer beats its first third",
    Probe.SHUFFLED: "an answer beats its own sentences shuffled",
    Probe.OFF_TOPIC: "an answer beats that to another question",
    Probe.PADDED: "an answer does not lose to itself said twice",
    Probe.CONSTANT: "an answer beats a text that fits any question",
    Probe.ADDRESSED: "an answer beats a text that tells the judge what to choose",
}
_MEASURE_TITLES: dict[str, tuple[str, BoundSide]] = {
    "unscored": ("replies that could not be read", BoundSide.CEILING),
    "consistency": ("same result when the answers change places", BoundSide.FLOOR),
    "first_of_flips": ("of the verdicts that flip, for the first place", BoundSide.CEILING),
    "place": ("pairs that flip to the first place less those to the second", BoundSide.CEILING),
    "ties": ("verdicts that are ties", BoundSide.CEILING),
    "length": ("far longer of two equally strong answers wins", BoundSide.CEILING),
    "own_family": ("extra points for its own family", BoundSide.CEILING),
    "human_agreement": ("agreement with people, a tie as a vote", BoundSide.FLOOR),
    "human_decided": ("agreement with people where neither ties", BoundSide.FLOOR),
    "human_kappa": ("kappa with people", BoundSide.FLOOR),
    "gold_agreement": ("accuracy against the gold labels", BoundSide.FLOOR),
    "gold_decided": ("accuracy against the gold labels where decided", BoundSide.FLOOR),
    "gold_kappa": ("kappa with the gold labels", BoundSide.FLOOR),
    "repeatability": ("same judgment when asked again", BoundSide.FLOOR),
    "without_reference": ("same judgment without the reference", BoundSide.FLOOR),
    **{f"probe_{probe.value}": (title, BoundSide.FLOOR) for probe, title in _PROBE_TITLES.items()},
}
MEASURE_NAMES = tuple(_MEASURE_TITLES)
"""The names of the measures that accept a bound."""


def build_health_card(
    records: RunRecords,
    spec: RunSpec,
    probed: Sequence[ProbeResult],
    thresholds: Mapping[str, float | None],
) -> HealthCard:
    """Return the health of the judges of a run.

    Args:
        records: the run.
        spec: the models and judges as configured.
        probed: the judges' replies to the audit's probes.
        thresholds: the bounds by measure; None means no bound.
    """
    return HealthCard(
        judges=tuple(
            JudgeHealth(
                judge=judge.name,
                measures=tuple(
                    _compare_with_bound(rate, thresholds.get(rate.name))
                    for rate in _measure_rates(records, spec, judge, probed)
                ),
            )
            for judge in spec.judges
        ),
        judgments=len(records.judgments),
        probes=len(probed),
    )


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


def _measure_rates(
    records: RunRecords, spec: RunSpec, judge: JudgeSpec, probed: Sequence[ProbeResult]
) -> list[JudgeRate]:
    """Return all rates of one judge."""
    judgments = [judgment for judgment in records.judgments if judgment.judge == judge.name]
    games = [game for game in records.games if game.judge == judge.name]
    probed_rows = [judgment for judgment in probed if judgment.judgment.judge == judge.name]
    judgment_by_digest = {judgment.digest: judgment for judgment in judgments}
    families = {model.name: model.family for model in spec.models}
    rates = [measure_unscored(judgments)]
    if games:
        rates += [*measure_position_rates(games), measure_ties(games)]
        rates.append(measure_length_bias(games, _reply_lengths(records)))
        preference = measure_family_preference(judge.name, judge.model.family, families, records)
        rates += [preference] if preference else []
        rates += measure_label_agreement(judge.name, records, spec.seed)
    rates.append(
        measure_repeatability("repeatability", Probe.REPEATED, probed_rows, judgment_by_digest)
    )
    if any(judgment.probe is Probe.WITHOUT_REFERENCE for judgment in probed_rows):
        rates.append(
            measure_repeatability(
                "without_reference", Probe.WITHOUT_REFERENCE, probed_rows, judgment_by_digest
            )
        )
    return rates + [measure_probe(probe, probed_rows) for probe in _PROBE_TITLES]


def _reply_lengths(records: RunRecords) -> dict[tuple[str, str, int, int], int]:
    """Return the number of characters of each reply, by question, model, sample and turn."""
    return {
        (answer.question_id, answer.model, answer.sample, number): len(reply.text)
        for answer in records.answers
        for number, reply in enumerate(answer.turns, start=1)
    }


def _compare_with_bound(rate: JudgeRate, limit: float | None) -> HealthMeasure:
    """Return a rate as a measure with its bound."""
    title, side = _MEASURE_TITLES[rate.name]
    return HealthMeasure(
        name=rate.name,
        title=title,
        value=rate.value,
        low=rate.low,
        high=rate.high,
        count=rate.count,
        questions=rate.questions,
        side=side,
        bound=limit,
        status=_bound_status(rate.value, side, limit),
        note=rate.note,
    )


def _bound_status(value: float | None, side: BoundSide, limit: float | None) -> BoundStatus:
    """Return how a value compares with its limit."""
    if value is None:
        return BoundStatus.UNKNOWN
    if limit is None:
        return BoundStatus.UNBOUNDED
    is_within = value >= limit if side is BoundSide.FLOOR else abs(value) <= limit
    return BoundStatus.OK if is_within else BoundStatus.MISSED
