"""A judge's health card: its rates beside the bounds beyond which it should not be believed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from evalharness.health import _habits, _others, _probed
from evalharness.probes import Probe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import JudgeSpec, RunRecords, RunSpec
    from evalharness.health._figures import Figure
    from evalharness.probes import Probed

LEVEL = 0.95
_MOST_NAMED = 3
"""A caution names no more rates than this; the card has them all."""


class Status(StrEnum):
    """How a rate compares with its bound: it is kept, missed, not set, or the rate not known."""

    OK = "ok"
    MISSED = "missed"
    UNBOUNDED = "unbounded"
    UNKNOWN = "unknown"


class Side(StrEnum):
    """Which side of its bound a rate belongs on; of a ceiling, whatever its sign."""

    FLOOR = "at least"
    CEILING = "at most"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One rate of a judge with its 95% interval, clustered by question, and its bound."""

    name: str
    title: str
    value: float | None
    low: float | None
    high: float | None
    count: int
    questions: int
    side: Side
    bound: float | None
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeHealth:
    """One judge's measures."""

    judge: str
    measures: tuple[Measure, ...]

    @property
    def missed(self) -> tuple[Measure, ...]:
        """Those beyond their bounds."""
        return tuple(each for each in self.measures if each.status is Status.MISSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCard:
    """The health of a run's judges; `judgments` is how many of the run's it was made from."""

    judges: tuple[JudgeHealth, ...]
    judgments: int
    probes: int
    level: float = LEVEL


_PROBES = {
    Probe.SAME: "an answer against itself ties",
    Probe.TRUNCATED: "an answer beats its first third",
    Probe.SHUFFLED: "an answer beats its own sentences shuffled",
    Probe.OFF_TOPIC: "an answer beats that to another question",
    Probe.PADDED: "an answer does not lose to itself said twice",
    Probe.CONSTANT: "an answer beats a text that fits any question",
    Probe.ADDRESSED: "an answer beats a text that tells the judge what to choose",
}
_TITLES: dict[str, tuple[str, Side]] = {
    "unscored": ("replies that could not be read", Side.CEILING),
    "consistency": ("same result when the answers change places", Side.FLOOR),
    "first_of_flips": ("of the verdicts that flip, for the first place", Side.CEILING),
    "place": ("pairs that flip to the first place less those to the second", Side.CEILING),
    "ties": ("verdicts that are ties", Side.CEILING),
    "length": ("far longer of two equally strong answers wins", Side.CEILING),
    "own_family": ("extra points for its own family", Side.CEILING),
    "human_agreement": ("agreement with people, a tie as a vote", Side.FLOOR),
    "human_decided": ("agreement with people where neither ties", Side.FLOOR),
    "human_kappa": ("kappa with people", Side.FLOOR),
    "gold_agreement": ("accuracy against the gold labels", Side.FLOOR),
    "gold_decided": ("accuracy against the gold labels where decided", Side.FLOOR),
    "gold_kappa": ("kappa with the gold labels", Side.FLOOR),
    "repeatability": ("same judgment when asked again", Side.FLOOR),
    "without_reference": ("same judgment without the reference", Side.FLOOR),
    **{f"probe_{probe.value}": (title, Side.FLOOR) for probe, title in _PROBES.items()},
}
NAMES = tuple(_TITLES)
"""The measures that may have a bound."""


def examine(
    records: RunRecords,
    spec: RunSpec,
    probed: Sequence[Probed],
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
                    _measure(figure, thresholds.get(figure.name))
                    for figure in _figures(records, spec, judge, probed)
                ),
            )
            for judge in spec.judges
        ),
        judgments=len(records.judgments),
        probes=len(probed),
    )


def cautions(card: HealthCard) -> tuple[str, ...]:
    """Return a sentence for each judge that missed a bound, to stand beside the leaderboard."""
    return tuple(_caution(judge) for judge in card.judges if judge.missed)


def lines(card: HealthCard) -> list[str]:
    """Return the card as lines of text: rate, interval, count, and whether it keeps its bound."""
    said = []
    for judge in card.judges:
        said.append(f"judge {judge.judge}")
        said += [f"  {each.title:59} {_words(each)}" for each in judge.measures]
    return said


def amount(measure: Measure, value: float | None) -> str:
    """Return a value as it is read: a share as a percentage, a kappa as a number."""
    if value is None:
        return "not known"
    return f"{value:.2f}" if measure.name.endswith("kappa") else f"{100 * value:.0f}%"


def interval(measure: Measure) -> str:
    """Return a measure's interval, or nothing when there is none."""
    if measure.low is None or measure.high is None:
        return ""
    return f"[{amount(measure, measure.low)}, {amount(measure, measure.high)}]"


def bound(measure: Measure) -> str:
    """Return a measure's bound in words, or nothing when there is none."""
    if measure.bound is None:
        return ""
    return f"{measure.side.value} {amount(measure, measure.bound)}"


def _caution(judge: JudgeHealth) -> str:
    told = [
        f"{each.title} {amount(each, each.value)} ({bound(each)})"
        for each in judge.missed[:_MOST_NAMED]
    ]
    more = len(judge.missed) - len(told)
    rest = f"; and {more} more" if more > 0 else ""
    return (
        f"Judge {judge.judge} is out of bounds in {len(judge.missed)} of "
        f"{sum(each.bound is not None for each in judge.measures)} rates of its audit: "
        f"{'; '.join(told)}{rest}."
    )


def _words(measure: Measure) -> str:
    if measure.value is None:
        return f"{amount(measure, None)}: {measure.note}"
    value = f"{amount(measure, measure.value):>5} {interval(measure):14}"
    status = {Status.OK: "ok, ", Status.MISSED: "MISSED, "}.get(measure.status, "")
    after = f"{status}{bound(measure)}"
    said = [f"{value} of {measure.count}", after, measure.note]
    return "; ".join(word for word in said if word)


def _figures(
    records: RunRecords, spec: RunSpec, judge: JudgeSpec, probed: Sequence[Probed]
) -> list[Figure]:
    judgments = [row for row in records.judgments if row.judge == judge.name]
    games = [game for game in records.games if game.judge == judge.name]
    rows = [row for row in probed if row.judgment.judge == judge.name]
    before = {row.digest: row for row in judgments}
    families = {model.name: model.family for model in spec.models}
    figures = [_habits.unscored(judgments)]
    if games:
        figures += [*_habits.position(games), _habits.ties(games)]
        figures.append(_habits.length(games, _lengths(records)))
        preference = _others.own_family(judge.name, judge.model.family, families, records)
        figures += [preference] if preference else []
        figures += _others.labels(judge.name, records, spec.seed)
    figures.append(_probed.unchanged("repeatability", Probe.REPEATED, rows, before))
    if any(row.probe is Probe.WITHOUT_REFERENCE for row in rows):
        figures.append(
            _probed.unchanged("without_reference", Probe.WITHOUT_REFERENCE, rows, before)
        )
    return figures + [_probed.probe(kind, rows) for kind in _PROBES]


def _lengths(records: RunRecords) -> dict[tuple[str, str, int, int], int]:
    """Return each reply's characters, by question, model, sample and turn."""
    return {
        (answer.question_id, answer.model, answer.sample, number): len(reply.text)
        for answer in records.answers
        for number, reply in enumerate(answer.turns, start=1)
    }


def _measure(figure: Figure, limit: float | None) -> Measure:
    title, side = _TITLES[figure.name]
    return Measure(
        name=figure.name,
        title=title,
        value=figure.value,
        low=figure.low,
        high=figure.high,
        count=figure.count,
        questions=figure.questions,
        side=side,
        bound=limit,
        status=_status(figure.value, side, limit),
        note=figure.note,
    )


def _status(value: float | None, side: Side, limit: float | None) -> Status:
    if value is None:
        return Status.UNKNOWN
    if limit is None:
        return Status.UNBOUNDED
    kept = value >= limit if side is Side.FLOOR else abs(value) <= limit
    return Status.OK if kept else Status.MISSED
