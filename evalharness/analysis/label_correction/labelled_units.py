"""What people labelled of what each judge judged, unit by unit."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis.estimates.panel import select_fair_grades
from evalharness.analysis.judgment_matrix import (
    PANEL,
    JudgedUnit,
    JudgmentMatrix,
    average_grades,
    settle_by_majority,
    tabulate_battles,
    tabulate_grades,
    unit_and_outcome,
    unit_of_grade,
)
from evalharness.stats import is_human_judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from evalharness.analysis.estimates.panel import JudgePanel
    from evalharness.domain import Battle, GradedJudgment, RunRecords

    Labels = Mapping[JudgedUnit, Sequence[float]]
    """Several people may label one unit: of a pair, the points of its first model; or grades."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledUnits:
    """What people labelled of what a judge judged.

    `judged` has the judge's value of every unit (a pair's points of its first model, or an answer's
    grade), `labels` people's of some of these. `noun` is what a label is; `models` are those of
    the judge's table; `categories` those of the questions. `contradicted` are the pairs on which
    a person voted twice and not alike, with that person's name.
    """

    noun: str
    models: tuple[str, ...]
    judged: Mapping[JudgedUnit, float]
    labels: Labels
    categories: Mapping[str, str]
    contradicted: Mapping[JudgedUnit, str]

    @property
    def count(self) -> int:
        """How many labels there are."""
        return sum(len(each) for each in self.labels.values())

    @property
    def questions(self) -> int:
        """How many questions have labels."""
        return len({unit.question_id for unit in self.labels})

    @property
    def counts(self) -> Counter[str]:
        """How many labels are on each model."""
        counts: Counter[str] = Counter()
        for unit, said in self.labels.items():
            counts.update(dict.fromkeys(unit.models, len(said)))
        return counts

    @property
    def numbers(self) -> dict[str, int]:
        """Each question of the judge's as a number."""
        questions = dict.fromkeys(unit.question_id for unit in self.judged)
        return {question: number for number, question in enumerate(questions)}

    def mean(self, unit: JudgedUnit) -> float:
        """Return people's mean label of a unit."""
        return float(np.mean(self.labels[unit]))


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeLabels:
    """A judge's battles and grades with people's labels of them; None where there are none."""

    judge: str
    pairs: LabelledUnits | None
    answers: LabelledUnits | None


def collect_judge_labels(
    records: RunRecords, battles: Sequence[Battle], panel: JudgePanel | None
) -> tuple[JudgeLabels, ...]:
    """Return the work of the panel and of each judge of which people labelled something."""
    votes = [battle for battle in battles if is_human_judge(battle.judge)]
    grades = [grade for grade in records.graded if is_human_judge(grade.judge)]
    if not (votes or grades):
        return ()
    own = [battle for battle in battles if not is_human_judge(battle.judge)]
    graded = [grade for grade in records.graded if not is_human_judge(grade.judge)]
    if panel is not None:
        own += settle_by_majority(panel.verdicts)
        graded += average_grades(select_fair_grades(panel.grades))
    verdicts, scores = tabulate_battles(own), tabulate_grades(graded)
    voted, given = (
        _labels_by_person(map(_vote_points, votes)),
        _labels_by_person(_scored_grades(grades)),
    )
    categories = {question.question_id: question.category for question in records.questions}
    found = []
    for judge in sorted({*verdicts.judges, *scores.judges}, key=lambda name: (name != PANEL, name)):
        points = {unit: outcome / 2 for unit, outcome in _values_of_judge(verdicts, judge).items()}
        pairs = _match_labels("vote", points, voted, categories)
        answers = _match_labels(
            "grade", _select_common_grades(_values_of_judge(scores, judge)), given, categories
        )
        if pairs or answers:
            found.append(JudgeLabels(judge=judge, pairs=pairs, answers=answers))
    return tuple(found)


def _match_labels(
    noun: str,
    judged: Mapping[JudgedUnit, float],
    said: Mapping[JudgedUnit, Mapping[str, Sequence[float]]],
    categories: Mapping[str, str],
) -> LabelledUnits | None:
    """Return labels on what was judged, one a person; several grades of one person are averaged."""
    own = {unit: people for unit, people in said.items() if unit in judged}
    if not own:
        return None
    return LabelledUnits(
        noun=noun,
        models=tuple(sorted({model for unit in judged for model in unit.models})),
        judged=judged,
        labels={
            unit: [float(np.mean(values)) for values in people.values()]
            for unit, people in own.items()
        },
        categories=categories,
        contradicted={
            unit: person
            for unit, people in own.items()
            for person, values in people.items()
            if noun == "vote" and len(set(values)) > 1
        },
    )


def _labels_by_person(
    labels: Iterable[tuple[JudgedUnit, str, float]],
) -> dict[JudgedUnit, dict[str, list[float]]]:
    """Return what each person said of each unit."""
    said: dict[JudgedUnit, dict[str, list[float]]] = {}
    for unit, person, value in labels:
        said.setdefault(unit, {}).setdefault(person, []).append(value)
    return said


def _vote_points(vote: Battle) -> tuple[JudgedUnit, str, float]:
    unit, outcome = unit_and_outcome(vote)
    return unit, vote.judge, outcome / 2


def _scored_grades(graded: Iterable[GradedJudgment]) -> Iterator[tuple[JudgedUnit, str, float]]:
    for grade in graded:
        if grade.score is not None:
            yield unit_of_grade(grade), grade.judge, grade.score


def _values_of_judge(opinions: JudgmentMatrix, judge: str) -> dict[JudgedUnit, float]:
    """Return what one judge said."""
    if judge not in opinions.judges:
        return {}
    values = opinions.values[:, opinions.judges.index(judge)].tolist()
    return {
        unit: value
        for unit, value in zip(opinions.units, values, strict=True)
        if not math.isnan(value)
    }


def _select_common_grades(scores: Mapping[JudgedUnit, float]) -> dict[JudgedUnit, float]:
    """Return the grades of what was graded for every model, as the table has them."""
    models = {unit.models for unit in scores}
    held: dict[tuple[str, int, int], int] = defaultdict(int)
    for unit in scores:
        held[unit.question_id, unit.turn, unit.sample] += 1
    return {
        unit: score
        for unit, score in scores.items()
        if held[unit.question_id, unit.turn, unit.sample] == len(models)
    }
