"""Find the models and judges of a run that cannot be called.

Weights, a server or a key is missing, the provider has ended the model, or the server does not
serve it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from evalharness.backends import InProcessEngine, find_address, open_engine
from evalharness.config import is_sold_by_maker
from evalharness.domain import describe_retirement, is_retired
from evalharness.errors import ConfigError
from evalharness.planner.benchmark_eligibility import refuse_benchmarks_on_nodes
from evalharness.planner.served_models import find_unserved
from evalharness.store import current_timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.backends import Engine, EngineSpec
    from evalharness.domain import JudgeSpec, ModelSpec, RunSpec

_MAX_THREADS = 16


def find_missing(spec: RunSpec, *, engine: Engine | None = None) -> dict[str, str]:
    """Return why models and judges cannot be called, by name; those that can be are left out.

    Args:
        spec: the run.
        engine: where models that take memory would run; None for this process.
    """
    return _find_missing(_models_by_name(spec) | _judge_models_by_name(spec.judges), engine)


def find_missing_on_engine(spec: RunSpec, engine_spec: EngineSpec) -> dict[str, str]:
    """Return why models and judges cannot be called on an engine, which is opened for it.

    Raises:
        ConfigError: the engine cannot be opened, or cannot run the benchmarks of the run.
    """
    refuse_benchmarks_on_nodes(spec, engine_spec)
    with open_engine(engine_spec) as engine:
        return find_missing(spec, engine=engine)


def refuse_missing_models(
    spec: RunSpec, *, judges: bool = True, engine: Engine | None = None
) -> None:
    """Refuse a run whose models cannot be called.

    Args:
        spec: the run.
        judges: whether its judges are called as well.
        engine: where models that take memory would run; None for this process.

    Raises:
        ConfigError: weights, a server or a key are missing, or a server does not serve a model;
            the message says how to give them.
    """
    models = _models_by_name(spec)
    _refuse_missing(models | _judge_models_by_name(spec.judges) if judges else models, engine)


def refuse_missing_judges(judges: Sequence[JudgeSpec], *, engine: Engine | None = None) -> None:
    """Refuse judges that cannot be called.

    Raises:
        ConfigError: as in `refuse_missing_models`.
    """
    _refuse_missing(_judge_models_by_name(judges), engine)


def _models_by_name(spec: RunSpec) -> dict[str, ModelSpec]:
    return {model.name: model for model in spec.models}


def _judge_models_by_name(judges: Sequence[JudgeSpec]) -> dict[str, ModelSpec]:
    return {f"judge {judge.name}": judge.model for judge in judges}


def _find_missing(models: Mapping[str, ModelSpec], engine: Engine | None) -> dict[str, str]:
    """Return why models cannot be called; only those that lack nothing else are looked up in lists."""
    reasons = _find_lacks(models, engine)
    return reasons | find_unserved({name: models[name] for name in models if name not in reasons})


def _find_lacks(models: Mapping[str, ModelSpec], engine: Engine | None) -> dict[str, str]:
    """Return which weights, servers and keys are missing, and which models were ended, by name."""
    today = current_timestamp()[:10]

    def find_reason(spec: ModelSpec) -> str | None:
        return _explain_retirement(spec, today) or (engine or InProcessEngine()).missing(spec)

    with ThreadPoolExecutor(max_workers=_MAX_THREADS) as threads:
        reasons = dict(zip(models, threads.map(find_reason, models.values()), strict=True))
    return {
        # Backends know the models of judges as models only.
        name: reason.replace(f"models.{models[name].name}", _override_prefix(name))
        for name, reason in reasons.items()
        if reason is not None
    }


def _explain_retirement(spec: ModelSpec, today: str) -> str | None:
    """Return that a model's provider has ended it; None if it has not, or another server is asked."""
    address = find_address(spec) if is_retired(spec, today) else None
    if address is None or address.is_private or not is_sold_by_maker(address.urls[0], address.name):
        return None
    end = describe_retirement(spec.retired, spec.successor, today)
    return f"{address.urls[0]} no longer serves it: {end}"


def _refuse_missing(models: Mapping[str, ModelSpec], engine: Engine | None) -> None:
    lacks = _find_lacks(models, engine)
    unserved = find_unserved({name: models[name] for name in models if name not in lacks})
    lines = []
    if lacks:
        prefix = _override_prefix(next(iter(lacks)))
        remedy = (
            f"give weights ({prefix}.weights=FOLDER), a server ({prefix}.backend=openai_compatible "
            f"{prefix}.base_url=http://HOST:PORT/v1), or a key (export the variable that "
            f"{prefix}.api_key_env names)"
        )
        lines += [_list_by_reason(lacks), remedy]
    if unserved:
        prefix = _override_prefix(next(iter(unserved)))
        remedy = (
            f"give a name that the server has ({prefix}.api_name=NAME), another server "
            f"({prefix}.base_url=URL), or the right key (in the variable that "
            f"{prefix}.api_key_env names)"
        )
        lines += [_list_by_reason(unserved), remedy]
    if lines:
        raise ConfigError("\n".join(lines))


def _list_by_reason(reasons: Mapping[str, str]) -> str:
    """Return the names and their reasons in one line; names with the same reason stand together."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        by_reason.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in by_reason.items())


def _override_prefix(name: str) -> str:
    return "judge.model" if name.startswith("judge ") else f"models.{name}"
