"""A table from several judges: brought together by a rule, with what each of them is worth.

The panel is made of the judges who graded, or who compared in both orders. Votes that were
imported (people's, labels') stand beside it as they are.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis.estimates.ratings import (
    BattleEstimates,
    estimate_from_battles,
    fit_ratings,
)
from evalharness.analysis.estimates.scores import ScoreEstimates, estimate_scores
from evalharness.analysis.judgment_matrix import (
    JudgmentMatrix,
    average_grades,
    build_panel_grades,
    settle_by_majority,
    tabulate_battles,
    tabulate_grades,
)
from evalharness.domain import PanelRule
from evalharness.errors import EvalHarnessError
from evalharness.stats import (
    build_comparisons_from_battles,
    estimate_adjusted_means,
    fit_rater_model,
    judge_aware,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalharness.domain import Battle, RunRecords
    from evalharness.stats import Comparisons, IntArray, JudgeAwareRatings

IMPORTED_VOTES = "imported votes"
"""The seat of votes in a judge-aware fit."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JudgePanel:
    """What the judges said, and the votes beside it."""

    rule: PanelRule
    grades: JudgmentMatrix
    verdicts: JudgmentMatrix
    votes: tuple[Battle, ...]

    @property
    def judges(self) -> tuple[str, ...]:
        """All judges, of grades and of pairs."""
        return tuple(sorted({*self.grades.judges, *self.verdicts.judges}))

    @property
    def battles(self) -> tuple[Battle, ...]:
        """The majority's battles, then the votes."""
        return (*settle_by_majority(self.verdicts), *self.votes)

    def without(self, judge: str) -> JudgePanel:
        """Return the panel without a judge."""
        return replace(
            self,
            grades=self.grades.without(judge),
            verdicts=self.verdicts.without(judge),
        )

    def only(self, judge: str) -> JudgePanel:
        """Return one judge as a panel of its own, without votes; nobody is weighed there."""
        return JudgePanel(
            rule=PanelRule.AGGREGATE,
            grades=self.grades.only(judge),
            verdicts=self.verdicts.only(judge),
            votes=(),
        )

    def among(self, keep: Callable[[str, int], bool]) -> JudgePanel:
        """Return what the judges said on the questions and turns that `keep` takes."""
        return replace(
            self,
            grades=self.grades.among(keep),
            verdicts=self.verdicts.among(keep),
            votes=tuple(vote for vote in self.votes if keep(vote.question_id, vote.turn)),
        )


def assemble_panel(records: RunRecords, battles: tuple[Battle, ...]) -> JudgePanel | None:
    """Return the panel of a run, or None when there are not several judges of one kind."""
    players = {game.judge for game in records.games}
    graders = {grade.judge for grade in records.graded if grade.score is not None}
    settlers = {battle.judge for battle in battles} & players
    if max(len(graders), len(settlers)) <= 1:
        return None
    judging = records.config.get("judging")
    rule = judging.get("panel") if isinstance(judging, dict) else None
    return JudgePanel(
        rule=PanelRule(rule or PanelRule.AGGREGATE),
        grades=tabulate_grades(records.graded),
        verdicts=tabulate_battles(battle for battle in battles if battle.judge in players),
        votes=tuple(battle for battle in battles if battle.judge not in players),
    )


def estimate_panel_battles(
    panel: JudgePanel, rng: np.random.Generator | None, *, level: float = 0.95
) -> BattleEstimates:
    """Return what the judges' battles say; without `rng`, the ratings only.

    Win rates and online Elo are the majority's under either rule.
    """
    battles = panel.battles
    if not battles:
        return BattleEstimates()
    if rng is not None:
        standings = estimate_from_battles(battles, rng, level=level)
    else:
        ratings, notes = fit_ratings(build_comparisons_from_battles(battles), level)
        standings = BattleEstimates(ratings=ratings, notes=notes)
    if panel.rule is PanelRule.AGGREGATE or standings.ratings is None:
        return standings
    try:
        rated = fit_judge_aware_ratings(panel, level=level)
    except EvalHarnessError as error:
        note = f"Ratings are the majority's, as judges could not be weighed: {error}."
        return replace(standings, notes=(*standings.notes, note))
    return replace(standings, ratings=rated.ratings, notes=())


def estimate_panel_scores(
    panel: JudgePanel, records: RunRecords, *, level: float = 0.95
) -> ScoreEstimates:
    """Return the mean scores of the judges' common grades."""
    if panel.rule is PanelRule.AGGREGATE or len(panel.grades.judges) <= 1:
        return _aggregate_scores(panel.grades, records, level)
    try:
        return _severity_adjusted_scores(panel.grades, records, level)
    except EvalHarnessError as error:
        plain = _aggregate_scores(panel.grades, records, level)
        note = f"Scores are plain means over judges, as these could not be weighed: {error}."
        return replace(plain, notes=(*plain.notes, note))


def select_fair_grades(opinions: JudgmentMatrix) -> JudgmentMatrix:
    """Return the grades of judges on equal terms, or all where there are no such."""
    fair = opinions.on_equal_terms()
    return fair if fair.units else opinions


def _aggregate_scores(
    opinions: JudgmentMatrix, records: RunRecords, level: float
) -> ScoreEstimates:
    """Return scores of means over judges, where they can be on equal terms, with what was not."""
    fair, used = opinions.on_equal_terms(), select_fair_grades(opinions)
    scores = estimate_scores(replace(records, graded=average_grades(used)), level=level)
    total, left = (int(np.sum(~np.isnan(each.values))) for each in (opinions, used))
    if not scores.means:
        return scores
    if not fair.units:
        note = (
            "No judge graded all models on any question, so each score is a mean over other "
            "judges, and a severe one lowers the models that it graded. judging.panel=rater takes "
            "severity out."
        )
    elif left < total:
        note = (
            f"Scores are means over the judges who graded every model there: {total - left} of "
            f"{total} grades were left out. judging.panel=rater uses them all."
        )
    else:
        return scores
    return replace(scores, notes=(*scores.notes, note))


def fit_judge_aware_ratings(panel: JudgePanel, *, level: float = 0.95) -> JudgeAwareRatings:
    """Return the ratings under which each judge has its own discrimination.

    Raises:
        EvalHarnessError: the battles do not allow a finite fit.
    """
    comparisons, judges, seats = _battles_by_judge(panel)
    return judge_aware(comparisons, judges, seats, level=level)


def _battles_by_judge(panel: JudgePanel) -> tuple[Comparisons, list[str], IntArray]:
    """Return every judge's battles with their judges; one seat is that of all votes."""
    battles, seats = list(panel.votes), [len(panel.verdicts.judges)] * len(panel.votes)
    for place in range(len(panel.verdicts.judges)):
        own = panel.verdicts
        rows = np.flatnonzero(~np.isnan(own.values[:, place]))
        alone = JudgmentMatrix(
            units=tuple(own.units[row] for row in rows),
            judges=(own.judges[place],),
            values=own.values[rows, place : place + 1],
        )
        battles += settle_by_majority(alone)
        seats += [place] * len(rows)
    judges = [*panel.verdicts.judges, *([IMPORTED_VOTES] if panel.votes else [])]
    return build_comparisons_from_battles(battles), judges, np.array(seats, dtype=np.int64)


def _severity_adjusted_scores(
    opinions: JudgmentMatrix, records: RunRecords, level: float
) -> ScoreEstimates:
    """Return scores at common severity; their intervals know that severities are estimates."""
    raters = fit_rater_model(opinions.values, opinions.questions, level=level)
    graded = build_panel_grades(opinions.units, raters.score)
    scores = estimate_scores(replace(records, graded=graded), level=level)
    if not scores.means:
        return scores
    models = tuple(scores.means)
    items = [(unit.question_id, unit.turn, unit.sample) for unit in opinions.units]
    answered = Counter(items)
    means, covariance = estimate_adjusted_means(
        raters,
        np.array([models.index(unit.models[0]) for unit in opinions.units], dtype=np.int64),
        np.array([answered[item] == len(models) for item in items]),
        len(models),
    )
    return replace(
        scores,
        means=dict(zip(models, means, strict=True)),
        covariance=covariance,
        questions=len(raters.influence),
    )
