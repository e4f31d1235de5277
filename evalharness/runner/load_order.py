"""Which models and judges are connected at the same time, so that weights are loaded once."""

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


def occupies(spec: ModelSpec) -> str | None:
    """Return a name for the memory that a model takes on this machine, or None."""
    return find_backend(spec.backend).occupies(spec)


def plan_load_steps(
    models: Sequence[ModelSpec],
    judges: Sequence[JudgeSpec],
    occupies: Callable[[ModelSpec], str | None] = occupies,
) -> tuple[LoadStep, list[LoadStep]]:
    """Return what runs at once without taking memory here, and what is loaded one by one.

    Weights that a judge shares with candidates are loaded once, if that judge is the first to
    come after the candidates.
    """
    at_once = LoadStep([], [])
    answering_steps: dict[str, LoadStep] = defaultdict(lambda: LoadStep([], []))
    judging_steps: dict[str, LoadStep] = defaultdict(lambda: LoadStep([], []))
    for model in models:
        weights = occupies(model)
        (answering_steps[weights] if weights else at_once).models.append(model)
    for judge in judges:
        weights = occupies(judge.model)
        (judging_steps[weights] if weights else at_once).judges.append(judge)
    shared = next((weights for weights in judging_steps if weights in answering_steps), None)
    if shared is None:
        return at_once, [*answering_steps.values(), *judging_steps.values()]
    both = LoadStep(answering_steps.pop(shared).models, judging_steps.pop(shared).judges)
    return at_once, [*answering_steps.values(), both, *judging_steps.values()]
