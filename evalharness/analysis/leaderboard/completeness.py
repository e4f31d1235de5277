"""Count how complete each model's evaluation is: graded, unreadable, failed, truncated."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalharness.analysis.leaderboard.planned_work import list_planned_stages
from evalharness.domain import RunStage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import Answer, Battle, PairwiseJudgment, RunRecords, Vote


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCompleteness:
    """The counts behind a model's figures.

    Attributes:
        battles: settled battles.
        graded: grades with a score.
        unscored: grades, games and votes without a result.
        failed: failures; of imported answers, those that are missing as well.
        not_asked: answers and judgments that were not asked for before the run stopped.
        truncated: replies that were cut off, by `max_tokens` for example.
        empty: the number of turns without an answer, by their cause.
    """

    battles: int
    graded: int
    unscored: int
    failed: int
    truncated: int
    not_asked: int = 0
    empty: Mapping[str, int] = field(default_factory=dict)


def list_models(records: RunRecords, battles: Sequence[Battle]) -> tuple[str, ...]:
    """Return the models of a run: the configured models in order, then all others by name."""
    found = {answer.model for answer in records.answers}
    found |= {grade.model for grade in records.graded}
    found |= {model for game in records.games for model in (game.model_a, game.model_b)}
    found |= {model for battle in battles for model in (battle.model_a, battle.model_b)}
    found |= {score.model for score in records.benchmarks}
    return tuple(dict.fromkeys([*records.config.models, *sorted(found)]))


def count_completeness(
    records: RunRecords, battles: Sequence[Battle], not_asked: Mapping[str, int]
) -> dict[str, ModelCompleteness]:
    """Return the counts of every model of a run.

    Args:
        records: the run.
        battles: its battles.
        not_asked: the number of answers and judgments that were not asked for yet, by model.
    """
    battles_by_model = Counter(model for row in battles for model in (row.model_a, row.model_b))
    graded = Counter(row.model for row in records.graded if row.score is not None)
    unscored = Counter(row.model for row in records.graded if row.score is None)
    judged: tuple[PairwiseJudgment | Vote, ...] = (*records.games, *records.votes)
    for each in judged:
        if each.unscored is not None:
            unscored.update(each.models)
    truncated = Counter(
        answer.model for answer in records.answers for turn in answer.turns if turn.is_truncated
    )
    empty = count_empty_turns(records)
    failed = _count_failures(records)
    return {
        model: ModelCompleteness(
            battles=battles_by_model[model],
            graded=graded[model],
            unscored=unscored[model],
            failed=failed[model] + _count_missing_answers(records, model),
            truncated=truncated[model],
            not_asked=not_asked.get(model, 0),
            empty=dict(empty.get(model, {})),
        )
        for model in list_models(records, battles)
    }


def count_empty_turns(records: RunRecords) -> dict[str, Counter[str]]:
    """Return the number of turns without an answer, by model and cause."""
    found: dict[str, Counter[str]] = {}
    for answer in records.answers:
        for turn in answer.turns:
            if (cause := turn.empty_cause) is not None:
                found.setdefault(answer.model, Counter())[cause.value] += 1
    return found


def _count_failures(records: RunRecords) -> Counter[str]:
    """Return the number of failures by model.

    A failure does not count if a later attempt succeeded. A judge's failure is not the model's.
    """
    answered = {answer.digest for answer in _select_complete_answers(records)}
    unresolved = {
        (failure.stage, failure.key): failure.model
        for failure in records.failures
        if failure.stage is not RunStage.JUDGE and failure.key not in answered
    }
    return Counter(unresolved.values())


def _count_missing_answers(records: RunRecords, model: str) -> int:
    """Return the number of questions to which the imported answers of a model are missing.

    The number is 0 for runs that request answers themselves, and for judgments that were imported
    without the answers of this model.
    """
    models_with_answers = {answer.model for answer in records.answers}
    if RunStage.ANSWER in list_planned_stages(records) or model not in models_with_answers:
        return 0
    accounted_for = {
        answer.question_id for answer in _select_complete_answers(records) if answer.model == model
    }
    accounted_for |= {failure.question_id for failure in records.failures if failure.model == model}
    return sum(question.question_id not in accounted_for for question in records.questions)


def _select_complete_answers(records: RunRecords) -> list[Answer]:
    """Return the answers with a reply to every turn of their question."""
    turns = {question.question_id: len(question.turns) for question in records.questions}
    return [
        answer
        for answer in records.answers
        if len(answer.turns) >= turns.get(answer.question_id, 0)
    ]
