"""A session calls the models of one run: with caches, a budget, a stop signal and progress."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from evalharness.backends import LazyBackend, StoppableBackend, StopSignal, find_backend
from evalharness.config import RedactingBackend
from evalharness.errors import ConfigError
from evalharness.runner.calls.budget import BudgetMeter, MeteredBackend
from evalharness.runner.calls.gc_threshold import raise_gc_threshold
from evalharness.runner.calls.rule_record import open_rule_record
from evalharness.store import (
    CACHE_FILE,
    CachedBackend,
    CompletionCache,
    read_manifest,
    update_manifest,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
    from pathlib import Path

    from evalharness.backends import Engine, LearnedRules
    from evalharness.config import Settings
    from evalharness.domain import Backend, Budget, JudgeSpec, ModelSpec
    from evalharness.runner.frontend import Frontend
    from evalharness.runner.progress import Progress
    from evalharness.runner.usage import Spent

BATCH_JOURNAL_FILE = "batches.jsonl"
UNRECORDED_CALLS = "unrecorded_calls"
"""The entry of a manifest that counts requests without a reply that could be kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSettings:
    """How the models of a run are called.

    Attributes:
        folder: the run's folder, which holds the journal of its batches and its own cache.
        results: the folder of all runs, which holds the cache that they share.
        cache: how the shared cache is used: `on`, `off`, or `read` (read only).
        budget: what all calls may cost.
        judge_models: the models of the judges; their calls take precedence.
        named_models: the models by role (`models`, `judges`) and by the name that the run has for
            them; what their servers refuse is recorded under it.
        combines_calls: whether a record may need several calls. Then replies are also cached in the
            run's folder, even if the shared cache is not written.
    """

    folder: Path
    results: Path
    cache: str
    budget: Budget
    judge_models: Sequence[ModelSpec] = ()
    named_models: Mapping[str, Mapping[str, ModelSpec]] = field(default_factory=dict)
    combines_calls: bool = False


def extract_call_settings(settings: Settings) -> CallSettings:
    """Return the part of the settings that says how models are called."""
    judges = settings.run.judges
    return CallSettings(
        folder=settings.folder,
        results=settings.results,
        cache=settings.cache,
        budget=settings.budget,
        judge_models=[judge.model for judge in judges],
        named_models=name_models(settings.run.models, judges),
        combines_calls=any(judge.repairs for judge in judges)
        or bool(settings.run.suite.benchmarks),
    )


def name_models(
    models: Sequence[ModelSpec], judges: Sequence[JudgeSpec]
) -> dict[str, dict[str, ModelSpec]]:
    """Return the models of a run by role and name, as its manifest has them."""
    return {
        "models": {model.name: model for model in models},
        "judges": {judge.name: judge.model for judge in judges},
    }


class Session:
    """Open connections to the models of a run.

    Attributes:
        connect: returns the backend of a model.
        connect_uncached: returns the backend of a model, past all caches.
        progress: shows the work that is done.
    """

    def __init__(
        self,
        connect: Callable[[ModelSpec], Backend],
        connect_uncached: Callable[[ModelSpec], Backend],
        progress: Progress,
        meter: BudgetMeter,
        stop: StopSignal,
        frontend: Frontend,
    ) -> None:
        self.connect = connect
        self.connect_uncached = connect_uncached
        self.progress = progress
        self._meter = meter
        self._stop = stop
        self._frontend = frontend

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Return what the work returns, or raise the first of its errors."""

        async def run_within_time_limit() -> Any:
            with self._meter.limit_time():
                return await work

        try:
            with raise_gc_threshold():
                return self._frontend.run_coroutine(run_within_time_limit(), self._stop)
        except ExceptionGroup as group:
            raise _first_error(group) from group

    @property
    def was_interrupted(self) -> bool:
        """Whether the user stopped the work; false when the budget did."""
        return self._stop.is_set and self._meter.ended_by is None

    def describe_stop(self) -> tuple[str, ...]:
        """Return why the work ended before its end, if it did."""
        return ("interrupted",) if self.was_interrupted else self.describe_budget_end()

    def describe_budget_end(self) -> tuple[str, ...]:
        """Return a sentence if the budget ended the work."""
        if self._meter.ended_by is None:
            return ()
        return (f"stopped: {self._meter.ended_by}; with a larger budget the same command goes on",)


@contextmanager
def open_session(
    settings: CallSettings, spent: Spent, engine: Engine, frontend: Frontend
) -> Iterator[Session]:
    """Open a session and close its caches at the end.

    Args:
        settings: how models are called.
        spent: what earlier sessions of the same work have used of its budget.
        engine: connects models that take memory.
        frontend: shows progress and handles interrupts.
    """
    stop = StopSignal()
    unrecorded = read_manifest(settings.folder).get(UNRECORDED_CALLS, 0)
    meter = BudgetMeter(settings.budget, stop, calls=spent.calls + unrecorded, usd=spent.usd)
    caches = list(_open_caches(settings))
    rules = open_rule_record(settings.folder, settings.named_models, frontend.print_notice)

    def connect_uncached(spec: ModelSpec) -> Backend:
        return connect(spec, ())

    def connect(spec: ModelSpec, caches: Sequence[CompletionCache] = caches) -> Backend:
        connect_directly = partial(
            _connect_directly, spec, settings.folder / BATCH_JOURNAL_FILE, engine, rules
        )
        backend: Backend = RedactingBackend(LazyBackend(connect_directly), spec)
        backend = MeteredBackend(backend, meter, spec, is_judge=spec in settings.judge_models)
        for cache in caches:
            backend = CachedBackend(backend, cache, spec)
        return StoppableBackend(backend, stop)

    try:
        with frontend.show_progress(meter) as progress:
            yield Session(connect, connect_uncached, progress, meter, stop, frontend)
    finally:
        for cache in caches:
            cache.close()
        if meter.unrecorded:
            known = {UNRECORDED_CALLS: unrecorded + meter.unrecorded}
            update_manifest(settings.folder, known)


def _connect_directly(
    spec: ModelSpec, journal: Path, engine: Engine, rules: LearnedRules
) -> Backend:
    backend = find_backend(spec.backend)
    if spec.batch and backend.connect_batch is None:
        msg = f"models.{spec.name}.batch=true: {spec.backend} has no batch endpoint"
        raise ConfigError(msg)
    if backend.connect_with_rules is not None:
        return backend.connect_with_rules(spec, rules, journal=journal if spec.batch else None)
    if spec.batch and backend.connect_batch is not None:
        return backend.connect_batch(spec, journal)
    return engine.connect(spec)


def _open_caches(settings: CallSettings) -> Iterator[CompletionCache]:
    """Yield the caches of a run, from the innermost to the outermost."""
    if settings.cache != "on" and settings.combines_calls:
        # A record of several calls is written after the last one; the others must not be lost.
        yield CompletionCache(settings.folder / CACHE_FILE)
    if settings.cache != "off":
        yield CompletionCache(settings.results / CACHE_FILE, writes=settings.cache == "on")


def _first_error(error: Exception) -> Exception:
    """Return the first error inside nested exception groups: one is enough for a message."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
