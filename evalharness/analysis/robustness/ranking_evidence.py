"""Hold the judgments behind a ranking, and compute figures from all or a part of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis.estimates.panel import (
    estimate_panel_battles,
    estimate_panel_scores,
    fit_judge_aware_ratings,
)
from evalharness.analysis.estimates.ratings import (
    find_run_rating_model,
    fit_ratings,
)
from evalharness.analysis.estimates.scores import estimate_scores
from evalharness.analysis.judgment_matrix import average_grades, tabulate_grades
from evalharness.analysis.label_numbers import number_labels
from evalharness.analysis.robustness.model_figures import ModelFigures, RatedBattles
from evalharness.errors import BattlesError, DisconnectedError
from evalharness.judge import pair_swapped_games
from evalharness.stats import (
    OUTCOME_BY_VERDICT,
    OUTCOME_BY_WINNER,
    build_comparisons,
    build_comparisons_from_battles,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalharness.analysis.estimates.panel import JudgePanel
    from evalharness.domain import Battle, GradedJudgment, RunRecords
    from evalharness.stats import RatingModel


@dataclass(frozen=True, kw_only=True)
class RankingEvidence:
    """The judgments behind a ranking.

    Attributes:
        records: the run.
        battles: the rated battles of all judges.
        panel: the panel, if there are several judges.
        is_rated: whether the ranking is by rating; otherwise it is by score.
    """

    records: RunRecords
    battles: tuple[Battle, ...]
    panel: JudgePanel | None
    is_rated: bool

    def estimate_figures(self) -> ModelFigures:
        """Return the figures that the ranking's own rule gives.

        Raises:
            EvalHarnessError: the rule gives none.
        """
        return self._estimate_ratings() if self.is_rated else self._estimate_scores()

    def filter_units(self, is_kept: Callable[[str, int], bool]) -> RankingEvidence:
        """Return the judgments of the units that a condition selects.

        Args:
            is_kept: takes a question id and a turn.
        """
        chosen = replace(
            self.records,
            graded=tuple(
                judgment
                for judgment in self.records.graded
                if is_kept(judgment.question_id, judgment.turn)
            ),
        )
        return RankingEvidence(
            records=chosen,
            battles=tuple(
                judgment
                for judgment in self.battles
                if is_kept(judgment.question_id, judgment.turn)
            ),
            panel=self.panel.filter_units(is_kept) if self.panel else None,
            is_rated=self.is_rated,
        )

    def only_judge(self, judge: str) -> RankingEvidence:
        """Return the judgments of one judge of the panel."""
        return replace(self, panel=self.panel.only_judge(judge) if self.panel else None)

    @cached_property
    def settled(self) -> tuple[Battle, ...]:
        """The battles; those of a panel are combined."""
        return self.panel.battles if self.panel else self.battles

    @cached_property
    def rated_battles(self) -> RatedBattles:
        """The battles as arrays.

        Raises:
            BattlesError: there are none.
        """
        return RatedBattles(comparisons=build_comparisons_from_battles(self.settled))

    @cached_property
    def rated_games(self) -> RatedBattles:
        """Each game of a swapped pair as half a battle, in the order shown, and imported votes.

        Raises:
            BattlesError: no game was judged in both orders.
        """
        rows = [
            (game.question_id, game.model_a, game.model_b, OUTCOME_BY_VERDICT[game.verdict], 0.5)
            for pair in pair_swapped_games(self.records.games)
            if all(game.verdict is not None for game in pair)
            for game in pair
            if game.verdict is not None
        ]
        if not rows:
            msg = "no game was judged in both orders"
            raise BattlesError(msg)
        judges = {game.judge for game in self.records.games}
        rows += [
            (game.question_id, game.model_a, game.model_b, OUTCOME_BY_WINNER[game.winner], 1.0)
            for game in self.battles
            if game.judge not in judges
        ]
        questions, first, second, outcome, weight = zip(*rows, strict=True)
        models = sorted({*first, *second})
        model_numbers = {model: index for index, model in enumerate(models)}
        return RatedBattles(
            comparisons=build_comparisons(
                models,
                [model_numbers[model] for model in first],
                [model_numbers[model] for model in second],
                outcome,
                weight=weight,
                question=number_labels(questions),
            )
        )

    def compare_grades(self) -> RatedBattles:
        """Return a battle for each pair of graded answers to a question; the higher grade wins.

        Raises:
            BattlesError: no two answers to a question were graded.
        """
        matrix = self.panel.grades if self.panel else tabulate_grades(self.records.graded)
        grades = [grade for grade in average_grades(matrix) if grade.score is not None]
        models = sorted({grade.model for grade in grades})
        item_of = number_labels((grade.question_id, grade.turn, grade.sample) for grade in grades)
        table = np.full((max(item_of, default=-1) + 1, len(models)), np.nan)
        for item, grade in zip(item_of, grades, strict=True):
            table[item, models.index(grade.model)] = grade.score
        first, second = np.triu_indices(len(models), k=1)
        difference = table[:, first] - table[:, second]
        rows, pair = np.nonzero(~np.isnan(difference))
        if not rows.size:
            msg = "no two answers to a question were graded"
            raise BattlesError(msg)
        question = np.zeros(len(table), dtype=np.int64)
        question[item_of] = number_labels(grade.question_id for grade in grades)
        return RatedBattles(
            comparisons=build_comparisons(
                models,
                first[pair],
                second[pair],
                np.sign(difference[rows, pair]).astype(np.int64) + 1,
                question=question[rows],
            )
        )

    def fit_judge_aware(self) -> ModelFigures:
        """Return ratings that weigh each judge by its own discrimination.

        Raises:
            EvalHarnessError: the ratings cannot be fitted.
        """
        if self.panel is None:
            msg = "there is a single judge"
            raise BattlesError(msg)
        return ModelFigures.from_ratings(fit_judge_aware_ratings(self.panel).ratings)

    @property
    def rating_model(self) -> RatingModel:
        """The rating model of the run."""
        return find_run_rating_model(self.records)

    @property
    def prompts(self) -> tuple[str, ...]:
        """The judge prompts of units that were judged with several prompts."""
        prompts_by_unit: dict[tuple[object, ...], set[str]] = defaultdict(set)
        for judgment in self.records.games if self.is_rated else self.records.graded:
            unit = (
                judgment.question_id,
                judgment.turn,
                judgment.sample,
                judgment.judge,
                *judgment.models,
            )
            prompts_by_unit[unit].add(judgment.prompt)
        return tuple(
            sorted(
                {
                    judgment
                    for prompts in prompts_by_unit.values()
                    if len(prompts) > 1
                    for judgment in prompts
                }
            )
        )

    @property
    def turns(self) -> tuple[int, ...]:
        """The turns of the ranking's judgments."""
        return tuple(sorted({each.turn for each in self._judged}))

    @property
    def questions(self) -> tuple[str, ...]:
        """The questions of the ranking's judgments."""
        return tuple(dict.fromkeys(each.question_id for each in self._judged))

    @property
    def _judged(self) -> Sequence[Battle | GradedJudgment]:
        """The judgments that the ranking uses: battles, or else grades."""
        return self.battles if self.is_rated else self.records.graded

    def _estimate_ratings(self) -> ModelFigures:
        """Return the ratings that the leaderboard would give."""
        if self.panel is None:
            estimates = fit_ratings(self.rated_battles.comparisons, self.rating_model, level=0.95)
        else:
            estimates = estimate_panel_battles(self.panel, None)
        if estimates.ratings is None:
            raise DisconnectedError(*estimates.notes or ("there are no battles",))
        return ModelFigures.from_ratings(estimates.ratings)

    def _estimate_scores(self) -> ModelFigures:
        """Return the scores that the leaderboard would give."""
        if self.panel is None:
            scores = estimate_scores(self.records)
        else:
            scores = estimate_panel_scores(self.panel, self.records)
        return ModelFigures.from_values({model: mean.value for model, mean in scores.means.items()})
