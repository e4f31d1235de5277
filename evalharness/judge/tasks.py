"""What is to be judged: every task that the models, the questions and the settings make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.domain import PairDesign
from evalharness.errors import ConfigError, suggest_close_match
from evalharness.judge.pair_designs import draw_chain_pairs, draw_random_pairs, list_all_pairs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from evalharness.domain import JudgeSpec, JudgingSpec, ModelSpec, Question, RunSpec


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


def find_own_family_models(
    judge: JudgeSpec, models: Sequence[ModelSpec], judging: JudgingSpec
) -> frozenset[str]:
    """Return the models about which a judge gives no judgment, being of their family.

    None when the settings do not exclude them; a model without a family has no relatives.
    """
    if not judging.exclude_own_family or judge.model.family is None:
        return frozenset()
    return frozenset(model.name for model in models if model.family == judge.model.family)


def check_adaptive_design(judging: JudgingSpec, judges: Sequence[JudgeSpec]) -> None:
    """Refuse judges for whom pairs cannot be chosen from the judgments before.

    Raises:
        ConfigError: several judges, who would each be shown other pairs; or one that is asked in a
            batch, where every round would take hours.
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
    """Return what to say beside the figures of a design."""
    if not judging.pairwise or judging.pairs is not PairDesign.ADAPTIVE:
        return ()
    words = (
        "Pairs were chosen adaptively, from the judgments before. Unless all were asked in the end, "
        "intervals of ratings are always-valid: they hold wherever outcomes had the run stop, and "
        "are about half as wide again as those of a fixed design. Win rates are over the pairs chosen."
    )
    return (words,)


def list_graded_tasks(
    models: Sequence[str],
    questions: Sequence[Question],
    judging: JudgingSpec,
    *,
    spared: Collection[str] = (),
) -> tuple[GradedTask, ...]:
    """Return the grades to give; none when nothing is to be graded.

    One question is finished for all models before the next, so that a run that stops early has
    compared them on equal terms.

    Args:
        models: the candidates' names.
        questions: what they are asked.
        judging: what is judged.
        spared: models that this judge does not judge (see `own_family`).
    """
    if not judging.graded:
        return ()
    return tuple(
        GradedTask(question_id=question.question_id, turn=turn, model=model, sample=sample)
        for question in questions
        for sample, turn in _list_judged_turns(question, judging)
        for model in models
        if model not in spared
    )


def list_pair_tasks(
    models: Sequence[str],
    questions: Sequence[Question],
    judging: JudgingSpec,
    *,
    seed: int = 0,
    spared: Collection[str] = (),
) -> tuple[PairTask, ...]:
    """Return the pairs to compare, ordered like the grades; none when none are to be compared.

    A pair that is drawn for a question is compared at each of its turns and samples. All judges
    have the same pairs; one that spares a model leaves out its pairs and gets no others instead.
    Of an adaptive design these are all that may come up.

    Args:
        models: the candidates' names.
        questions: what they are asked.
        judging: what is judged, and which pairs.
        seed: of the order of a chain and of random pairs.
        spared: models that this judge does not judge (see `own_family`).

    Raises:
        ConfigError: the baseline is not among the models, or random pairs have no budget.
    """
    if not judging.pairwise:
        return ()
    pairs = _list_pairs_by_question(models, len(questions), judging, seed)
    return tuple(
        PairTask(
            question_id=question.question_id,
            turn=turn,
            model_a=model_a,
            model_b=model_b,
            sample=sample,
        )
        for question, own in zip(questions, pairs, strict=True)
        for sample, turn in _list_judged_turns(question, judging)
        for model_a, model_b in own
        if model_a not in spared and model_b not in spared
    )


def count_judge_calls(
    models: Sequence[str],
    questions: Sequence[Question],
    judging: JudgingSpec,
    *,
    seed: int = 0,
    spared: Collection[str] = (),
) -> int:
    """Return how often one judge is asked: once for a grade, twice for a pair.

    Raises:
        ConfigError: the baseline is not among the models, or random pairs have no budget.
    """
    graded = len(list_graded_tasks(models, questions, judging, spared=spared))
    return graded + 2 * len(list_pair_tasks(models, questions, judging, seed=seed, spared=spared))


def list_showings(
    spec: RunSpec, judge: JudgeSpec
) -> tuple[tuple[GradedTask | PairTask, tuple[str, ...]], ...]:
    """Return what a judge of a run is shown: each task with its models in the order of showing.

    Its own family is left out where the settings say so. A pair is shown in both orders.

    Raises:
        ConfigError: the baseline is not among the models, or random pairs have no budget.
    """
    names = [model.name for model in spec.models]
    spared = find_own_family_models(judge, spec.models, spec.judging)
    grades = list_graded_tasks(names, spec.questions, spec.judging, spared=spared)
    pairs = list_pair_tasks(names, spec.questions, spec.judging, seed=spec.seed, spared=spared)
    return (
        *((task, (task.model,)) for task in grades),
        *(
            (task, models)
            for task in pairs
            for models in ((task.model_a, task.model_b), (task.model_b, task.model_a))
        ),
    )


def _list_pairs_by_question(
    models: Sequence[str], questions: int, judging: JudgingSpec, seed: int
) -> list[list[tuple[str, str]]]:
    """Return the pairs of each question, their names in alphabetical order, as battles have them."""
    match judging.pair_design:
        case PairDesign.ALL | PairDesign.ADAPTIVE:
            return [list_all_pairs(models)] * questions
        case PairDesign.BASELINE:
            _check_baseline(judging.baseline, models)
            own = [pair for pair in list_all_pairs(models) if judging.baseline in pair]
            return [own] * questions
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


def _list_judged_turns(question: Question, judging: JudgingSpec) -> Iterator[tuple[int, int]]:
    """Yield sample and turn of everything that is judged of a question."""
    for sample in range(judging.samples):
        for turn in range(1, len(question.turns) + 1):
            if judging.turns is None or turn in judging.turns:
                yield sample, turn
