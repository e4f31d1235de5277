"""What a ranking rests on, and parts of it: the figures that the same rule makes of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from evalharness.analysis.estimates.panel import (
    estimate_panel_battles,
    estimate_panel_scores,
    fit_judge_aware_ratings,
)
from evalharness.analysis.estimates.ratings import SMALL_PRIOR_PENALTY, fit_ratings
from evalharness.analysis.estimates.scores import estimate_scores
from evalharness.analysis.judgment_matrix import average_grades, tabulate_grades
from evalharness.domain import Verdict
from evalharness.errors import BattlesError, DisconnectedError
from evalharness.judge import pair_swapped_games
from evalharness.stats import (
    OUTCOME_BY_WINNER,
    BattleOutcome,
    build_comparisons,
    build_comparisons_from_battles,
    find_one_sided_groups,
    require_connected_models,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from evalharness.analysis.estimates.panel import JudgePanel
    from evalharness.domain import Battle, GradedJudgment, Judgment, RunRecords
    from evalharness.stats import Comparisons, FittedRatings

_OUTCOME_BY_VERDICT = {
    Verdict.A: BattleOutcome.FIRST_WON,
    Verdict.TIE: BattleOutcome.TIE,
    Verdict.B: BattleOutcome.SECOND_WON,
}
_PRIOR_NOTE = "Some models won or lost every battle, so ratings carry a small prior."


class RatingMethod(Protocol):
    """A rating model, as `stats.bradley_terry` and `stats.ties` have them."""

    def __call__(
        self, battles: Comparisons, /, *, position: bool = False, penalty: float = 0.0
    ) -> FittedRatings:
        """Return the ratings that the battles give."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFigures:
    """A number a model, the larger the better, and a sentence on what they rest on, if any."""

    values: Mapping[str, float]
    note: str = ""

    @classmethod
    def of(cls, values: Mapping[str, float]) -> ModelFigures:
        """Return figures that are known.

        Raises:
            BattlesError: there are none.
        """
        if not values:
            msg = "not all models have this figure"
            raise BattlesError(msg)
        return cls(values=values)

    @classmethod
    def rated(cls, ratings: FittedRatings) -> ModelFigures:
        """Return ratings as figures."""
        values = dict(zip(ratings.models, ratings.ratings.tolist(), strict=True))
        return cls(values=values, note=_PRIOR_NOTE if ratings.penalty else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedBattles:
    """Battles of which ratings are made; with the small prior where some would be infinite."""

    battles: Comparisons

    def rated(self, method: RatingMethod, *, position: bool = False) -> ModelFigures:
        """Return the figures of a rating model.

        Raises:
            EvalHarnessError: it has none for these battles.
        """
        require_connected_models(self.battles)
        penalty = SMALL_PRIOR_PENALTY if find_one_sided_groups(self.battles) else 0.0
        return ModelFigures.rated(method(self.battles, position=position, penalty=penalty))


@dataclass(frozen=True, kw_only=True)
class RankingEvidence:
    """The judgments that a ranking is made of.

    Attributes:
        records: the run.
        battles: those that are rated, of every judge.
        panel: what its judges said, where there are several.
        is_rated: whether the ranking goes by rating; else it goes by score.
    """

    records: RunRecords
    battles: tuple[Battle, ...]
    panel: JudgePanel | None
    is_rated: bool

    def figures(self) -> ModelFigures:
        """Return what the ranking's own rule makes of this.

        Raises:
            EvalHarnessError: it makes nothing of it.
        """
        return self._ratings() if self.is_rated else self._scores()

    def among(self, keep: Callable[[str, int], bool]) -> RankingEvidence:
        """Return what was judged on the questions and turns that `keep` takes."""
        chosen = replace(
            self.records,
            graded=tuple(each for each in self.records.graded if keep(each.question_id, each.turn)),
        )
        return RankingEvidence(
            records=chosen,
            battles=tuple(each for each in self.battles if keep(each.question_id, each.turn)),
            panel=self.panel.among(keep) if self.panel else None,
            is_rated=self.is_rated,
        )

    def by(self, judge: str) -> RankingEvidence:
        """Return what one judge of the panel said."""
        return replace(self, panel=self.panel.only(judge) if self.panel else None)

    @cached_property
    def settled(self) -> tuple[Battle, ...]:
        """The battles, those of a panel brought together."""
        return self.panel.battles if self.panel else self.battles

    @cached_property
    def comparisons(self) -> RatedBattles:
        """The battles as arrays.

        Raises:
            BattlesError: there are none.
        """
        return RatedBattles(battles=build_comparisons_from_battles(self.settled))

    @cached_property
    def games(self) -> RatedBattles:
        """Every game of a pair in the order that it was shown, for half a battle; and the votes.

        Raises:
            BattlesError: there are none.
        """
        rows = [
            (each.question_id, each.model_a, each.model_b, _OUTCOME_BY_VERDICT[each.verdict], 0.5)
            for pair in pair_swapped_games(self.records.games)
            if all(each.verdict is not None for each in pair)
            for each in pair
            if each.verdict is not None
        ]
        if not rows:
            msg = "no game was judged in both orders"
            raise BattlesError(msg)
        judges = {game.judge for game in self.records.games}
        rows += [
            (each.question_id, each.model_a, each.model_b, OUTCOME_BY_WINNER[each.winner], 1.0)
            for each in self.battles
            if each.judge not in judges
        ]
        questions, first, second, outcome, weight = zip(*rows, strict=True)
        models = sorted({*first, *second})
        place = {model: number for number, model in enumerate(models)}
        return RatedBattles(
            battles=build_comparisons(
                models,
                [place[model] for model in first],
                [place[model] for model in second],
                outcome,
                weight=weight,
                question=_number_labels(questions),
            )
        )

    def graded_battles(self) -> RatedBattles:
        """Return a battle for each two graded answers to a question: the higher grade wins.

        Raises:
            BattlesError: no two answers to a question were graded.
        """
        said = self.panel.grades if self.panel else tabulate_grades(self.records.graded)
        grades = [each for each in average_grades(said) if each.score is not None]
        models = sorted({each.model for each in grades})
        item_of = _number_labels((each.question_id, each.turn, each.sample) for each in grades)
        table = np.full((max(item_of, default=-1) + 1, len(models)), np.nan)
        for item, grade in zip(item_of, grades, strict=True):
            table[item, models.index(grade.model)] = grade.score
        first, second = np.triu_indices(len(models), k=1)
        gap = table[:, first] - table[:, second]
        rows, pair = np.nonzero(~np.isnan(gap))
        if not rows.size:
            msg = "no two answers to a question were graded"
            raise BattlesError(msg)
        question = np.zeros(len(table), dtype=np.int64)
        question[item_of] = _number_labels(each.question_id for each in grades)
        return RatedBattles(
            battles=build_comparisons(
                models,
                first[pair],
                second[pair],
                np.sign(gap[rows, pair]).astype(np.int64) + 1,
                question=question[rows],
            )
        )

    def judge_aware(self) -> ModelFigures:
        """Return the ratings under which each judge has its own discrimination.

        Raises:
            EvalHarnessError: there are none.
        """
        if self.panel is None:
            msg = "there is a single judge"
            raise BattlesError(msg)
        return ModelFigures.rated(fit_judge_aware_ratings(self.panel).ratings)

    @property
    def prompts(self) -> tuple[str, ...]:
        """The judge prompts with which the ranking's judgments were made more than once."""
        asked: dict[tuple[object, ...], set[str]] = defaultdict(set)
        for each in self.records.games if self.is_rated else self.records.graded:
            about = (each.question_id, each.turn, each.sample, each.judge, *_judged_models(each))
            asked[about].add(each.prompt)
        return tuple(sorted({each for own in asked.values() if len(own) > 1 for each in own}))

    @property
    def turns(self) -> tuple[int, ...]:
        """The turns that the ranking's judgments are about."""
        return tuple(sorted({each.turn for each in self._judged}))

    @property
    def questions(self) -> tuple[str, ...]:
        """The questions that the ranking's judgments are about."""
        return tuple(dict.fromkeys(each.question_id for each in self._judged))

    @property
    def _judged(self) -> Sequence[Battle | GradedJudgment]:
        return self.battles if self.is_rated else self.records.graded

    def _ratings(self) -> ModelFigures:
        if self.panel is None:
            ratings, notes = fit_ratings(self.comparisons.battles, level=0.95)
        else:
            standings = estimate_panel_battles(self.panel, None)
            ratings, notes = standings.ratings, standings.notes
        if ratings is None:
            raise DisconnectedError(*notes or ("there are no battles",))
        return ModelFigures.rated(ratings)

    def _scores(self) -> ModelFigures:
        if self.panel is None:
            scores = estimate_scores(self.records)
        else:
            scores = estimate_panel_scores(self.panel, self.records)
        return ModelFigures.of({model: mean.value for model, mean in scores.means.items()})


def _judged_models(judgment: Judgment) -> tuple[str, ...]:
    if judgment.kind == "graded":
        return (judgment.model,)
    return (judgment.model_a, judgment.model_b)


def _number_labels(labels: Iterable[Hashable]) -> list[int]:
    """Return each label as a number, in order of appearance."""
    places: dict[Hashable, int] = {}
    return [places.setdefault(label, len(places)) for label in labels]
