"""Match people's labels with the judgments of each judge, unit by unit."""

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
    """The labels of each unit, one per person: points of the first model of a pair, or grades."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledUnits:
    """The units that a judge judged, with people's labels on some of them.

    Attributes:
        noun: the kind of label, `vote` or `grade`.
        models: the models of the judge's table.
        judged: the judge's value of every unit: points of the pair's first model, or a grade.
        labels: people's values of some of these units.
        categories: the category of each question.
        contradicted: pairs on which a person gave two different votes, with the person's name.
    """

    noun: str
    models: tuple[str, ...]
    judged: Mapping[JudgedUnit, float]
    labels: Labels
    categories: Mapping[str, str]
    contradicted: Mapping[JudgedUnit, str]

    @property
    def label_count(self) -> int:
        """The number of labels."""
        return sum(len(each) for each in self.labels.values())

    @property
    def question_count(self) -> int:
        """The number of questions with labels."""
        return len({unit.question_id for unit in self.labels})

    @property
    def labels_by_model(self) -> Counter[str]:
        """The number of labels on each model."""
        counts: Counter[str] = Counter()
        for unit, labels in self.labels.items():
            counts.update(dict.fromkeys(unit.models, len(labels)))
        return counts

    @property
    def question_numbers(self) -> dict[str, int]:
        """The number of each question that the judge judged."""
        questions = dict.fromkeys(unit.question_id for unit in self.judged)
        return {question: number for number, question in enumerate(questions)}

    def mean_label(self, unit: JudgedUnit) -> float:
        """Return the mean of people's labels of a unit."""
        return float(np.mean(self.labels[unit]))


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeLabels:
    """The labelled work of one judge or of the panel.

    Attributes:
        judge: the judge, or the panel.
        pairs: its battles with people's votes; None without votes.
        answers: its grades with people's grades; None without grades.
    """

    judge: str
    pairs: LabelledUnits | None
    answers: LabelledUnits | None


def collect_judge_labels(
    records: RunRecords, battles: Sequence[Battle], panel: JudgePanel | None
) -> tuple[JudgeLabels, ...]:
    """Return the labelled work of the panel and of each judge, for those that people labelled."""
    votes = [battle for battle in battles if is_human_judge(battle.judge)]
    human_grades = [grade for grade in records.graded if is_human_judge(grade.judge)]
    if not (votes or human_grades):
        return ()
    judge_battles = [battle for battle in battles if not is_human_judge(battle.judge)]
    judge_grades = [grade for grade in records.graded if not is_human_judge(grade.judge)]
    if panel is not None:
        judge_battles += settle_by_majority(panel.verdicts)
        judge_grades += average_grades(select_fair_grades(panel.grades))
    verdicts, scores = tabulate_battles(judge_battles), tabulate_grades(judge_grades)
    votes_by_unit, grades_by_unit = (
        _labels_by_person(map(_vote_points, votes)),
        _labels_by_person(_scored_grades(human_grades)),
    )
    categories = {question.question_id: question.category for question in records.questions}
    labelled = []
    for judge in sorted({*verdicts.judges, *scores.judges}, key=lambda name: (name != PANEL, name)):
        judged_points = {
            unit: outcome / 2 for unit, outcome in _values_of_judge(verdicts, judge).items()
        }
        pairs = _match_labels("vote", judged_points, votes_by_unit, categories)
        answers = _match_labels(
            "grade",
            _select_common_grades(_values_of_judge(scores, judge)),
            grades_by_unit,
            categories,
        )
        if pairs or answers:
            labelled.append(JudgeLabels(judge=judge, pairs=pairs, answers=answers))
    return tuple(labelled)


def _match_labels(
    noun: str,
    judged: Mapping[JudgedUnit, float],
    labels_by_unit: Mapping[JudgedUnit, Mapping[str, Sequence[float]]],
    categories: Mapping[str, str],
) -> LabelledUnits | None:
    """Return the labels of judged units, one per person: a person's several grades are averaged."""
    labels_of_judged = {
        unit: values_by_person
        for unit, values_by_person in labels_by_unit.items()
        if unit in judged
    }
    if not labels_of_judged:
        return None
    return LabelledUnits(
        noun=noun,
        models=tuple(sorted({model for unit in judged for model in unit.models})),
        judged=judged,
        labels={
            unit: [float(np.mean(values)) for values in values_by_person.values()]
            for unit, values_by_person in labels_of_judged.items()
        },
        categories=categories,
        contradicted={
            unit: person
            for unit, values_by_person in labels_of_judged.items()
            for person, values in values_by_person.items()
            if noun == "vote" and len(set(values)) > 1
        },
    )


def _labels_by_person(
    labels: Iterable[tuple[JudgedUnit, str, float]],
) -> dict[JudgedUnit, dict[str, list[float]]]:
    """Return the labels of each unit by person."""
    labels_by_unit: dict[JudgedUnit, dict[str, list[float]]] = {}
    for unit, person, value in labels:
        labels_by_unit.setdefault(unit, {}).setdefault(person, []).append(value)
    return labels_by_unit


def _vote_points(vote: Battle) -> tuple[JudgedUnit, str, float]:
    """Return the unit of a vote, the person, and the points of the first model."""
    unit, outcome = unit_and_outcome(vote)
    return unit, vote.judge, outcome / 2


def _scored_grades(graded: Iterable[GradedJudgment]) -> Iterator[tuple[JudgedUnit, str, float]]:
    """Yield the unit, the person and the score of each grade that has a score."""
    for grade in graded:
        if grade.score is not None:
            yield unit_of_grade(grade), grade.judge, grade.score


def _values_of_judge(matrix: JudgmentMatrix, judge: str) -> dict[JudgedUnit, float]:
    """Return the values of one judge by unit."""
    if judge not in matrix.judges:
        return {}
    values = matrix.values[:, matrix.judges.index(judge)].tolist()
    return {
        unit: value
        for unit, value in zip(matrix.units, values, strict=True)
        if not math.isnan(value)
    }


def _select_common_grades(scores: Mapping[JudgedUnit, float]) -> dict[JudgedUnit, float]:
    """Return the grades on questions that have a grade of every model, as the leaderboard does."""
    models = {unit.models for unit in scores}
    graded_models: dict[tuple[str, int, int], int] = defaultdict(int)
    for unit in scores:
        graded_models[unit.question_id, unit.turn, unit.sample] += 1
    return {
        unit: score
        for unit, score in scores.items()
        if graded_models[unit.question_id, unit.turn, unit.sample] == len(models)
    }
