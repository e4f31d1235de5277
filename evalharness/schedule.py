"""What is to be judged: every task that the models, the questions and the settings make."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from evalharness.errors import ConfigError, close_match

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalharness.domain import JudgingSpec, Question


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedTask:
    """One answer to grade at one turn."""

    question_id: str
    turn: int
    model: str
    sample: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTask:
    """Two answers to compare at one turn, in both orders."""

    question_id: str
    turn: int
    model_a: str
    model_b: str
    sample: int = 0


def graded_tasks(
    models: Sequence[str], questions: Sequence[Question], judging: JudgingSpec
) -> tuple[GradedTask, ...]:
    """Return the grades to give; none when nothing is to be graded.

    One question is finished for all models before the next, so that a run that stops early has
    compared them on equal terms.
    """
    if not judging.graded:
        return ()
    return tuple(
        GradedTask(question_id=question_id, turn=turn, model=model, sample=sample)
        for question_id, sample, turn in _occasions(questions, judging)
        for model in models
    )


def pair_tasks(
    models: Sequence[str], questions: Sequence[Question], judging: JudgingSpec
) -> tuple[PairTask, ...]:
    """Return the pairs to compare, ordered like the grades; none when none are to be compared.

    Raises:
        ConfigError: the baseline is not among the models.
    """
    if not judging.pairwise:
        return ()
    pairs = _pairs(models, judging.baseline)
    return tuple(
        PairTask(
            question_id=question_id, turn=turn, model_a=model_a, model_b=model_b, sample=sample
        )
        for question_id, sample, turn in _occasions(questions, judging)
        for model_a, model_b in pairs
    )


def count_calls(models: Sequence[str], questions: Sequence[Question], judging: JudgingSpec) -> int:
    """Return how often one judge is asked: once for a grade, twice for a pair.

    Raises:
        ConfigError: the baseline is not among the models.
    """
    graded = len(graded_tasks(models, questions, judging))
    return graded + 2 * len(pair_tasks(models, questions, judging))


def _pairs(models: Sequence[str], baseline: str | None) -> list[tuple[str, str]]:
    """Return each pair once, its names in alphabetical order, as battles have them."""
    if baseline is not None and baseline not in models:
        msg = f"judging.baseline={baseline}: must be one of the models {', '.join(models)}"
        raise ConfigError(msg + close_match(baseline, models))
    return [
        (min(pair), max(pair))
        for pair in combinations(models, 2)
        if baseline is None or baseline in pair
    ]


def _occasions(
    questions: Sequence[Question], judging: JudgingSpec
) -> Iterator[tuple[str, int, int]]:
    """Yield question, sample and turn of everything that is judged."""
    for question in questions:
        for sample in range(judging.samples):
            for turn in range(1, len(question.turns) + 1):
                if judging.turns is None or turn in judging.turns:
                    yield question.question_id, sample, turn
