"""List the judgments to request: the tasks of a judge for the models, questions and settings."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from evalharness.domain import PairDesign
from evalharness.errors import ConfigError, suggest_close_match
from evalharness.judge.pair_designs import draw_chain_pairs, draw_random_pairs, list_all_pairs
from evalharness.judge.work_order import order_questions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from evalharness.domain import (
        JudgeSpec,
        JudgingSpec,
        ModelSpec,
        Question,
        RunSpec,
        SavedJudge,
        SavedModel,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedTask:
    """One answer to grade at one turn (counted from 1)."""

    question_id: str
    turn: int
    model: str
    sample: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTask:
    """Two answers to compare at one turn (counted from 1), in both orders."""

    question_id: str
    turn: int
    model_a: str
    model_b: str
    sample: int = 0


def find_own_family_models(
    judge: JudgeSpec | SavedJudge,
    models: Sequence[ModelSpec] | Sequence[SavedModel],
    judging: JudgingSpec,
) -> frozenset[str]:
    """Return the names of the models of a judge's own family, which the judge does not judge.

    One common family is enough: a distilled model has those of its weights and of its teacher.

    The set is empty when the settings do not exclude them, or when the judge has no family.
    """
    if not judging.exclude_own_family:
        return frozenset()
    return frozenset(model.name for model in models if model.families & judge.model.families)


def check_adaptive_design(judging: JudgingSpec, judges: Sequence[JudgeSpec]) -> None:
    """Refuse judges for which pairs cannot be chosen adaptively.

    Raises:
        ConfigError: there are several judges (each would get different pairs), or a judge uses a
            batch endpoint (every round would take hours).
    """
    if judging.pairs is not PairDesign.ADAPTIVE:
        return
    if len(judges) > 1:
        names = ", ".join(judge.name for judge in judges)
        msg = f"judging.pairs=adaptive: takes one judge, not {names}; or say judging.pairs=random"
        raise ConfigError(msg)
    if any(judge.model.batch for judge in judges):
        msg = "judging.pairs=adaptive: needs replies at once; set judge.model.batch=false"
        raise ConfigError(msg)


def list_design_cautions(judging: JudgingSpec) -> tuple[str, ...]:
    """Return the cautions that belong to the figures of a pair design."""
    if not judging.pairwise or judging.pairs is not PairDesign.ADAPTIVE:
        return ()
    caution = (
        "Pairs were chosen adaptively, from the judgments before. Unless all were asked in the end, "
        "intervals of ratings are always-valid: they hold wherever outcomes had the run stop, and "
        "are about half as wide again as those of a fixed design. Win rates are over the pairs chosen."
    )
    return (caution,)


def list_graded_tasks(
    models: Sequence[str],
    questions: Sequence[Question],
    judging: JudgingSpec,
    *,
    excluded: Collection[str] = (),
) -> tuple[GradedTask, ...]:
    """Return the grades to request; empty when the settings exclude grading.

    Args:
        models: the names of the candidates.
        questions: the questions that they answer.
        judging: what is judged.
        excluded: models that this judge does not judge (see `find_own_family_models`).
    """
    if not judging.graded:
        return ()
    return tuple(
        GradedTask(question_id=question.question_id, turn=turn, model=model, sample=sample)
        for question in questions
        for sample, turn in _iterate_judged_turns(question, judging)
        for model in models
        if model not in excluded
    )


def list_pair_tasks(
    models: Sequence[str],
    questions: Sequence[Question],
    judging: JudgingSpec,
    *,
    seed: int = 0,
    excluded: Collection[str] = (),
) -> tuple[PairTask, ...]:
    """Return the pairs to compare; empty when the settings exclude them.

    A pair that is chosen for a question is compared at each of its turns and samples. All judges
    get the same pairs. The pairs of excluded models are left out and not replaced. For an adaptive
    design, the result holds every pair that may be chosen.

    Args:
        models: the names of the candidates.
        questions: the questions that they answer.
        judging: what is judged, and which pairs.
        seed: the seed of chain and random pairs.
        excluded: models that this judge does not judge (see `find_own_family_models`).

    Raises:
        ConfigError: the baseline is not among the models, or random pairs have no budget.
    """
    if not judging.pairwise:
        return ()
    pairs_by_question = _list_pairs_by_question(models, len(questions), judging, seed)
    return tuple(
        PairTask(
            question_id=question.question_id,
            turn=turn,
            model_a=model_a,
            model_b=model_b,
            sample=sample,
        )
        for question, pairs in zip(questions, pairs_by_question, strict=True)
        for sample, turn in _iterate_judged_turns(question, judging)
        for model_a, model_b in pairs
        if model_a not in excluded and model_b not in excluded
    )


def list_showings(
    spec: RunSpec, judge: JudgeSpec
) -> tuple[tuple[GradedTask | PairTask, tuple[str, ...]], ...]:
    """Return each task of a judge together with its models in the order shown.

    The tasks are in the order in which they are requested: question by question (see
    `order_questions`), grades before pairs, both orders of a pair after each other. The judge's own
    family is left out where the settings exclude it.

    Raises:
        ConfigError: the baseline is not among the models, or random pairs have no budget.
    """
    names = [model.name for model in spec.models]
    excluded = find_own_family_models(judge, spec.models, spec.judging)
    by_question: dict[str, list[tuple[GradedTask | PairTask, tuple[str, ...]]]] = {
        question.question_id: [] for question in order_questions(spec.questions, spec.seed)
    }
    for grade in list_graded_tasks(names, spec.questions, spec.judging, excluded=excluded):
        by_question[grade.question_id].append((grade, (grade.model,)))
    for pair in list_pair_tasks(
        names, spec.questions, spec.judging, seed=spec.seed, excluded=excluded
    ):
        for models in ((pair.model_a, pair.model_b), (pair.model_b, pair.model_a)):
            by_question[pair.question_id].append((pair, models))
    return tuple(chain.from_iterable(by_question.values()))


def _list_pairs_by_question(
    models: Sequence[str], questions: int, judging: JudgingSpec, seed: int
) -> list[list[tuple[str, str]]]:
    """Return the pairs of each question; the names of a pair are in alphabetical order."""
    match judging.pair_design:
        case PairDesign.ALL | PairDesign.ADAPTIVE:
            return [list_all_pairs(models)] * questions
        case PairDesign.BASELINE:
            _check_baseline(judging.baseline, models)
            pairs = [pair for pair in list_all_pairs(models) if judging.baseline in pair]
            return [pairs] * questions
        case PairDesign.CHAIN:
            return draw_chain_pairs(models, questions, seed, budget=judging.budget_pairs)
        case PairDesign.RANDOM:
            if judging.budget_pairs is None:
                msg = "judging.pairs=random: judging.budget_pairs must say how many a question"
                raise ConfigError(msg)
            return draw_random_pairs(models, questions, seed, budget=judging.budget_pairs)


def _check_baseline(baseline: str | None, models: Sequence[str]) -> None:
    if baseline is None or baseline not in models:
        msg = f"judging.baseline={baseline}: must be one of the models {', '.join(models)}"
        raise ConfigError(msg + suggest_close_match(baseline or "", models))


def _iterate_judged_turns(question: Question, judging: JudgingSpec) -> Iterator[tuple[int, int]]:
    """Yield sample (from 0) and turn (from 1) of each judged reply to a question."""
    for sample in range(judging.samples):
        for turn in range(1, len(question.turns) + 1):
            if judging.turns is None or turn in judging.turns:
                yield sample, turn
