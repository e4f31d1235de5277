"""Show the distribution of grades, and their relation to the length of answers."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from evalharness.analysis import exclude_label_checks
from evalharness.report.number_format import format_count, format_number, format_quantity
from evalharness.report.page.axes import Axis, fit_axis
from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import GradedJudgment
    from evalharness.report.page.page_data import PageData

GRADE_RANGE = range(1, 11)
PLOT_HEIGHT_PX = 260
"""The height of the plot against length, in pixels."""
_MAX_BUBBLE_RADIUS = 9.0
_LENGTH_BANDS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class _GradeHistogram:
    """How often a model got each grade; heights are relative to its most frequent grade."""

    model: str
    number: int
    mean: float
    heights: tuple[tuple[int, float], ...]
    tooltip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _AnswerBubble:
    """The answers of one range of lengths with one grade."""

    x: str
    y: str
    radius: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _ModelMean:
    """The mean length and the mean grade of one model."""

    model: str
    number: int
    x: str
    y: str
    tooltip: str


def render_grades(data: PageData) -> str:
    """Return both plots, or nothing without grades."""
    scores = _scores_by_model(data)
    if not scores:
        return ""
    graded = _grades_with_lengths(data)
    lengths = fit_axis(length for _, length, _ in graded)
    grades = Axis(low=0.5, high=10.5, step=1.0)
    return fill_template(
        "sections/ranking/grades",
        spreads=[_make_histogram(data, model, own) for model, own in scores.items()],
        lengths=lengths,
        grades=grades,
        height=PLOT_HEIGHT_PX,
        bubbles=_make_bubbles(graded, lengths, grades) if lengths else [],
        means=_model_means(data, graded, lengths, grades) if lengths else [],
        answers=len(graded),
    )


def _table_grades(data: PageData) -> Sequence[GradedJudgment]:
    """Return the grades that the table counts, without people's grades that check a judge."""
    return exclude_label_checks(data.records, data.battles).records.graded


def _scores_by_model(data: PageData) -> dict[str, list[float]]:
    """Return the grades of each model, in the order of the leaderboard."""
    found: Mapping[str, list[float]] = {model: [] for model in data.models}
    for grade in _table_grades(data):
        if grade.score is not None:
            found[grade.model].append(grade.score)
    return {model: scores for model, scores in found.items() if scores}


def _make_histogram(data: PageData, model: str, scores: Sequence[float]) -> _GradeHistogram:
    counts = Counter(min(10, max(1, round(score))) for score in scores)
    most = max(counts.values())
    parts = ", ".join(f"{grade}: {counts[grade]}" for grade in GRADE_RANGE if counts[grade])
    mean = fmean(scores)
    return _GradeHistogram(
        model=model,
        number=data.model_number(model),
        mean=mean,
        heights=tuple((grade, counts[grade] / most) for grade in GRADE_RANGE if counts[grade]),
        tooltip=f"{model}: {format_quantity(len(scores), 'grade')}, mean {format_number(mean, 2)}; {parts}",
    )


def _grades_with_lengths(data: PageData) -> list[tuple[str, int, float]]:
    """Return model, length in characters, and grade of every graded reply that the run has."""
    lengths = {
        (answer.model, answer.question_id, answer.sample, number): len(turn.text)
        for answer in data.records.answers
        for number, turn in enumerate(answer.turns, start=1)
    }
    keyed = (
        (grade, (grade.model, grade.question_id, grade.sample, grade.turn))
        for grade in _table_grades(data)
    )
    return [
        (grade.model, lengths[key], grade.score)
        for grade, key in keyed
        if grade.score is not None and key in lengths
    ]


def _make_bubbles(
    graded: Sequence[tuple[str, int, float]], lengths: Axis, grades: Axis
) -> list[_AnswerBubble]:
    """Return the answers by length band and whole grade; areas grow with their number."""
    width = (lengths.high - lengths.low) / _LENGTH_BANDS
    bands = Counter(
        (min(_LENGTH_BANDS - 1, int((length - lengths.low) / width)), round(score))
        for _, length, score in graded
    )
    most = max(bands.values())
    return [
        _AnswerBubble(
            x=lengths.x_percent(lengths.low + (band + 0.5) * width),
            y=grades.y_pixels(grade, PLOT_HEIGHT_PX),
            radius=f"{max(1.2, _MAX_BUBBLE_RADIUS * (number / most) ** 0.5):.1f}",
        )
        for (band, grade), number in sorted(bands.items())
    ]


def _model_means(
    data: PageData, graded: Sequence[tuple[str, int, float]], lengths: Axis, grades: Axis
) -> list[_ModelMean]:
    own: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for model, length, score in graded:
        own[model].append((length, score))
    means = {
        model: (fmean(length for length, _ in found), fmean(score for _, score in found))
        for model, found in own.items()
    }
    return [
        _ModelMean(
            model=model,
            number=data.model_number(model),
            x=lengths.x_percent(length),
            y=grades.y_pixels(score, PLOT_HEIGHT_PX),
            tooltip=f"{model}: {format_count(length)} characters and grade {format_number(score, 2)} on average",
        )
        for model, (length, score) in sorted(
            means.items(), key=lambda item: data.model_number(item[0])
        )
    ]


SECTION = Section(address="grades", place=45, title="Grades and length", render=render_grades)
