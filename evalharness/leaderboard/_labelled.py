"""What people labelled of what each judge judged, unit by unit."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.leaderboard._panel import fair_grades
from evalharness.panels import (
    PANEL,
    Opinions,
    Unit,
    answer_of,
    grades_by_judge,
    majority_battles,
    mean_grades,
    outcome_of,
    verdicts_by_judge,
)
from evalharness.stats.people import is_person

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from evalharness.domain import Battle, GradedJudgment, RunRecords
    from evalharness.leaderboard._panel import Panel

    Labels = Mapping[Unit, Sequence[float]]
    """Several people may label one unit: of a pair, the points of its first model; or grades."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """What people labelled of what a judge judged.

    `judged` has the judge's value of every unit (a pair's points of its first model, or an answer's
    grade), `labels` people's of some of these. `noun` is what a label is; `models` are those of
    the judge's table; `categories` those of the questions. `contradicted` are the pairs on which
    a person voted twice and not alike, with that person's name.
    """

    noun: str
    models: tuple[str, ...]
    judged: Mapping[Unit, float]
    labels: Labels
    categories: Mapping[str, str]
    contradicted: Mapping[Unit, str]

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

    def mean(self, unit: Unit) -> float:
        """Return people's mean label of a unit."""
        return float(np.mean(self.labels[unit]))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledWork:
    """A judge's battles and grades with people's labels of them; None where there are none."""

    judge: str
    pairs: Labelled | None
    answers: Labelled | None


def labelled_work(
    records: RunRecords, battles: Sequence[Battle], panel: Panel | None
) -> tuple[LabelledWork, ...]:
    """Return the work of the panel and of each judge of which people labelled something."""
    votes = [battle for battle in battles if is_person(battle.judge)]
    grades = [grade for grade in records.graded if is_person(grade.judge)]
    if not (votes or grades):
        return ()
    own = [battle for battle in battles if not is_person(battle.judge)]
    graded = [grade for grade in records.graded if not is_person(grade.judge)]
    if panel is not None:
        own += majority_battles(panel.verdicts)
        graded += mean_grades(fair_grades(panel.grades))
    verdicts, scores = verdicts_by_judge(own), grades_by_judge(graded)
    voted, given = _said(map(_points, votes)), _said(_grades(grades))
    categories = {question.question_id: question.category for question in records.questions}
    found = []
    for judge in sorted({*verdicts.judges, *scores.judges}, key=lambda name: (name != PANEL, name)):
        points = {unit: outcome / 2 for unit, outcome in _of(verdicts, judge).items()}
        pairs = _labelled("vote", points, voted, categories)
        answers = _labelled("grade", _in_common(_of(scores, judge)), given, categories)
        if pairs or answers:
            found.append(LabelledWork(judge=judge, pairs=pairs, answers=answers))
    return tuple(found)


def _labelled(
    noun: str,
    judged: Mapping[Unit, float],
    said: Mapping[Unit, Mapping[str, Sequence[float]]],
    categories: Mapping[str, str],
) -> Labelled | None:
    """Return labels on what was judged, one a person; several grades of one person are averaged."""
    own = {unit: people for unit, people in said.items() if unit in judged}
    if not own:
        return None
    return Labelled(
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


def _said(labels: Iterable[tuple[Unit, str, float]]) -> dict[Unit, dict[str, list[float]]]:
    """Return what each person said of each unit."""
    said: dict[Unit, dict[str, list[float]]] = {}
    for unit, person, value in labels:
        said.setdefault(unit, {}).setdefault(person, []).append(value)
    return said


def _points(vote: Battle) -> tuple[Unit, str, float]:
    unit, outcome = outcome_of(vote)
    return unit, vote.judge, outcome / 2


def _grades(graded: Iterable[GradedJudgment]) -> Iterator[tuple[Unit, str, float]]:
    for grade in graded:
        if grade.score is not None:
            yield answer_of(grade), grade.judge, grade.score


def _of(opinions: Opinions, judge: str) -> dict[Unit, float]:
    """Return what one judge said."""
    if judge not in opinions.judges:
        return {}
    values = opinions.values[:, opinions.judges.index(judge)].tolist()
    return {
        unit: value
        for unit, value in zip(opinions.units, values, strict=True)
        if not math.isnan(value)
    }


def _in_common(scores: Mapping[Unit, float]) -> dict[Unit, float]:
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
