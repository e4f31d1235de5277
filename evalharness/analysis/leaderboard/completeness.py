"""Count how complete each model's evaluation is: graded, unreadable, failed, truncated."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalharness.domain import RunStage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import Answer, Battle, RunRecords


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCompleteness:
    """The counts behind a model's figures.

    Attributes:
        battles: settled battles.
        graded: grades with a score.
        unscored: grades and games that could not be read.
        failed: failures and missing answers.
        truncated: replies that were cut off, by `max_tokens` for example.
        empty: the number of turns without an answer, by their cause.
    """

    battles: int
    graded: int
    unscored: int
    failed: int
    truncated: int
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
    records: RunRecords, battles: Sequence[Battle]
) -> dict[str, ModelCompleteness]:
    """Return the counts of every model of a run."""
    battles_by_model = Counter(model for row in battles for model in (row.model_a, row.model_b))
    graded = Counter(row.model for row in records.graded if row.score is not None)
    unscored = Counter(row.model for row in records.graded if row.score is None)
    for game in records.games:
        if game.verdict is None:
            unscored.update((game.model_a, game.model_b))
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
    """Return the number of questions without a complete answer or a failure of the model.

    The number is 0 for judgments that were imported without the answers of this model or of any
    model.
    """
    models_with_answers = {answer.model for answer in records.answers}
    if not models_with_answers or model not in {*models_with_answers, *records.config.models}:
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
