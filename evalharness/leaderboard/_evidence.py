"""What a ranking rests on, and parts of it: the figures that the same rule makes of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from evalharness.domain import Verdict
from evalharness.errors import BattlesError, DisconnectedError
from evalharness.leaderboard._panel import judge_aware_ratings, panel_scores, panel_standings
from evalharness.leaderboard._scoring import score
from evalharness.leaderboard._standings import PENALTY, rate
from evalharness.panels import grades_by_judge, mean_grades
from evalharness.settle import paired
from evalharness.stats.comparisons import OUTCOME_BY_WINNER, Outcome, compare, from_battles
from evalharness.stats.connectivity import one_sided, require_connected

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from evalharness.domain import Battle, GradedJudgment, Judgment, RunRecords
    from evalharness.leaderboard._panel import Panel
    from evalharness.stats.comparisons import Comparisons
    from evalharness.stats.ratings import Ratings

_OUTCOMES = {
    Verdict.A: Outcome.FIRST_WON,
    Verdict.TIE: Outcome.TIE,
    Verdict.B: Outcome.SECOND_WON,
}
_WITH_PRIOR = "Some models won or lost every battle, so ratings carry a small prior."


class Method(Protocol):
    """A rating model, as `stats.bradley_terry` and `stats.ties` have them."""

    def __call__(
        self, battles: Comparisons, /, *, position: bool = False, penalty: float = 0.0
    ) -> Ratings: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A number a model, the larger the better, and a sentence on what they rest on, if any."""

    values: Mapping[str, float]
    note: str = ""

    @classmethod
    def of(cls, values: Mapping[str, float]) -> Figures:
        """Return figures that are known.

        Raises:
            BattlesError: there are none.
        """
        if not values:
            msg = "not all models have this figure"
            raise BattlesError(msg)
        return cls(values=values)

    @classmethod
    def rated(cls, ratings: Ratings) -> Figures:
        """Return ratings as figures."""
        values = dict(zip(ratings.models, ratings.ratings.tolist(), strict=True))
        return cls(values=values, note=_WITH_PRIOR if ratings.penalty else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fought:
    """Battles of which ratings are made; with the small prior where some would be infinite."""

    battles: Comparisons

    def rated(self, method: Method, *, position: bool = False) -> Figures:
        """Return the figures of a rating model.

        Raises:
            EvalHarnessError: it has none for these battles.
        """
        require_connected(self.battles)
        penalty = PENALTY if one_sided(self.battles) else 0.0
        return Figures.rated(method(self.battles, position=position, penalty=penalty))


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The judgments that a ranking is made of.

    Attributes:
        records: the run.
        battles: those that are rated, of every judge.
        panel: what its judges said, where there are several.
        is_rated: whether the ranking goes by rating; else it goes by score.
    """

    records: RunRecords
    battles: tuple[Battle, ...]
    panel: Panel | None
    is_rated: bool

    def figures(self) -> Figures:
        """Return what the ranking's own rule makes of this.

        Raises:
            EvalHarnessError: it makes nothing of it.
        """
        return self._ratings() if self.is_rated else self._scores()

    def among(self, keep: Callable[[str, int], bool]) -> Evidence:
        """Return what was judged on the questions and turns that `keep` takes."""
        chosen = replace(
            self.records,
            graded=tuple(each for each in self.records.graded if keep(each.question_id, each.turn)),
        )
        return Evidence(
            records=chosen,
            battles=tuple(each for each in self.battles if keep(each.question_id, each.turn)),
            panel=self.panel.among(keep) if self.panel else None,
            is_rated=self.is_rated,
        )

    def by(self, judge: str) -> Evidence:
        """Return what one judge of the panel said."""
        return replace(self, panel=self.panel.only(judge) if self.panel else None)

    @cached_property
    def settled(self) -> tuple[Battle, ...]:
        """The battles, those of a panel brought together."""
        return self.panel.battles if self.panel else self.battles

    @cached_property
    def comparisons(self) -> Fought:
        """The battles as arrays.

        Raises:
            BattlesError: there are none.
        """
        return Fought(battles=from_battles(self.settled))

    @cached_property
    def games(self) -> Fought:
        """Every game of a pair in the order that it was shown, for half a battle; and the votes.

        Raises:
            BattlesError: there are none.
        """
        rows = [
            (each.question_id, each.model_a, each.model_b, _OUTCOMES[each.verdict], 0.5)
            for pair in paired(self.records.games)
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
        return Fought(
            battles=compare(
                models,
                [place[model] for model in first],
                [place[model] for model in second],
                outcome,
                weight=weight,
                question=_numbered(questions),
            )
        )

    def graded_battles(self) -> Fought:
        """Return a battle for each two graded answers to a question: the higher grade wins.

        Raises:
            BattlesError: no two answers to a question were graded.
        """
        said = self.panel.grades if self.panel else grades_by_judge(self.records.graded)
        grades = [each for each in mean_grades(said) if each.score is not None]
        models = sorted({each.model for each in grades})
        item_of = _numbered((each.question_id, each.turn, each.sample) for each in grades)
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
        question[item_of] = _numbered(each.question_id for each in grades)
        return Fought(
            battles=compare(
                models,
                first[pair],
                second[pair],
                np.sign(gap[rows, pair]).astype(np.int64) + 1,
                question=question[rows],
            )
        )

    def judge_aware(self) -> Figures:
        """Return the ratings under which each judge has its own discrimination.

        Raises:
            EvalHarnessError: there are none.
        """
        if self.panel is None:
            msg = "there is a single judge"
            raise BattlesError(msg)
        return Figures.rated(judge_aware_ratings(self.panel).ratings)

    @property
    def prompts(self) -> tuple[str, ...]:
        """The judge prompts with which the ranking's judgments were made more than once."""
        asked: dict[tuple[object, ...], set[str]] = defaultdict(set)
        for each in self.records.games if self.is_rated else self.records.graded:
            about = (each.question_id, each.turn, each.sample, each.judge, *_shown(each))
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

    def _ratings(self) -> Figures:
        if self.panel is None:
            ratings, notes = rate(self.comparisons.battles, level=0.95)
        else:
            standings = panel_standings(self.panel, None)
            ratings, notes = standings.ratings, standings.notes
        if ratings is None:
            raise DisconnectedError(*notes or ("there are no battles",))
        return Figures.rated(ratings)

    def _scores(self) -> Figures:
        if self.panel is None:
            scores = score(self.records)
        else:
            scores = panel_scores(self.panel, self.records)
        return Figures.of({model: mean.value for model, mean in scores.means.items()})


def _shown(judgment: Judgment) -> tuple[str, ...]:
    if judgment.kind == "graded":
        return (judgment.model,)
    return (judgment.model_a, judgment.model_b)


def _numbered(labels: Iterable[Hashable]) -> list[int]:
    """Return each label as a number, in order of appearance."""
    places: dict[Hashable, int] = {}
    return [places.setdefault(label, len(places)) for label in labels]
