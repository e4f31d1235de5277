"""What a run would need and do, found without asking any model."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from evalharness import backends, schedule
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from evalharness.domain import ModelSpec, RunSpec


def missing(spec: RunSpec, *, judges: bool = True) -> dict[str, str]:
    """Return what stands in the way, by the name of the model or judge; empty when nothing does."""
    places: dict[str, ModelSpec] = {model.name: model for model in spec.models}
    if judges:
        places |= {f"judge {judge.name}": judge.model for judge in spec.judges}
    with ThreadPoolExecutor(max_workers=16) as threads:
        found = dict(zip(places, threads.map(_missing, places.values()), strict=True))
    return {name: reason for name, reason in found.items() if reason is not None}


def describe(spec: RunSpec) -> list[str]:
    """Return lines that say how many answers and judgments a run is made of."""
    turns = sum(len(question.turns) for question in spec.questions)
    names = [model.name for model in spec.models]
    answers = turns * spec.judging.samples
    return [
        f"run       {spec.name}",
        f"questions {len(spec.questions)} with {turns} turns",
        *(f"answers   {name}: {answers} calls" for name in names),
        *(
            f"judgments {judge.name}: {len(schedule.showings(spec, judge))} calls"
            for judge in spec.judges
        ),
    ]


def refuse_missing(spec: RunSpec, *, judges: bool = True) -> None:
    """Refuse a run that cannot be done.

    Raises:
        ConfigError: weights, a server or a key are missing; the message has the ways to give them.
    """
    reasons = missing(spec, judges=judges)
    if not reasons:
        return
    by_reason: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        by_reason.setdefault(reason, []).append(name)
    said = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in by_reason.items())
    place = _override_place(next(iter(reasons)))
    msg = (
        f"{said}\n"
        f"give weights ({place}.weights=FOLDER), a server ({place}.backend=openai_compatible "
        f"{place}.base_url=http://HOST:PORT/v1), or a key (export the variable that "
        f"{place}.api_key_env names)"
    )
    raise ConfigError(msg)


def _missing(spec: ModelSpec) -> str | None:
    return backends.find(spec.backend).missing(spec)


def _override_place(name: str) -> str:
    return "judge.model" if name.startswith("judge ") else f"models.{name}"
