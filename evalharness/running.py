"""A run from its settings to its page: checks first, then work, then what there is to show."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from evalharness import (
    adaptive_design,
    auditing,
    benchmark_plans,
    collecting,
    engines,
    health,
    interrupting,
    keys,
    manifest,
    pipeline,
    planning,
    published,
    resuming,
)
from evalharness.backends import Lazy, Stop, Stoppable, openai_compatible
from evalharness.config import resource_folder
from evalharness.domain import Stage
from evalharness.errors import ConfigError
from evalharness.metering import Meter, Metered
from evalharness.progress import Bars
from evalharness.publishing import publish, write_card
from evalharness.report import verdict
from evalharness.store import benchmarks, shards
from evalharness.store.cache import FILE, CachedBackend, CompletionCache
from evalharness.store.run_folder import CONFIG, RunFolder, read_run

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from evalharness.config import Settings
    from evalharness.domain import Backend, Failure, ModelSpec
    from evalharness.engines import Engine
    from evalharness.health import HealthCard

BATCHES = "batches.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended: what was found and what failed, in sentences; whether it was interrupted."""

    finding: str
    problems: tuple[str, ...]
    interrupted: bool


def work(
    settings: Settings,
    stages: Sequence[Stage],
    command: str,
    *,
    say: Callable[[str], None] = lambda _line: None,
) -> Outcome:
    """Do what is missing in a run and publish it.

    Args:
        settings: what to run, and where.
        stages: the parts of it that are done.
        command: the command that repeats it.
        say: is told, before anything is asked, what will be left out.

    Raises:
        ConfigError: something the run needs is missing, or its folder has other settings.
        RunLockedError: another process is writing this run.
    """
    if Stage.BENCHMARK in stages:
        benchmark_plans.refuse_on_nodes(settings.run, settings.engine)
    with engines.opened(settings.engine) as engine:
        return _work(settings, stages, command, say, engine)


def _work(
    settings: Settings,
    stages: Sequence[Stage],
    command: str,
    say: Callable[[str], None],
    engine: Engine,
) -> Outcome:
    spec, stop = settings.run, Stop()
    if Stage.ANSWER in stages or Stage.BENCHMARK in stages:
        planning.refuse_missing(spec, judges=Stage.JUDGE in stages, engine=engine)
    planned = benchmark_plans.plan(spec) if Stage.BENCHMARK in stages else benchmark_plans.NOTHING
    for line in planned.left_out:
        say(line)
    with RunFolder.open(settings.folder) as folder:
        if set(stages) == {Stage.BENCHMARK}:
            tree, questions = resuming.with_benchmarks(folder, settings)
        else:
            resuming.refuse_conflict(folder, settings)
            tree, questions = dict(settings.tree), list(spec.questions)
        shards.gather(folder)
        _refuse_nothing_to_do(folder, settings, stages)
        folder.describe(tree, questions)
        meter = _meter(settings, stop, folder)
        with connector(settings, stop, meter, engine) as connect, Bars(meter) as bars:
            working = pipeline.run(
                spec,
                folder,
                stages=stages,
                connect=connect,
                progress=bars,
                only_failed=settings.retry_failed,
                benchmarks=planned,
                models_at_once=settings.engine.models_at_once,
            )
            finish(working, stop, meter)
        failures = tuple(folder.failures.values())
    records = read_run(settings.folder)
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    content = manifest.describe(
        spec,
        records,
        command=command,
        finished=finished,
        benchmarks=benchmarks.about(settings.folder),
        published=_published(settings),
    )
    manifest.write(settings.folder, content)
    manifest.write_templates(settings.folder, spec)
    finding = verdict.find(publish(settings.folder, settings.corpus)).sentence
    if Stage.JUDGE in stages and adaptive_design.is_adaptive(spec):
        finding = "\n".join((finding, adaptive_design.outcome(spec, records)))
    return Outcome(
        finding=finding,
        problems=(*budget_end(meter), *_problems(failures, settings)),
        interrupted=stop.is_set and meter.ended_by is None,
    )


def _refuse_nothing_to_do(folder: RunFolder, settings: Settings, stages: Sequence[Stage]) -> None:
    if Stage.JUDGE in stages and Stage.ANSWER not in stages and not folder.answers:
        msg = f"{settings.folder}: there are no answers to judge; `answer` or `run` first"
        raise ConfigError(msg)
    if settings.retry_failed and not folder.failures:
        msg = f"{settings.folder}: nothing has failed here; without --retry-failed the run goes on"
        raise ConfigError(msg)


def _published(settings: Settings) -> list[dict[str, Any]]:
    """Return what others published of the run's models, where that is to be shown."""
    if not settings.run.suite.published:
        return []
    names = [model.name for model in settings.run.models]
    return published.as_content(published.figures(resource_folder("conf") / "published", names))


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """How an audit ended: the judges' health, what could not be asked, and whether all was."""

    card: HealthCard
    problems: tuple[str, ...]
    interrupted: bool


def audit(settings: Settings) -> Audited:
    """Ask a finished run's judges what an audit lacks, write their health card, publish the run.

    Raises:
        ConfigError: there are no answers, a judge cannot be asked, or the folder has other settings.
        RunLockedError: another process is writing this run.
    """
    spec, path, stop = settings.run, settings.folder, Stop()
    if not (path / CONFIG).is_file() or not (records := read_run(path)).answers:
        msg = f"{path}: there are no answers to audit a judge with; `run` first, or say run=NAME"
        raise ConfigError(msg)
    with engines.opened(settings.engine) as engine:
        planning.refuse_missing_judges(spec, engine=engine)
        with RunFolder.open(path) as folder:
            resuming.refuse_conflict(folder, settings)
            meter = _meter(settings, stop, folder)
            with connector(settings, stop, meter, engine) as connect, Bars(meter) as bars:
                asked = auditing.ask(
                    spec, settings.audit, records, path, connect=connect, progress=bars
                )
                found = finish(asked, stop, meter)
    card = health.examine(records, spec, found.probed, settings.audit.thresholds)
    write_card(path, card)
    publish(path)
    return Audited(
        card=card,
        problems=(*budget_end(meter), *unasked(found.failures)),
        interrupted=stop.is_set and meter.ended_by is None,
    )


def unasked(failures: Sequence[Failure]) -> list[str]:
    """Return a sentence for each judge and reason for which something could not be asked."""
    counts = Counter((row.model, row.reason, row.detail[:200]) for row in failures)
    return [
        f"{count} x probe failed for {model}: {reason} ({detail}); the same command asks again"
        for (model, reason, detail), count in counts.most_common()
    ]


def _meter(settings: Settings, stop: Stop, folder: RunFolder) -> Meter:
    """Return the run's meter, at what its folder holds already."""
    used = manifest.usage(settings.run, folder.answers.values(), folder.judgments.values())
    return Meter(
        settings.budget,
        stop,
        calls=sum(role["calls"] for role in used.values()),
        usd=sum(role["usd"] or 0.0 for role in used.values()),
    )


def budget_end(meter: Meter) -> tuple[str, ...]:
    """Return a sentence where the budget ended the work."""
    if meter.ended_by is None:
        return ()
    return (f"stopped: {meter.ended_by}; with a larger budget the same command goes on",)


@contextmanager
def connector(
    settings: Settings, stop: Stop, meter: Meter, engine: Engine
) -> Iterator[Callable[[ModelSpec], Backend]]:
    """Give the function that connects models, through the caches that keep their completions."""
    caches = list(_caches(settings))
    judges = [judge.model for judge in settings.run.judges]

    def connect(spec: ModelSpec) -> Backend:
        reach = partial(_reach, spec, settings.folder / BATCHES, engine)
        backend: Backend = keys.Scrubbed(Lazy(reach), spec)
        backend = Metered(backend, meter, spec, judges=spec in judges)
        for cache in caches:
            backend = CachedBackend(backend, cache, spec)
        return Stoppable(backend, stop)

    try:
        yield connect
    finally:
        for cache in caches:
            cache.close()


def _reach(spec: ModelSpec, journal: Path, engine: Engine) -> Backend:
    if spec.batch:
        return openai_compatible.connect_batch(spec, journal)
    return engine.connect(spec)


def _caches(settings: Settings) -> Iterator[CompletionCache]:
    """Yield the caches in the order in which they keep a completion."""
    repairs = any(judge.repairs for judge in settings.run.judges)
    if settings.cache != "on" and (repairs or settings.run.suite.benchmarks):
        # What takes several calls is written when the last has come; the others must be kept.
        yield CompletionCache(settings.folder / FILE)
    if settings.cache != "off":
        yield CompletionCache(settings.results / FILE, writes=settings.cache == "on")


def finish(work: Coroutine[Any, Any, Any], stop: Stop, meter: Meter) -> Any:
    """Return what the work returns, or raise the first of its errors."""

    async def timed() -> Any:
        with meter.ticking():
            return await work

    try:
        with collecting.rare():
            return interrupting.run(timed(), stop)
    except ExceptionGroup as group:
        raise _first(group) from group


def _first(error: Exception) -> Exception:
    """Return the first error inside groups of errors: one is enough to say what is wrong."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _problems(failures: Sequence[Failure], settings: Settings) -> tuple[str, ...]:
    """Return a sentence for each model and reason that failed."""
    counts = Counter((row.stage, row.model, row.reason) for row in failures)
    details = {(row.stage, row.model, row.reason): row.detail for row in failures}
    said = [
        f"{count} x {stage} failed for {model}: {reason} ({details[stage, model, reason][:200]})"
        for (stage, model, reason), count in counts.most_common()
    ]
    if said:
        said.append(f"listed in {settings.folder / 'failures.jsonl'}; the same command asks again")
    return tuple(said)
