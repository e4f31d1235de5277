"""Show the mean grades of each model by category of question."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.report.page.axes import RADAR_GRADES, fit_axis
from evalharness.report.page.interval_marks import SCORE_FORMAT, PlacedInterval, place_interval
from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template
from evalharness.stats import SCORE_RANGE, clustered_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import GradedJudgment
    from evalharness.report.page.page_data import PageData


MIN_RADAR_CATEGORIES = 3
MAX_SELECTED_MODELS = 6
"""The most models that the radar shows at once; with more models, half as many at first."""
_RADIUS = 120.0
_LABEL_RADIUS = 134.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _RadarSpoke:
    """The axis of one category on the radar: its end, and the position of its name."""

    name: str
    x: float
    y: float
    text_x: float
    text_y: float
    anchor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _RadarPolygon:
    """One model's polygon on the radar."""

    number: int
    points: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _RadarRing:
    """The polygon of one grade on the radar; its label stands at the first spoke, at height `y`."""

    grade: int
    points: str
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Radar:
    spokes: tuple[_RadarSpoke, ...]
    rings: tuple[_RadarRing, ...]
    shapes: tuple[_RadarPolygon, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _CategoryRow:
    """A category with the score of each model, in the order of the leaderboard."""

    name: str
    questions: int
    scores: tuple[PlacedInterval, ...]


def render_categories(data: PageData) -> str:
    """Return the plot and the table, or nothing without grades."""
    rows = data.leaderboard.rows
    scale = fit_axis(score for row in rows for score in row.score_by_category.values())
    if scale is None:
        return ""
    bounds = _category_bounds(data)
    asked = [question.category for question in data.records.questions]
    graded = dict.fromkeys(name for row in rows for name in row.score_by_category)
    categories = [
        _CategoryRow(
            name=name,
            questions=asked.count(name),
            scores=tuple(
                place_interval(
                    (row.score_by_category.get(name), *bounds.get((row.model, name), (None, None))),
                    SCORE_FORMAT,
                    scale,
                )
                for row in rows
            ),
        )
        for name in sorted(graded, key=[*asked, *graded].index)
    ]
    return fill_template(
        "sections/ranking/categories",
        data=data,
        rows=rows,
        categories=categories,
        scale=scale,
        radar=_make_radar(data, categories) if len(categories) >= MIN_RADAR_CATEGORIES else None,
        picked=len(rows) if len(rows) <= MAX_SELECTED_MODELS else MAX_SELECTED_MODELS // 2,
    )


def _category_bounds(data: PageData) -> dict[tuple[str, str], tuple[float, float]]:
    """Return the interval of each model's mean in each category.

    As in the leaderboard, means use only items that were graded for every model, and are
    clustered by question. A category with a single question has no interval.
    """
    category = {question.question_id: question.category for question in data.records.questions}
    grades: dict[tuple[str, str], list[GradedJudgment]] = defaultdict(list)
    for grade in _graded_for_all_models(data.records.graded):
        if grade.question_id in category:
            grades[grade.model, category[grade.question_id]].append(grade)
    means = {
        key: clustered_mean(
            [grade.score for grade in own if grade.score is not None],
            [grade.question_id for grade in own],
            level=data.leaderboard.level,
            scale=SCORE_RANGE,
        )
        for key, own in grades.items()
    }
    return {key: (mean.low, mean.high) for key, mean in means.items() if mean.clusters > 1}


def _graded_for_all_models(grades: Sequence[GradedJudgment]) -> list[GradedJudgment]:
    scored = [grade for grade in grades if grade.score is not None]
    models: dict[tuple[str, int, str, str, int], set[str]] = defaultdict(set)
    for grade in scored:
        models[_graded_item(grade)].add(grade.model)
    everyone = {grade.model for grade in scored}
    return [grade for grade in scored if models[_graded_item(grade)] == everyone]


def _graded_item(grade: GradedJudgment) -> tuple[str, int, str, str, int]:
    return grade.question_id, grade.turn, grade.judge, grade.prompt, grade.sample


def _make_radar(data: PageData, categories: Sequence[_CategoryRow]) -> _Radar:
    """Return the radar; it leaves out models that were not graded in every category.

    Its scale is the whole scale of grades, so that the shapes of two runs can be compared.
    """
    lowest, *_, highest = RADAR_GRADES
    turns = [2 * math.pi * place / len(categories) for place in range(len(categories))]

    def polygon(values: Sequence[float]) -> str:
        shares = [(value - lowest) / (highest - lowest) for value in values]
        places = [
            _polar_to_xy(turn, _RADIUS * share) for turn, share in zip(turns, shares, strict=True)
        ]
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)

    columns = zip(*(category.scores for category in categories), strict=True)
    return _Radar(
        spokes=tuple(map(_make_spoke, categories, turns)),
        rings=tuple(
            _RadarRing(
                grade=grade,
                points=polygon([grade] * len(turns)),
                y=round(-_RADIUS * (grade - lowest) / (highest - lowest), 1),
            )
            for grade in RADAR_GRADES
        ),
        shapes=tuple(
            _RadarPolygon(number=data.model_number(row.model), points=polygon(known))
            for row, scores in zip(data.leaderboard.rows, columns, strict=True)
            for known in ([score.value for score in scores if score.value is not None],)
            if len(known) == len(turns)
        ),
    )


def _make_spoke(category: _CategoryRow, turn: float) -> _RadarSpoke:
    (x, y), (text_x, text_y) = _polar_to_xy(turn, _RADIUS), _polar_to_xy(turn, _LABEL_RADIUS)
    side = round(text_x / _LABEL_RADIUS, 2)
    anchor = "middle" if not side else "start" if side > 0 else "end"
    return _RadarSpoke(name=category.name, x=x, y=y, text_x=text_x, text_y=text_y, anchor=anchor)


def _polar_to_xy(turn: float, radius: float) -> tuple[float, float]:
    """Return a position from its angle, clockwise from the top."""
    return round(radius * math.sin(turn), 1), round(-radius * math.cos(turn), 1)


SECTION = Section(
    address="categories", place=40, title="Scores by category", render=render_categories
)
