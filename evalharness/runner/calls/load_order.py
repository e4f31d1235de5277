"""Decide which models are loaded at the same time, so that weights are loaded once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.backends import find_backend

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalharness.domain import JudgeSpec, ModelSpec


@dataclass(frozen=True, slots=True)
class LoadStep:
    """Models and judges that are connected at the same time."""

    models: list[ModelSpec]
    judges: list[JudgeSpec]


def occupied_memory(spec: ModelSpec) -> str | None:
    """Return a name for the memory that a model takes on this machine, or None if it takes none."""
    return find_backend(spec.backend).name_memory(spec)


def plan_load_steps(
    models: Sequence[ModelSpec],
    judges: Sequence[JudgeSpec],
    occupies: Callable[[ModelSpec], str | None] = occupied_memory,
) -> tuple[LoadStep, list[LoadStep]]:
    """Return the step that takes no memory here, and the steps that are loaded one by one.

    One judge that shares its weights with candidates is put into their step, after all other
    candidates, so that these weights are loaded once.

    Args:
        models: the candidates.
        judges: the judges.
        occupies: returns a name for the weights that a model loads here, or None.
    """
    concurrent = LoadStep([], [])
    candidate_steps: dict[str, LoadStep] = defaultdict(lambda: LoadStep([], []))
    judge_steps: dict[str, LoadStep] = defaultdict(lambda: LoadStep([], []))
    for model in models:
        weights = occupies(model)
        (candidate_steps[weights] if weights else concurrent).models.append(model)
    for judge in judges:
        weights = occupies(judge.model)
        (judge_steps[weights] if weights else concurrent).judges.append(judge)
    shared = next((weights for weights in judge_steps if weights in candidate_steps), None)
    if shared is None:
        return concurrent, [*candidate_steps.values(), *judge_steps.values()]
    both = LoadStep(candidate_steps.pop(shared).models, judge_steps.pop(shared).judges)
    return concurrent, [*candidate_steps.values(), both, *judge_steps.values()]
