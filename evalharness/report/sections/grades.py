"""How grades are spread, and whether they go with length."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from evalharness.leaderboard import without_checks
from evalharness.report.numerals import count, counted, figure
from evalharness.report.scales import Scale, scale_over
from evalharness.report.templates import fill

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import GradedJudgment
    from evalharness.report.facts import Facts

PLACE = 45
TITLE = "Grades and length"
GRADES = range(1, 11)
HEIGHT = 260
"""Of the plot against length, in pixels."""
_BIGGEST = 9.0
_BANDS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spread:
    """How often a model was given each grade; heights are shares of its most frequent one."""

    model: str
    number: int
    mean: float
    heights: tuple[tuple[int, float], ...]
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bubble:
    """All answers of about one length with one grade."""

    x: str
    y: str
    radius: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mean:
    """One model's mean length and mean grade."""

    model: str
    number: int
    x: str
    y: str
    told: str


def render(facts: Facts) -> str:
    """Return both figures, or nothing when nothing was graded."""
    scores = _scores(facts)
    if not scores:
        return ""
    graded = _with_lengths(facts)
    lengths = scale_over(length for _, length, _ in graded)
    grades = Scale(low=0.5, high=10.5, step=1.0)
    return fill(
        "sections/grades",
        spreads=[_spread(facts, model, own) for model, own in scores.items()],
        lengths=lengths,
        grades=grades,
        height=HEIGHT,
        bubbles=_bubbles(graded, lengths, grades) if lengths else [],
        means=_means(facts, graded, lengths, grades) if lengths else [],
        answers=len(graded),
    )


def _judged(facts: Facts) -> Sequence[GradedJudgment]:
    """Return the grades of the table: people's that check a judge are none."""
    return without_checks(facts.records, facts.battles).records.graded


def _scores(facts: Facts) -> dict[str, list[float]]:
    """Return each model's grades, in the order of the leaderboard."""
    found: Mapping[str, list[float]] = {model: [] for model in facts.models}
    for grade in _judged(facts):
        if grade.score is not None:
            found[grade.model].append(grade.score)
    return {model: scores for model, scores in found.items() if scores}


def _spread(facts: Facts, model: str, scores: Sequence[float]) -> _Spread:
    counts = Counter(min(10, max(1, round(score))) for score in scores)
    most = max(counts.values())
    parts = ", ".join(f"{grade}: {counts[grade]}" for grade in GRADES if counts[grade])
    mean = fmean(scores)
    return _Spread(
        model=model,
        number=facts.number(model),
        mean=mean,
        heights=tuple((grade, counts[grade] / most) for grade in GRADES if counts[grade]),
        told=f"{model}: {counted(len(scores), 'grade')}, mean {figure(mean, 2)}; {parts}",
    )


def _with_lengths(facts: Facts) -> list[tuple[str, int, float]]:
    """Return model, length in characters, and grade of every graded reply that is here."""
    lengths = {
        (answer.model, answer.question_id, answer.sample, number): len(turn.text)
        for answer in facts.records.answers
        for number, turn in enumerate(answer.turns, start=1)
    }
    keyed = (
        (grade, (grade.model, grade.question_id, grade.sample, grade.turn))
        for grade in _judged(facts)
    )
    return [
        (grade.model, lengths[key], grade.score)
        for grade, key in keyed
        if grade.score is not None and key in lengths
    ]


def _bubbles(
    graded: Sequence[tuple[str, int, float]], lengths: Scale, grades: Scale
) -> list[_Bubble]:
    """Return the answers by band of length and whole grade; areas go with their number."""
    width = (lengths.high - lengths.low) / _BANDS
    bands = Counter(
        (min(_BANDS - 1, int((length - lengths.low) / width)), round(score))
        for _, length, score in graded
    )
    most = max(bands.values())
    return [
        _Bubble(
            x=lengths.at(lengths.low + (band + 0.5) * width),
            y=grades.up(grade, HEIGHT),
            radius=f"{max(1.2, _BIGGEST * (number / most) ** 0.5):.1f}",
        )
        for (band, grade), number in sorted(bands.items())
    ]


def _means(
    facts: Facts, graded: Sequence[tuple[str, int, float]], lengths: Scale, grades: Scale
) -> list[_Mean]:
    own: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for model, length, score in graded:
        own[model].append((length, score))
    means = {
        model: (fmean(length for length, _ in found), fmean(score for _, score in found))
        for model, found in own.items()
    }
    return [
        _Mean(
            model=model,
            number=facts.number(model),
            x=lengths.at(length),
            y=grades.up(score, HEIGHT),
            told=f"{model}: {count(length)} characters and grade {figure(score, 2)} on average",
        )
        for model, (length, score) in sorted(means.items(), key=lambda item: facts.number(item[0]))
    ]
