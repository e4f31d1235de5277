"""What several judges said of the same things, and what they say together.

Each judge has one voice on each thing, however often it was asked: several prompts of one judge
are first brought together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.domain import Battle, GradedJudgment
from evalharness.stats import OUTCOME_BY_WINNER, BattleOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from evalharness.stats import FloatArray, IntArray

PANEL = "panel"
"""The name under which the judges' common grades and battles stand."""

_WINNER_BY_OUTCOME = {outcome: winner for winner, outcome in OUTCOME_BY_WINNER.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedUnit:
    """What is judged: one model's answer at a turn, or those of two models in order of name."""

    question_id: str
    turn: int
    sample: int
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JudgmentMatrix:
    """A row a unit, a column a judge; NaN where a judge said nothing that could be read.

    Values are scores, or outcomes of battles (twice the points of the unit's first model).
    """

    units: tuple[JudgedUnit, ...]
    judges: tuple[str, ...]
    values: FloatArray

    @property
    def questions(self) -> IntArray:
        """Each unit's question, as a number."""
        places: dict[str, int] = {}
        return np.array(
            [places.setdefault(unit.question_id, len(places)) for unit in self.units],
            dtype=np.int64,
        )

    @property
    def counts(self) -> dict[str, int]:
        """How many units each judge judged."""
        given = np.sum(~np.isnan(self.values), axis=0)
        return dict(zip(self.judges, given.tolist(), strict=True))

    def without(self, judge: str) -> JudgmentMatrix:
        """Return what the others said, on the units that any of them judged."""
        kept = [place for place, name in enumerate(self.judges) if name != judge]
        judges = tuple(self.judges[place] for place in kept)
        return _drop_empty_units(self.units, judges, self.values[:, kept])

    def only(self, judge: str) -> JudgmentMatrix:
        """Return what one judge said; nothing where it is none of the judges."""
        kept = [place for place, name in enumerate(self.judges) if name == judge]
        return _drop_empty_units(self.units, (judge,) * len(kept), self.values[:, kept])

    def among(self, keep: Callable[[str, int], bool]) -> JudgmentMatrix:
        """Return what was said on the questions and turns that `keep` takes."""
        rows = [n for n, unit in enumerate(self.units) if keep(unit.question_id, unit.turn)]
        units = tuple(self.units[row] for row in rows)
        return _drop_empty_units(units, self.judges, self.values[rows])

    def on_equal_terms(self) -> JudgmentMatrix:
        """Return the grades of judges who, on that question and turn, graded every model.

        A severe judge that graded some of the models only would lower those against the others.
        """
        models = {unit.models for unit in self.units}
        places: dict[tuple[str, int, int], int] = {}
        item = np.array(
            [
                places.setdefault((unit.question_id, unit.turn, unit.sample), len(places))
                for unit in self.units
            ],
            dtype=np.int64,
        )
        graded = np.zeros((len(places), len(self.judges)), dtype=np.int64)
        np.add.at(graded, item, ~np.isnan(self.values))
        is_fair = graded[item] == len(models)
        return _drop_empty_units(self.units, self.judges, np.where(is_fair, self.values, np.nan))


def tabulate_grades(graded: Iterable[GradedJudgment]) -> JudgmentMatrix:
    """Return the scores of all judges; several of one judge on one answer are averaged."""
    said: dict[JudgedUnit, dict[str, list[float]]] = {}
    for grade in graded:
        if grade.score is not None:
            said.setdefault(unit_of_grade(grade), {}).setdefault(grade.judge, []).append(
                grade.score
            )
    return _build_matrix(
        {
            unit: {judge: float(np.mean(scores)) for judge, scores in voices.items()}
            for unit, voices in said.items()
        }
    )


def tabulate_battles(battles: Iterable[Battle]) -> JudgmentMatrix:
    """Return the outcomes of all judges' battles; of several of one judge, the majority's."""
    said: dict[JudgedUnit, dict[str, list[float]]] = {}
    for battle in battles:
        unit, outcome = unit_and_outcome(battle)
        said.setdefault(unit, {}).setdefault(battle.judge, []).append(outcome)
    return _build_matrix(
        {
            unit: {judge: float(_majority_outcome(votes)) for judge, votes in voices.items()}
            for unit, voices in said.items()
        }
    )


def unit_of_grade(grade: GradedJudgment) -> JudgedUnit:
    """Return what a grade is of."""
    return JudgedUnit(
        question_id=grade.question_id,
        turn=grade.turn,
        sample=grade.sample,
        models=(grade.model,),
    )


def unit_and_outcome(battle: Battle) -> tuple[JudgedUnit, int]:
    """Return what a battle was about, and its outcome for the first of the models in order."""
    first, second = sorted((battle.model_a, battle.model_b))
    outcome = int(OUTCOME_BY_WINNER[battle.winner])
    unit = JudgedUnit(
        question_id=battle.question_id,
        turn=battle.turn,
        sample=battle.sample,
        models=(first, second),
    )
    return unit, outcome if battle.model_a == first else BattleOutcome.FIRST_WON - outcome


def average_grades(opinions: JudgmentMatrix) -> tuple[GradedJudgment, ...]:
    """Return one grade for each answer: the mean over the judges who graded it."""
    means = np.nanmean(opinions.values, axis=1) if opinions.units else np.zeros(0)
    return build_panel_grades(opinions.units, means)


def build_panel_grades(
    units: Sequence[JudgedUnit], scores: FloatArray
) -> tuple[GradedJudgment, ...]:
    """Return the panel's grades with given scores."""
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


def settle_by_majority(opinions: JudgmentMatrix) -> tuple[Battle, ...]:
    """Return one battle for each pair: whom more than half of its judges prefer, else a tie."""
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
        for unit, row in zip(opinions.units, opinions.values, strict=True)
    )


def _majority_outcome(votes: Sequence[float]) -> BattleOutcome:
    """Return what more than half of the votes say; a tie when they are split."""
    for outcome in (BattleOutcome.FIRST_WON, BattleOutcome.SECOND_WON):
        if 2 * votes.count(outcome) > len(votes):
            return outcome
    return BattleOutcome.TIE


def _drop_empty_units(
    units: Sequence[JudgedUnit], judges: tuple[str, ...], values: FloatArray
) -> JudgmentMatrix:
    rows = np.flatnonzero(~np.all(np.isnan(values), axis=1)).tolist()
    return JudgmentMatrix(
        units=tuple(units[row] for row in rows), judges=judges, values=values[rows]
    )


def _build_matrix(said: dict[JudgedUnit, dict[str, float]]) -> JudgmentMatrix:
    units = sorted(said, key=lambda unit: (unit.question_id, unit.sample, unit.turn, unit.models))
    judges = sorted({judge for voices in said.values() for judge in voices})
    return JudgmentMatrix(
        units=tuple(units),
        judges=tuple(judges),
        values=np.array(
            [[said[unit].get(judge, np.nan) for judge in judges] for unit in units],
            dtype=np.float64,
        ).reshape(len(units), len(judges)),
    )
