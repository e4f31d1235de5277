"""List the answers and judgments that a run was to make, each with whether it is there."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from evalharness.domain import PairDesign, RunStage
from evalharness.errors import ConfigError
from evalharness.judge import find_own_family_models, list_graded_tasks, list_pair_tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from evalharness.domain import RunRecords, SavedModel

STAGES = "stages"
"""The entry of the manifest that lists the stages that were requested of a run."""
STOPPED = "stopped"
"""The entry of the manifest that says why the last session stopped before its end."""
DAMAGE = "damage"
"""The entry of the manifest that says what was lost with an earlier, damaged one."""


class _Place(NamedTuple):
    """What identifies a judgment; the models are in the order in which they are shown."""

    judge: str
    question_id: str
    turn: int
    sample: int
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkUnit:
    """One answer, grade or game that a run was to make.

    Attributes:
        question_id: its question.
        models: the model, or the two models.
        is_done: whether it is there.
        is_excused: whether it failed, or needs an answer that failed or that nobody requests.
    """

    question_id: str
    models: tuple[str, ...]
    is_done: bool
    is_excused: bool


def list_planned_stages(records: RunRecords) -> frozenset[str]:
    """Return the stages that a run was to complete.

    The manifest of a run lists them from the beginning. Without this entry, a stage with a result
    or a failure was to be completed. Merged runs and imported judgments have no plan.
    """
    manifest, config = records.manifest, records.config
    if manifest.get("joined"):
        return frozenset()
    if requested := manifest.get(STAGES):
        return frozenset(map(str, requested))
    if manifest.get("imported"):
        return frozenset()
    failed = {failure.stage for failure in records.failures}
    found = set()
    if config.models and (records.answers or RunStage.ANSWER in failed):
        found.add(RunStage.ANSWER.value)
    if "judging" in config.tree and (records.judgments or RunStage.JUDGE in failed):
        found.add(RunStage.JUDGE.value)
    return frozenset(found)


def has_interrupted_stage(records: RunRecords) -> bool:
    """Return whether the manifest shows that the last session did not come to its end.

    A session that was killed leaves a manifest without an end. One that was interrupted says so;
    that counts where the records do not show what is missing (benchmarks, adaptive pairs).
    """
    manifest = records.manifest
    requested = manifest.get(STAGES)
    if not requested or manifest.get("joined"):
        return False
    if not manifest.get("finished"):
        return True
    is_open = RunStage.BENCHMARK in requested or (
        RunStage.JUDGE in requested and uses_adaptive_pairs(records)
    )
    return is_open and bool(manifest.get(STOPPED))


def list_planned_answers(records: RunRecords) -> tuple[WorkUnit, ...]:
    """Return the answers that a run was to request from its models."""
    failures = _count_failed_answers(records)
    turns = _count_turns(records)
    samples = range(records.config.judging.samples)
    units = []
    for model in _list_asked_models(records):
        for question in records.questions:
            excused = failures[model.name, question.question_id]
            for sample in samples:
                is_done = turns.get((model.name, question.question_id, sample), 0) >= len(
                    question.turns
                )
                units.append(
                    WorkUnit(
                        question_id=question.question_id,
                        models=(model.name,),
                        is_done=is_done,
                        is_excused=not is_done and excused > 0,
                    )
                )
                excused -= not is_done
    return tuple(units)


def list_planned_judgments(
    records: RunRecords,
) -> tuple[tuple[WorkUnit, ...], tuple[WorkUnit, ...]]:
    """Return the grades and the games that a run was to request from its judges.

    Both orders of a pair are after each other. For adaptive pairs, the games are all that might be
    requested. There are none if the pairs do not follow from the configuration.
    """
    config, names = records.config, [model.name for model in _list_asked_models(records)]
    grades: list[_Place] = []
    games: list[_Place] = []
    for judge in config.judges:
        excluded = find_own_family_models(judge, tuple(config.models.values()), config.judging)
        grades += (
            _Place(judge.name, task.question_id, task.turn, task.sample, (task.model,))
            for task in list_graded_tasks(
                names, records.questions, config.judging, excluded=excluded
            )
        )
        with suppress(ConfigError):
            games += (
                _Place(judge.name, task.question_id, task.turn, task.sample, models)
                for task in list_pair_tasks(
                    names, records.questions, config.judging, seed=config.seed, excluded=excluded
                )
                for models in ((task.model_a, task.model_b), (task.model_b, task.model_a))
            )
    marked = tuple(_mark_judgments(records, (*grades, *games)))
    return marked[: len(grades)], marked[len(grades) :]


def uses_adaptive_pairs(records: RunRecords) -> bool:
    """Return whether a run chooses its pairs from its earlier judgments."""
    judging = records.config.judging
    return judging.pairwise and judging.pair_design is PairDesign.ADAPTIVE


def _mark_judgments(records: RunRecords, planned: Iterable[_Place]) -> Iterator[WorkUnit]:
    """Yield judgments as units of work.

    A failure of a judge does not say which models it was shown, so it excuses any missing judgment
    of its question and turn.
    """
    failures = Counter(
        (failure.model, failure.question_id, failure.turn)
        for failure in records.failures
        if failure.stage is RunStage.JUDGE
    )
    failed_answers = _count_failed_answers(records)
    turns, asks_answers = _count_turns(records), RunStage.ANSWER in list_planned_stages(records)
    there = {
        _Place(row.judge, row.question_id, row.turn, row.sample, row.models)
        for row in records.judgments
    }
    for place in planned:
        is_done, is_excused = place in there, False
        if not is_done:
            is_excused = any(
                (failed_answers[model, place.question_id] or not asks_answers)
                and turns.get((model, place.question_id, place.sample), 0) < place.turn
                for model in place.models
            )
            failure = (place.judge, place.question_id, place.turn)
            if not is_excused and failures[failure]:
                failures[failure] -= 1
                is_excused = True
        yield WorkUnit(
            question_id=place.question_id,
            models=place.models,
            is_done=is_done,
            is_excused=is_excused,
        )


def _list_asked_models(records: RunRecords) -> list[SavedModel]:
    """Return the configured models, without those that only have benchmarks."""
    found = {answer.model for answer in records.answers}
    found |= {failure.model for failure in records.failures}
    only_benchmarks = {score.model for score in records.benchmarks} - found
    return [model for name, model in records.config.models.items() if name not in only_benchmarks]


def _count_turns(records: RunRecords) -> dict[tuple[str, str, int], int]:
    """Return the number of replies of each answer, by model, question and sample."""
    return {
        (answer.model, answer.question_id, answer.sample): len(answer.turns)
        for answer in records.answers
    }


def _count_failed_answers(records: RunRecords) -> Counter[tuple[str, str]]:
    """Return the number of failed answers by model and question."""
    return Counter(
        (failure.model, failure.question_id)
        for failure in records.failures
        if failure.stage is RunStage.ANSWER
    )
