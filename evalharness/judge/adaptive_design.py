"""Which pairs and questions an adaptive run may compare, as the numbers that a design of rounds knows.

A unit is one question on which two models are compared, at all its turns and samples and in both
orders.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from evalharness.domain import PairDesign
from evalharness.judge.settlement import settle_battles
from evalharness.judge.tasks import find_own_family_models, list_pair_tasks
from evalharness.stats import AdaptiveRounds, estimate_adaptive_strengths, list_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalharness.domain import Battle, JudgeSpec, RunRecords, RunSpec
    from evalharness.judge.tasks import PairTask
    from evalharness.stats import ComparisonUnit, FloatArray


def uses_adaptive_pairs(spec: RunSpec) -> bool:
    """Whether a run's pairs are chosen from its judgments."""
    return spec.judging.pairwise and spec.judging.pair_design is PairDesign.ADAPTIVE


def count_calls_beyond_budget(spec: RunSpec, own: JudgeSpec) -> int:
    """Return how many of the calls that all pairs take a budget of pairs rules out."""
    plan = AdaptiveDesign(spec, own)
    return plan.calls - plan.most_calls(plan.rounds(spec))


def describe_adaptive_outcome(spec: RunSpec, records: RunRecords) -> str:
    """Return a sentence: how many calls were made of those that all pairs take, what is decided."""
    (own,) = spec.judges
    plan = AdaptiveDesign(spec, own)
    made = sum(game.judge == own.name for game in records.games)
    told = plan.table(settle_battles(records.games))
    decided = estimate_adaptive_strengths(told, len(spec.models)).decided
    is_complete = np.count_nonzero(~np.isnan(told), axis=1) >= plan.questions
    waiting = int((plan.is_open & ~decided & ~is_complete).sum())
    words = (
        f"adaptive judging: {made:,} of {plan.calls:,} calls for pairs made; the order of "
        f"{int((decided & plan.is_open).sum())} of {int(plan.is_open.sum())} pairs is decided at an "
        "always-valid level of 5%"
    )
    if waiting:
        return f"{words}, {waiting} wait for more"
    return f"{words}; {1 - made / max(plan.calls, 1):.0%} of the calls saved"


class AdaptiveDesign:
    """The pairs and questions of a run, as the numbers that a design knows."""

    def __init__(self, spec: RunSpec, own: JudgeSpec) -> None:
        names = sorted(model.name for model in spec.models)
        spared = find_own_family_models(own, spec.models, spec.judging)
        tasks = list_pair_tasks(names, spec.questions, spec.judging, seed=spec.seed, spared=spared)
        questions = dict.fromkeys(task.question_id for task in tasks)
        self._question = {question_id: number for number, question_id in enumerate(questions)}
        first, second = list_pairs(len(names))
        self._pair = {
            (names[one], names[other]): number
            for number, (one, other) in enumerate(zip(first, second, strict=True))
        }
        self._models = len(names)
        self.questions = len(questions)
        self._tasks: dict[ComparisonUnit, list[PairTask]] = defaultdict(list)
        for task in tasks:
            self._tasks[self._unit(task)].append(task)
        self.is_open = np.zeros(len(first), dtype=np.bool_)
        self.is_open[[pair for pair, _ in self._tasks]] = True
        self.calls = 2 * len(tasks)

    def rounds(self, spec: RunSpec) -> AdaptiveRounds:
        """Return the design at its beginning."""
        budget = spec.judging.budget_pairs
        return AdaptiveRounds(
            self._models,
            self.questions,
            spec.seed,
            is_open=self.is_open,
            most=None if budget is None else budget * len(self._question),
        )

    def calls_of(self, units: Iterable[ComparisonUnit]) -> int:
        """Return how many calls units take."""
        return sum(2 * len(self._tasks[unit]) for unit in units)

    def most_calls(self, rounds: AdaptiveRounds) -> int:
        """Return how many calls a design may take, whichever units it chooses."""
        numbers = sorted((2 * len(tasks) for tasks in self._tasks.values()), reverse=True)
        return sum(numbers[: rounds.most])

    def tasks_of(self, unit: ComparisonUnit) -> Sequence[PairTask]:
        """Return the tasks of a unit."""
        return self._tasks[unit]

    def table(self, battles: Iterable[Battle]) -> FloatArray:
        """Return the points of units: a row a pair, a column a question, NaN for none."""
        by_unit: dict[ComparisonUnit, list[Battle]] = defaultdict(list)
        for battle in battles:
            by_unit[self._unit(battle)].append(battle)
        table = np.full((len(self.is_open), len(self._question)), np.nan)
        for unit, own in by_unit.items():
            table[unit] = mean_points(own)
        return table

    def _unit(self, on: PairTask | Battle) -> ComparisonUnit:
        return self._pair[on.model_a, on.model_b], self._question[on.question_id]


def mean_points(battles: Sequence[Battle]) -> float:
    """Return the mean points of the first model; NaN when there is no battle."""
    if not battles:
        return math.nan
    return sum(battle.winner.points for battle in battles) / len(battles)
