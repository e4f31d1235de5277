"""Number the pairs and questions of an adaptive run, as the statistics of rounds need them.

A unit is one question on which two models are compared, at all turns and samples and in both
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
    """Whether a run chooses its pairs from its earlier judgments."""
    return spec.judging.pairwise and spec.judging.pair_design is PairDesign.ADAPTIVE


def count_calls_beyond_budget(spec: RunSpec, judge: JudgeSpec) -> int:
    """Return the number of calls for all pairs that exceed the budget of pairs."""
    design = AdaptiveDesign(spec, judge)
    return design.calls - design.max_calls(design.start_rounds(spec))


def describe_adaptive_outcome(spec: RunSpec, records: RunRecords) -> str:
    """Return a sentence on the number of calls made and the number of pairs decided."""
    (judge,) = spec.judges
    design = AdaptiveDesign(spec, judge)
    made = sum(game.judge == judge.name for game in records.games)
    points = design.tabulate_points(settle_battles(records.games))
    decided = estimate_adaptive_strengths(points, len(spec.models)).decided
    is_complete = np.count_nonzero(~np.isnan(points), axis=1) >= design.questions
    undecided = int((design.is_open & ~decided & ~is_complete).sum())
    sentence = (
        f"adaptive judging: {made:,} of {design.calls:,} calls for pairs made; the order of "
        f"{int((decided & design.is_open).sum())} of {int(design.is_open.sum())} pairs is decided "
        "at an always-valid level of 5%"
    )
    if undecided:
        return f"{sentence}, {undecided} wait for more"
    return f"{sentence}; {1 - made / max(design.calls, 1):.0%} of the calls saved"


class AdaptiveDesign:
    """The numbered pairs and questions of a run.

    Attributes:
        questions: the number of questions.
        is_open: for each pair of models, whether it may be compared.
        calls: the number of calls for all pairs on all questions.
    """

    def __init__(self, spec: RunSpec, judge: JudgeSpec) -> None:
        names = sorted(model.name for model in spec.models)
        excluded = find_own_family_models(judge, spec.models, spec.judging)
        tasks = list_pair_tasks(
            names, spec.questions, spec.judging, seed=spec.seed, excluded=excluded
        )
        questions = dict.fromkeys(task.question_id for task in tasks)
        self._question_number = {
            question_id: number for number, question_id in enumerate(questions)
        }
        first, second = list_pairs(len(names))
        self._pair_number = {
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

    def start_rounds(self, spec: RunSpec) -> AdaptiveRounds:
        """Return the rounds before the first choice of units."""
        budget = spec.judging.budget_pairs
        return AdaptiveRounds(
            self._models,
            self.questions,
            spec.seed,
            is_open=self.is_open,
            max_units=None if budget is None else budget * len(self._question_number),
        )

    def count_calls(self, units: Iterable[ComparisonUnit]) -> int:
        """Return the number of calls for these units."""
        return sum(2 * len(self._tasks[unit]) for unit in units)

    def max_calls(self, rounds: AdaptiveRounds) -> int:
        """Return the maximum number of calls of the rounds, over all choices of units."""
        calls_by_unit = sorted((2 * len(tasks) for tasks in self._tasks.values()), reverse=True)
        return sum(calls_by_unit[: rounds.max_units])

    def list_tasks(self, unit: ComparisonUnit) -> Sequence[PairTask]:
        """Return the tasks of a unit."""
        return self._tasks[unit]

    def tabulate_points(self, battles: Iterable[Battle]) -> FloatArray:
        """Return the points of all units, shape (pairs, questions); NaN without a battle."""
        by_unit: dict[ComparisonUnit, list[Battle]] = defaultdict(list)
        for battle in battles:
            by_unit[self._unit(battle)].append(battle)
        points = np.full((len(self.is_open), len(self._question_number)), np.nan)
        for unit, members in by_unit.items():
            points[unit] = mean_points(members)
        return points

    def _unit(self, item: PairTask | Battle) -> ComparisonUnit:
        pair = self._pair_number[item.model_a, item.model_b]
        return pair, self._question_number[item.question_id]


def mean_points(battles: Sequence[Battle]) -> float:
    """Return the mean points of `model_a` (win 1, tie 1/2, loss 0); NaN without a battle."""
    if not battles:
        return math.nan
    return sum(battle.winner.points for battle in battles) / len(battles)
