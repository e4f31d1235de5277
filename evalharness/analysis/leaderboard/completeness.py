"""How much of a model's evaluation is there: graded, unreadable, failed, cut off."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.domain import RunStage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import Answer, Battle, RunRecords


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCompleteness:
    """What stands beside a model's figures.

    `unscored` counts grades and games of it that could not be read; `failed` its failures and
    its missing answers; `truncated` replies that `max_tokens` cut.
    """

    battles: int
    graded: int
    unscored: int
    failed: int
    truncated: int


def list_models(records: RunRecords, battles: Sequence[Battle]) -> tuple[str, ...]:
    """Return the models of a run: the configured ones in order, then others that were found."""
    found = {answer.model for answer in records.answers}
    found |= {grade.model for grade in records.graded}
    found |= {model for game in records.games for model in (game.model_a, game.model_b)}
    found |= {model for battle in battles for model in (battle.model_a, battle.model_b)}
    found |= {score.model for score in records.benchmarks}
    configured = [str(model) for model in records.config.get("models") or ()]
    return tuple(dict.fromkeys([*configured, *sorted(found)]))


def count_completeness(
    records: RunRecords, battles: Sequence[Battle]
) -> dict[str, ModelCompleteness]:
    """Return the counts of every model of a run."""
    fought = Counter(model for each in battles for model in (each.model_a, each.model_b))
    graded = Counter(each.model for each in records.graded if each.score is not None)
    unscored = Counter(each.model for each in records.graded if each.score is None)
    for game in records.games:
        if game.verdict is None:
            unscored.update((game.model_a, game.model_b))
    truncated = Counter(
        answer.model for answer in records.answers for turn in answer.turns if turn.is_truncated
    )
    failed = _count_failures(records)
    return {
        model: ModelCompleteness(
            battles=fought[model],
            graded=graded[model],
            unscored=unscored[model],
            failed=failed[model] + _count_missing_answers(records, model),
            truncated=truncated[model],
        )
        for model in list_models(records, battles)
    }


def _count_failures(records: RunRecords) -> Counter[str]:
    """Count failures by model; what a later attempt answered is none, and a judge's is not its."""
    answered = {answer.digest for answer in _select_complete_answers(records)}
    standing = {
        (failure.stage, failure.key): failure.model
        for failure in records.failures
        if failure.stage is not RunStage.JUDGE and failure.key not in answered
    }
    return Counter(standing.values())


def _count_missing_answers(records: RunRecords, model: str) -> int:
    """Count questions that the model neither answered whole nor failed on.

    Where judgments were imported without the answers, of all models or of one, none is missing.
    """
    configured = records.config.get("models") or ()
    answering = {answer.model for answer in records.answers}
    if not answering or model not in {*answering, *configured}:
        return 0
    there = {
        answer.question_id for answer in _select_complete_answers(records) if answer.model == model
    }
    there |= {failure.question_id for failure in records.failures if failure.model == model}
    return sum(question.question_id not in there for question in records.questions)


def _select_complete_answers(records: RunRecords) -> list[Answer]:
    turns = {question.question_id: len(question.turns) for question in records.questions}
    return [
        answer
        for answer in records.answers
        if len(answer.turns) >= turns.get(answer.question_id, 0)
    ]
