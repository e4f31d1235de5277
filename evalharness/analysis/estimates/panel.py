"""Combine several judges into one panel, by the rule that the run sets.

The panel consists of the judges that graded, or that compared in both orders. Imported votes
(people's votes, labels) are not part of the panel and count as they are.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis.estimates.ratings import (
    BattleEstimates,
    estimate_from_battles,
    find_run_rating_model,
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
from evalharness.domain import DEFAULT_RATING, PanelRule
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
    from evalharness.stats import Comparisons, IntArray, JudgeAwareRatings, RatingModel

IMPORTED_VOTES = "imported votes"
"""The judge name of imported votes in a judge-aware fit."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JudgePanel:
    """The judgments of a panel, and the imported votes.

    Attributes:
        rule: how the judges are combined.
        rating: the rating model of the combined battles.
        grades: the scores of each judge.
        verdicts: the battle outcomes of each judge.
        votes: imported votes.
    """

    rule: PanelRule
    rating: RatingModel
    grades: JudgmentMatrix
    verdicts: JudgmentMatrix
    votes: tuple[Battle, ...]

    @property
    def judges(self) -> tuple[str, ...]:
        """The judges of grades and of pairs, in alphabetical order."""
        return tuple(sorted({*self.grades.judges, *self.verdicts.judges}))

    @property
    def battles(self) -> tuple[Battle, ...]:
        """The majority's battles, then the imported votes."""
        return (*settle_by_majority(self.verdicts), *self.votes)

    def without_judge(self, judge: str) -> JudgePanel:
        """Return the panel without one judge."""
        return replace(
            self,
            grades=self.grades.without_judge(judge),
            verdicts=self.verdicts.without_judge(judge),
        )

    def only_judge(self, judge: str) -> JudgePanel:
        """Return a panel of one judge, without votes and without weights."""
        return JudgePanel(
            rule=PanelRule.AGGREGATE,
            rating=self.rating,
            grades=self.grades.only_judge(judge),
            verdicts=self.verdicts.only_judge(judge),
            votes=(),
        )

    def filter_units(self, is_kept: Callable[[str, int], bool]) -> JudgePanel:
        """Return the panel's judgments of the units that a condition selects.

        Args:
            is_kept: takes a question id and a turn.
        """
        return replace(
            self,
            grades=self.grades.filter_units(is_kept),
            verdicts=self.verdicts.filter_units(is_kept),
            votes=tuple(vote for vote in self.votes if is_kept(vote.question_id, vote.turn)),
        )


def assemble_panel(records: RunRecords, battles: tuple[Battle, ...]) -> JudgePanel | None:
    """Return the panel of a run, or None if no kind of judgment has several judges."""
    game_judges = {game.judge for game in records.games}
    graders = {grade.judge for grade in records.graded if grade.score is not None}
    battle_judges = {battle.judge for battle in battles} & game_judges
    if max(len(graders), len(battle_judges)) <= 1:
        return None
    return JudgePanel(
        rule=records.config.judging.panel,
        rating=find_run_rating_model(records),
        grades=tabulate_grades(records.graded),
        verdicts=tabulate_battles(battle for battle in battles if battle.judge in game_judges),
        votes=tuple(battle for battle in battles if battle.judge not in game_judges),
    )


def estimate_panel_battles(
    panel: JudgePanel, rng: np.random.Generator | None, *, level: float = 0.95
) -> BattleEstimates:
    """Return the estimates from the battles of a panel.

    Win rates and online Elo come from the majority's battles under either rule.

    Args:
        panel: the panel.
        rng: shuffles the battles for online Elo; None estimates ratings only.
        level: the level of the intervals.
    """
    battles = panel.battles
    if not battles:
        return BattleEstimates(rating=panel.rating.name)
    if rng is not None:
        estimates = estimate_from_battles(battles, panel.rating, rng, level=level)
    else:
        estimates = fit_ratings(build_comparisons_from_battles(battles), panel.rating, level)
    if panel.rule is PanelRule.AGGREGATE or estimates.ratings is None:
        return estimates
    if panel.rating.name != DEFAULT_RATING:
        note = f"Ratings are the majority's, as {panel.rating.title} does not weigh judges."
        return replace(estimates, notes=(*estimates.notes, note))
    try:
        weighted = fit_judge_aware_ratings(panel, level=level)
    except EvalHarnessError as error:
        note = f"Ratings are the majority's, as judges could not be weighed: {error}."
        return replace(estimates, notes=(*estimates.notes, note))
    return replace(estimates, ratings=weighted.ratings, notes=())


def estimate_panel_scores(
    panel: JudgePanel, records: RunRecords, *, level: float = 0.95
) -> ScoreEstimates:
    """Return the mean scores of a panel, by its rule."""
    if panel.rule is PanelRule.AGGREGATE or len(panel.grades.judges) <= 1:
        return _aggregate_scores(panel.grades, records, level)
    try:
        return _severity_adjusted_scores(panel.grades, records, level)
    except EvalHarnessError as error:
        scores = _aggregate_scores(panel.grades, records, level)
        note = f"Scores are plain means over judges, as these could not be weighed: {error}."
        return replace(scores, notes=(*scores.notes, note))


def select_fair_grades(grades: JudgmentMatrix) -> JudgmentMatrix:
    """Return the grades of judges that graded every model; all grades if there are none."""
    complete = grades.keep_fully_graded()
    return complete if complete.units else grades


def _aggregate_scores(grades: JudgmentMatrix, records: RunRecords, level: float) -> ScoreEstimates:
    """Return means over the judges that graded every model, with a note on excluded grades."""
    complete, used_grades = grades.keep_fully_graded(), select_fair_grades(grades)
    scores = estimate_scores(replace(records, graded=average_grades(used_grades)), level=level)
    total, used_count = (int(np.sum(~np.isnan(matrix.values))) for matrix in (grades, used_grades))
    if not scores.means:
        return scores
    if not complete.units:
        note = (
            "No judge graded all models on any question, so each score is a mean over other "
            "judges, and a severe one lowers the models that it graded. judging.panel=rater takes "
            "severity out."
        )
    elif used_count < total:
        note = (
            f"Scores are means over the judges who graded every model there: {total - used_count} of "
            f"{total} grades were left out. judging.panel=rater uses them all."
        )
    else:
        return scores
    return replace(scores, notes=(*scores.notes, note))


def fit_judge_aware_ratings(panel: JudgePanel, *, level: float = 0.95) -> JudgeAwareRatings:
    """Return ratings that weigh each judge by its own discrimination.

    Raises:
        EvalHarnessError: the battles do not allow a finite fit.
    """
    comparisons, judges, judge_numbers = _battles_by_judge(panel)
    return judge_aware(comparisons, judges, judge_numbers, level=level)


def _battles_by_judge(panel: JudgePanel) -> tuple[Comparisons, list[str], IntArray]:
    """Return every judge's battles, the judges, and the number of each battle's judge.

    All imported votes have one judge.
    """
    battles, judge_numbers = list(panel.votes), [len(panel.verdicts.judges)] * len(panel.votes)
    for judge_number in range(len(panel.verdicts.judges)):
        verdicts = panel.verdicts
        rows = np.flatnonzero(~np.isnan(verdicts.values[:, judge_number]))
        single_judge = JudgmentMatrix(
            units=tuple(verdicts.units[row] for row in rows),
            judges=(verdicts.judges[judge_number],),
            values=verdicts.values[rows, judge_number : judge_number + 1],
        )
        battles += settle_by_majority(single_judge)
        judge_numbers += [judge_number] * len(rows)
    judges = [*panel.verdicts.judges, *([IMPORTED_VOTES] if panel.votes else [])]
    return build_comparisons_from_battles(battles), judges, np.array(judge_numbers, dtype=np.int64)


def _severity_adjusted_scores(
    grades: JudgmentMatrix, records: RunRecords, level: float
) -> ScoreEstimates:
    """Return scores at common severity; the intervals include the error of the severities."""
    fit = fit_rater_model(grades.values, grades.question_numbers, level=level)
    graded = build_panel_grades(grades.units, fit.score)
    scores = estimate_scores(replace(records, graded=graded), level=level)
    if not scores.means:
        return scores
    models = tuple(scores.means)
    items = [(unit.question_id, unit.turn, unit.sample) for unit in grades.units]
    graded_models = Counter(items)
    means, influence = estimate_adjusted_means(
        fit,
        np.array([models.index(unit.models[0]) for unit in grades.units], dtype=np.int64),
        np.array([graded_models[item] == len(models) for item in items]),
        len(models),
    )
    return replace(
        scores,
        means=dict(zip(models, means, strict=True)),
        influence=influence,
        questions=len(fit.influence),
    )
