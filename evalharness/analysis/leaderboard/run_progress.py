"""Measure how much of its work a run has done, and whether it stopped before its end.

What a run was to do follows from its configuration; what it did, from its records. A run that was
limited on purpose is whole. What was never asked for is not a failure.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from evalharness.analysis.leaderboard.planned_work import (
    has_interrupted_stage,
    list_planned_answers,
    list_planned_judgments,
    list_planned_stages,
    uses_adaptive_pairs,
)
from evalharness.domain import RunStage

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from evalharness.analysis.leaderboard.planned_work import WorkUnit
    from evalharness.domain import RunRecords


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkShare:
    """The part of some work that is done.

    Attributes:
        done: the number of units that are there.
        planned: the number of units that the run was to make.
        at_most: whether fewer may have been enough, as in an adaptive run.
    """

    done: int = 0
    planned: int = 0
    at_most: bool = False

    def __str__(self) -> str:
        """Return the share as `28 of 160`."""
        return f"{self.done:,} of {'at most ' if self.at_most else ''}{self.planned:,}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunProgress:
    """How much of its work a run has done.

    Attributes:
        answers: answers with a reply to every turn.
        grades: grades, readable or not.
        battles: pairs of answers that a judge saw in both orders.
        categories: categories of questions with a battle (without battles: a grade; an answer).
        questions: questions with a battle (without battles: a grade; an answer).
        not_asked: the number of answers, grades and games that were not asked for yet.
        not_asked_by_model: their number by model; a game counts for both of its models.
        stopped: what is there of a run that stopped before its end, such as `28 of 160 battles, 2
            of 8 categories`; empty for a whole run.
    """

    answers: WorkShare = WorkShare()
    grades: WorkShare = WorkShare()
    battles: WorkShare = WorkShare()
    categories: WorkShare = WorkShare()
    questions: WorkShare = WorkShare()
    not_asked: int = 0
    not_asked_by_model: Mapping[str, int] = field(default_factory=dict)
    stopped: str = ""

    @property
    def caution(self) -> str:
        """A sentence about a run that stopped; empty for a whole run."""
        if not self.stopped:
            return ""
        return (
            f"STOPPED before the end of the run: {self.stopped}. What was not asked for yet is part "
            "of no figure and is no failure; the same command asks for the rest."
        )


def measure_run_progress(records: RunRecords) -> RunProgress:
    """Return how much of its work a run has done.

    Args:
        records: the run. Merged runs and imported files have no plan, so they count as whole.
    """
    if joined := records.manifest.get("joined"):
        parts = [f"{run['name']}: {run['stopped']}" for run in joined["runs"] if run.get("stopped")]
        return RunProgress(stopped="; ".join(parts))
    stages = list_planned_stages(records)
    answers = list_planned_answers(records) if RunStage.ANSWER in stages else ()
    is_judged = RunStage.JUDGE in stages
    grades, games = list_planned_judgments(records) if is_judged else ((), ())
    is_adaptive = uses_adaptive_pairs(records)
    missing = (
        *_select_not_asked(answers),
        *_select_not_asked(grades),
        *(() if is_adaptive else _select_not_asked(games)),
    )
    battles = _group_games(games)
    main = battles or grades or answers
    progress = RunProgress(
        answers=_share(answers),
        grades=_share(grades),
        battles=_share(battles, at_most=is_adaptive),
        categories=_count_groups(main, {q.question_id: q.category for q in records.questions}),
        questions=_count_groups(main, {q.question_id: q.question_id for q in records.questions}),
        not_asked=len(missing),
        not_asked_by_model=Counter(model for unit in missing for model in unit.models),
    )
    if not missing and not has_interrupted_stage(records):
        return progress
    return replace(progress, stopped=_describe_progress(progress))


def _describe_progress(progress: RunProgress) -> str:
    """Return what is there: battles (without them grades, answers), categories, all else."""
    units = [
        f"{share} {noun}"
        for share, noun in (
            (progress.battles, "battles"),
            (progress.grades, "grades"),
            (progress.answers, "answers"),
        )
        if share.planned and (noun != "answers" or share.done < share.planned)
    ]
    if progress.categories.planned > 1:
        units.insert(1, f"{progress.categories} categories")
    return ", ".join(units) or "not all benchmarks"


def _select_not_asked(units: Sequence[WorkUnit]) -> list[WorkUnit]:
    return [unit for unit in units if not (unit.is_done or unit.is_excused)]


def _group_games(games: Sequence[WorkUnit]) -> list[WorkUnit]:
    """Return one unit for both games of a pair, done if both games are."""
    return [
        second if first.is_done else first
        for first, second in zip(games[::2], games[1::2], strict=True)
    ]


def _share(units: Sequence[WorkUnit], *, at_most: bool = False) -> WorkShare:
    return WorkShare(done=sum(unit.is_done for unit in units), planned=len(units), at_most=at_most)


def _count_groups(units: Collection[WorkUnit], groups: Mapping[str, str]) -> WorkShare:
    """Return how many groups of questions have a unit that is done."""
    done = {groups[unit.question_id] for unit in units if unit.is_done}
    return WorkShare(done=len(done), planned=len({groups[unit.question_id] for unit in units}))
