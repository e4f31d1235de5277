"""Arrange the judgments of several judges as a matrix, and combine them into panel judgments.

Each judge has one value per unit. Several judgments of one judge on a unit, such as those of
several prompts, are combined first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis.label_numbers import number_labels
from evalharness.domain import Battle, GradedJudgment
from evalharness.stats import OUTCOME_BY_WINNER, BattleOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from evalharness.stats import FloatArray, IntArray

PANEL = "panel"
"""The judge name of combined grades and battles."""

_WINNER_BY_OUTCOME = {outcome: winner for winner, outcome in OUTCOME_BY_WINNER.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedUnit:
    """What is judged: one model's answer to a turn, or the answers of two models.

    Attributes:
        question_id: the question.
        turn: counted from 1.
        sample: which of the models' answers.
        models: one model, or two in alphabetical order.
    """

    question_id: str
    turn: int
    sample: int
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JudgmentMatrix:
    """The judgments of several judges: one row per unit, one column per judge.

    Attributes:
        units: the units that at least one judge judged.
        judges: the judges, in alphabetical order.
        values: scores, or outcomes of battles (twice the points of the unit's first model); NaN
            where a judge has no readable judgment.
    """

    units: tuple[JudgedUnit, ...]
    judges: tuple[str, ...]
    values: FloatArray

    @property
    def question_numbers(self) -> IntArray:
        """The number of each unit's question."""
        return number_labels(unit.question_id for unit in self.units)

    @property
    def counts_by_judge(self) -> dict[str, int]:
        """The number of units that each judge judged."""
        counts = np.sum(~np.isnan(self.values), axis=0)
        return dict(zip(self.judges, counts.tolist(), strict=True))

    def without_judge(self, judge: str) -> JudgmentMatrix:
        """Return the matrix without one judge."""
        columns = [column for column, name in enumerate(self.judges) if name != judge]
        judges = tuple(self.judges[column] for column in columns)
        return _drop_empty_units(self.units, judges, self.values[:, columns])

    def only_judge(self, judge: str) -> JudgmentMatrix:
        """Return the matrix of one judge; it is empty if the judge is unknown."""
        columns = [column for column, name in enumerate(self.judges) if name == judge]
        return _drop_empty_units(self.units, (judge,) * len(columns), self.values[:, columns])

    def filter_units(self, is_kept: Callable[[str, int], bool]) -> JudgmentMatrix:
        """Return the matrix of the units that a condition selects.

        Args:
            is_kept: takes a question id and a turn.
        """
        rows = [row for row, unit in enumerate(self.units) if is_kept(unit.question_id, unit.turn)]
        units = tuple(self.units[row] for row in rows)
        return _drop_empty_units(units, self.judges, self.values[rows])

    def keep_fully_graded(self) -> JudgmentMatrix:
        """Return the grades of judges that graded every model on a question and turn.

        A severe judge that graded only some models would lower those models against the others.
        """
        models = {unit.models for unit in self.units}
        item = number_labels((unit.question_id, unit.turn, unit.sample) for unit in self.units)
        graded_models = np.zeros((item.max(initial=-1) + 1, len(self.judges)), dtype=np.int64)
        np.add.at(graded_models, item, ~np.isnan(self.values))
        is_complete = graded_models[item] == len(models)
        return _drop_empty_units(
            self.units, self.judges, np.where(is_complete, self.values, np.nan)
        )


def tabulate_grades(graded: Iterable[GradedJudgment]) -> JudgmentMatrix:
    """Return the scores of all judges; several scores of one judge on an answer are averaged."""
    scores_by_unit: dict[JudgedUnit, dict[str, list[float]]] = {}
    for grade in graded:
        if grade.score is not None:
            scores_by_unit.setdefault(unit_of_grade(grade), {}).setdefault(grade.judge, []).append(
                grade.score
            )
    return _build_matrix(
        {
            unit: {judge: float(np.mean(scores)) for judge, scores in scores_by_judge.items()}
            for unit, scores_by_judge in scores_by_unit.items()
        }
    )


def tabulate_battles(battles: Iterable[Battle]) -> JudgmentMatrix:
    """Return the outcomes of all judges; several outcomes of one judge are settled by majority."""
    outcomes_by_unit: dict[JudgedUnit, dict[str, list[float]]] = {}
    for battle in battles:
        unit, outcome = unit_and_outcome(battle)
        outcomes_by_unit.setdefault(unit, {}).setdefault(battle.judge, []).append(outcome)
    return _build_matrix(
        {
            unit: {
                judge: float(_majority_outcome(outcomes))
                for judge, outcomes in outcomes_by_judge.items()
            }
            for unit, outcomes_by_judge in outcomes_by_unit.items()
        }
    )


def unit_of_grade(grade: GradedJudgment) -> JudgedUnit:
    """Return the unit that a grade judges."""
    return JudgedUnit(
        question_id=grade.question_id,
        turn=grade.turn,
        sample=grade.sample,
        models=(grade.model,),
    )


def unit_and_outcome(battle: Battle) -> tuple[JudgedUnit, int]:
    """Return the unit that a battle judges, and its outcome for the unit's first model."""
    first, second = sorted((battle.model_a, battle.model_b))
    outcome = int(OUTCOME_BY_WINNER[battle.winner])
    unit = JudgedUnit(
        question_id=battle.question_id,
        turn=battle.turn,
        sample=battle.sample,
        models=(first, second),
    )
    return unit, outcome if battle.model_a == first else BattleOutcome.FIRST_WON - outcome


def average_grades(matrix: JudgmentMatrix) -> tuple[GradedJudgment, ...]:
    """Return one grade per answer: the mean over the judges that graded it."""
    means = np.nanmean(matrix.values, axis=1) if matrix.units else np.zeros(0)
    return build_panel_grades(matrix.units, means)


def build_panel_grades(
    units: Sequence[JudgedUnit], scores: FloatArray
) -> tuple[GradedJudgment, ...]:
    """Return grades of the panel with the given scores."""
    return tuple(
        GradedJudgment(
            question_id=unit.question_id,
            turn=unit.turn,
            judge=PANEL,
            prompt=PANEL,
            model=unit.models[0],
            sample=unit.sample,
            score=score,
            reply="",
            digest="",
        )
        for unit, score in zip(units, scores.tolist(), strict=True)
    )


def settle_by_majority(matrix: JudgmentMatrix) -> tuple[Battle, ...]:
    """Return one battle per pair: more than half of the judges decide, else it is a tie."""
    return tuple(
        Battle(
            question_id=unit.question_id,
            turn=unit.turn,
            judge=PANEL,
            model_a=unit.models[0],
            model_b=unit.models[1],
            sample=unit.sample,
            winner=_WINNER_BY_OUTCOME[_majority_outcome(row[~np.isnan(row)].tolist())],
        )
        for unit, row in zip(matrix.units, matrix.values, strict=True)
    )


def _majority_outcome(votes: Sequence[float]) -> BattleOutcome:
    """Return the outcome of more than half of the votes; a tie if there is none."""
    for outcome in (BattleOutcome.FIRST_WON, BattleOutcome.SECOND_WON):
        if 2 * votes.count(outcome) > len(votes):
            return outcome
    return BattleOutcome.TIE


def _drop_empty_units(
    units: Sequence[JudgedUnit], judges: tuple[str, ...], values: FloatArray
) -> JudgmentMatrix:
    """Return a matrix without the units that no judge judged."""
    rows = np.flatnonzero(~np.all(np.isnan(values), axis=1)).tolist()
    return JudgmentMatrix(
        units=tuple(units[row] for row in rows), judges=judges, values=values[rows]
    )


def _build_matrix(values_by_unit: dict[JudgedUnit, dict[str, float]]) -> JudgmentMatrix:
    """Return values by unit and judge as a matrix."""
    units = sorted(
        values_by_unit, key=lambda unit: (unit.question_id, unit.sample, unit.turn, unit.models)
    )
    judges = sorted(
        {judge for values_by_judge in values_by_unit.values() for judge in values_by_judge}
    )
    return JudgmentMatrix(
        units=tuple(units),
        judges=tuple(judges),
        values=np.array(
            [[values_by_unit[unit].get(judge, np.nan) for judge in judges] for unit in units],
            dtype=np.float64,
        ).reshape(len(units), len(judges)),
    )
