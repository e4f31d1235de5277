"""A judge's health card: its rates beside the bounds beyond which it should not be believed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from evalharness.analysis.judge_health.probe_rates import measure_probe, measure_repeatability
from evalharness.analysis.judge_health.reference_rates import (
    measure_label_agreement,
    measure_self_preference,
)
from evalharness.analysis.judge_health.run_rates import (
    measure_length_bias,
    measure_position_bias,
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
"""A caution names no more rates than this; the card has them all."""


class BoundStatus(StrEnum):
    """How a rate compares with its bound: it is kept, missed, not set, or the rate not known."""

    OK = "ok"
    MISSED = "missed"
    UNBOUNDED = "unbounded"
    UNKNOWN = "unknown"


class BoundSide(StrEnum):
    """Which side of its bound a rate belongs on; of a ceiling, whatever its sign."""

    FLOOR = "at least"
    CEILING = "at most"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthMeasure:
    """One rate of a judge with its 95% interval, clustered by question, and its bound."""

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
    """One judge's measures."""

    judge: str
    measures: tuple[HealthMeasure, ...]

    @property
    def missed(self) -> tuple[HealthMeasure, ...]:
        """Those beyond their bounds."""
        return tuple(each for each in self.measures if each.status is BoundStatus.MISSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCard:
    """The health of a run's judges; `judgments` is how many of the run's it was made from."""

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
"""The measures that may have a bound."""


def build_health_card(
    records: RunRecords,
    spec: RunSpec,
    probed: Sequence[ProbeResult],
    thresholds: Mapping[str, float | None],
) -> HealthCard:
    """Return the health of the judges of a run.

    Args:
        records: the run.
        spec: its models and judges as configured.
        probed: what the judges said to the audit's probes.
        thresholds: the bounds by measure; None is no bound.
    """
    return HealthCard(
        judges=tuple(
            JudgeHealth(
                judge=judge.name,
                measures=tuple(
                    _compare_with_bound(figure, thresholds.get(figure.name))
                    for figure in _measure_rates(records, spec, judge, probed)
                ),
            )
            for judge in spec.judges
        ),
        judgments=len(records.judgments),
        probes=len(probed),
    )


def list_health_cautions(card: HealthCard) -> tuple[str, ...]:
    """Return a sentence for each judge that missed a bound, to stand beside the leaderboard."""
    return tuple(_judge_caution(judge) for judge in card.judges if judge.missed)


def format_health_card(card: HealthCard) -> list[str]:
    """Return the card as lines of text: rate, interval, count, and whether it keeps its bound."""
    said = []
    for judge in card.judges:
        said.append(f"judge {judge.judge}")
        said += [f"  {each.title:59} {_format_measure(each)}" for each in judge.measures]
    return said


def format_measure_value(measure: HealthMeasure, value: float | None) -> str:
    """Return a value as it is read: a share as a percentage, a kappa as a number."""
    if value is None:
        return "not known"
    return f"{value:.2f}" if measure.name.endswith("kappa") else f"{100 * value:.0f}%"


def format_measure_interval(measure: HealthMeasure) -> str:
    """Return a measure's interval, or nothing when there is none."""
    if measure.low is None or measure.high is None:
        return ""
    return f"[{format_measure_value(measure, measure.low)}, {format_measure_value(measure, measure.high)}]"


def format_measure_bound(measure: HealthMeasure) -> str:
    """Return a measure's bound in words, or nothing when there is none."""
    if measure.bound is None:
        return ""
    return f"{measure.side.value} {format_measure_value(measure, measure.bound)}"


def _judge_caution(judge: JudgeHealth) -> str:
    told = [
        f"{each.title} {format_measure_value(each, each.value)} ({format_measure_bound(each)})"
        for each in judge.missed[:_MAX_NAMED_MEASURES]
    ]
    more = len(judge.missed) - len(told)
    rest = f"; and {more} more" if more > 0 else ""
    return (
        f"Judge {judge.judge} is out of bounds in {len(judge.missed)} of "
        f"{sum(each.bound is not None for each in judge.measures)} rates of its audit: "
        f"{'; '.join(told)}{rest}."
    )


def _format_measure(measure: HealthMeasure) -> str:
    if measure.value is None:
        return f"{format_measure_value(measure, None)}: {measure.note}"
    value = (
        f"{format_measure_value(measure, measure.value):>5} {format_measure_interval(measure):14}"
    )
    status = {BoundStatus.OK: "ok, ", BoundStatus.MISSED: "MISSED, "}.get(measure.status, "")
    after = f"{status}{format_measure_bound(measure)}"
    said = [f"{value} of {measure.count}", after, measure.note]
    return "; ".join(word for word in said if word)


def _measure_rates(
    records: RunRecords, spec: RunSpec, judge: JudgeSpec, probed: Sequence[ProbeResult]
) -> list[JudgeRate]:
    judgments = [row for row in records.judgments if row.judge == judge.name]
    games = [game for game in records.games if game.judge == judge.name]
    rows = [row for row in probed if row.judgment.judge == judge.name]
    before = {row.digest: row for row in judgments}
    families = {model.name: model.family for model in spec.models}
    figures = [measure_unscored(judgments)]
    if games:
        figures += [*measure_position_bias(games), measure_ties(games)]
        figures.append(measure_length_bias(games, _reply_lengths(records)))
        preference = measure_self_preference(judge.name, judge.model.family, families, records)
        figures += [preference] if preference else []
        figures += measure_label_agreement(judge.name, records, spec.seed)
    figures.append(measure_repeatability("repeatability", Probe.REPEATED, rows, before))
    if any(row.probe is Probe.WITHOUT_REFERENCE for row in rows):
        figures.append(
            measure_repeatability("without_reference", Probe.WITHOUT_REFERENCE, rows, before)
        )
    return figures + [measure_probe(kind, rows) for kind in _PROBE_TITLES]


def _reply_lengths(records: RunRecords) -> dict[tuple[str, str, int, int], int]:
    """Return each reply's characters, by question, model, sample and turn."""
    return {
        (answer.question_id, answer.model, answer.sample, number): len(reply.text)
        for answer in records.answers
        for number, reply in enumerate(answer.turns, start=1)
    }


def _compare_with_bound(figure: JudgeRate, limit: float | None) -> HealthMeasure:
    title, side = _MEASURE_TITLES[figure.name]
    return HealthMeasure(
        name=figure.name,
        title=title,
        value=figure.value,
        low=figure.low,
        high=figure.high,
        count=figure.count,
        questions=figure.questions,
        side=side,
        bound=limit,
        status=_bound_status(figure.value, side, limit),
        note=figure.note,
    )


def _bound_status(value: float | None, side: BoundSide, limit: float | None) -> BoundStatus:
    if value is None:
        return BoundStatus.UNKNOWN
    if limit is None:
        return BoundStatus.UNBOUNDED
    kept = value >= limit if side is BoundSide.FLOOR else abs(value) <= limit
    return BoundStatus.OK if kept else BoundStatus.MISSED
