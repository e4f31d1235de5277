"""A run from its settings to its page: checks first, then work, then what there is to show."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from evalharness.analysis import build_health_card
from evalharness.backends import (
    LazyBackend,
    StoppableBackend,
    StopSignal,
    connect_batch,
    open_engine,
)
from evalharness.cli import ProgressBars, run_interruptible
from evalharness.config import (
    RedactingBackend,
    find_resource_folder,
    published_scores_content,
    read_published_scores,
)
from evalharness.domain import RunStage
from evalharness.errors import ConfigError
from evalharness.judge import describe_adaptive_outcome, uses_adaptive_pairs
from evalharness.planner import (
    NO_BENCHMARKS,
    plan_benchmarks,
    refuse_benchmarks_on_nodes,
    refuse_missing_judges,
    refuse_missing_models,
)
from evalharness.report import publish_run, summarize_ranking, write_health_card
from evalharness.runner.audit import run_audit_probes
from evalharness.runner.budget import BudgetMeter, MeteredBackend
from evalharness.runner.gc_threshold import raise_gc_threshold
from evalharness.runner.manifest import build_manifest, usage, write_chat_templates, write_manifest
from evalharness.runner.pipeline import run_pipeline
from evalharness.runner.resume import merge_benchmark_config, refuse_run_conflict
from evalharness.store import (
    CACHE_FILE,
    CONFIG_FILE,
    CachedBackend,
    CompletionCache,
    RunFolder,
    describe_benchmark_results,
    merge_shards,
    read_run,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from evalharness.analysis import HealthCard
    from evalharness.backends import Engine
    from evalharness.config import Settings
    from evalharness.domain import Backend, Failure, ModelSpec

BATCH_JOURNAL_FILE = "batches.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """How a run ended: what was found and what failed, in sentences; whether it was interrupted."""

    finding: str
    problems: tuple[str, ...]
    interrupted: bool


def complete_run(
    settings: Settings,
    stages: Sequence[RunStage],
    command: str,
    *,
    say: Callable[[str], None] = lambda _line: None,
) -> RunOutcome:
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
    if RunStage.BENCHMARK in stages:
        refuse_benchmarks_on_nodes(settings.run, settings.engine)
    with open_engine(settings.engine) as engine:
        return _complete_run_on(settings, stages, command, say, engine)


def _complete_run_on(
    settings: Settings,
    stages: Sequence[RunStage],
    command: str,
    say: Callable[[str], None],
    engine: Engine,
) -> RunOutcome:
    spec, stop = settings.run, StopSignal()
    if RunStage.ANSWER in stages or RunStage.BENCHMARK in stages:
        refuse_missing_models(spec, judges=RunStage.JUDGE in stages, engine=engine)
    planned = plan_benchmarks(spec) if RunStage.BENCHMARK in stages else NO_BENCHMARKS
    for line in planned.left_out:
        say(line)
    with RunFolder.open(settings.folder) as folder:
        if set(stages) == {RunStage.BENCHMARK}:
            tree, questions = merge_benchmark_config(folder, settings)
        else:
            refuse_run_conflict(folder, settings)
            tree, questions = dict(settings.tree), list(spec.questions)
        merge_shards(folder)
        _refuse_nothing_to_do(folder, settings, stages)
        folder.describe(tree, questions)
        meter = _run_meter(settings, stop, folder)
        with (
            open_connections(settings, stop, meter, engine) as connect,
            ProgressBars(meter) as bars,
        ):
            working = run_pipeline(
                spec,
                folder,
                stages=stages,
                connect=connect,
                progress=bars,
                only_failed=settings.retry_failed,
                benchmarks=planned,
                models_at_once=settings.engine.models_at_once,
            )
            run_to_completion(working, stop, meter)
        failures = tuple(folder.failures.values())
    records = read_run(settings.folder)
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    content = build_manifest(
        spec,
        records,
        command=command,
        finished=finished,
        benchmarks=describe_benchmark_results(settings.folder),
        published=_published_scores(settings),
    )
    write_manifest(settings.folder, content)
    write_chat_templates(settings.folder, spec)
    finding = summarize_ranking(publish_run(settings.folder, settings.corpus)).sentence
    if RunStage.JUDGE in stages and uses_adaptive_pairs(spec):
        finding = "\n".join((finding, describe_adaptive_outcome(spec, records)))
    return RunOutcome(
        finding=finding,
        problems=(*describe_budget_end(meter), *_describe_failures(failures, settings)),
        interrupted=stop.is_set and meter.ended_by is None,
    )


def _refuse_nothing_to_do(
    folder: RunFolder, settings: Settings, stages: Sequence[RunStage]
) -> None:
    if RunStage.JUDGE in stages and RunStage.ANSWER not in stages and not folder.answers:
        msg = f"{settings.folder}: there are no answers to judge; `answer` or `run` first"
        raise ConfigError(msg)
    if settings.retry_failed and not folder.failures:
        msg = f"{settings.folder}: nothing has failed here; without --retry-failed the run goes on"
        raise ConfigError(msg)


def _published_scores(settings: Settings) -> list[dict[str, Any]]:
    """Return what others published of the run's models, where that is to be shown."""
    if not settings.run.suite.published:
        return []
    names = [model.name for model in settings.run.models]
    return published_scores_content(
        read_published_scores(find_resource_folder("conf") / "published", names)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOutcome:
    """How an audit ended: the judges' health, what could not be asked, and whether all was."""

    card: HealthCard
    problems: tuple[str, ...]
    interrupted: bool


def audit_judges(settings: Settings) -> AuditOutcome:
    """Ask a finished run's judges what an audit lacks, write their health card, publish the run.

    Raises:
        ConfigError: there are no answers, a judge cannot be asked, or the folder has other settings.
        RunLockedError: another process is writing this run.
    """
    spec, path, stop = settings.run, settings.folder, StopSignal()
    if not (path / CONFIG_FILE).is_file() or not (records := read_run(path)).answers:
        msg = f"{path}: there are no answers to audit a judge with; `run` first, or say run=NAME"
        raise ConfigError(msg)
    with open_engine(settings.engine) as engine:
        refuse_missing_judges(spec, engine=engine)
        with RunFolder.open(path) as folder:
            refuse_run_conflict(folder, settings)
            meter = _run_meter(settings, stop, folder)
            with (
                open_connections(settings, stop, meter, engine) as connect,
                ProgressBars(meter) as bars,
            ):
                asked = run_audit_probes(
                    spec, settings.audit, records, path, connect=connect, progress=bars
                )
                found = run_to_completion(asked, stop, meter)
    card = build_health_card(records, spec, found.probed, settings.audit.thresholds)
    write_health_card(path, card)
    publish_run(path)
    return AuditOutcome(
        card=card,
        problems=(*describe_budget_end(meter), *describe_probe_failures(found.failures)),
        interrupted=stop.is_set and meter.ended_by is None,
    )


def describe_probe_failures(failures: Sequence[Failure]) -> list[str]:
    """Return a sentence for each judge and reason for which something could not be asked."""
    counts = Counter((row.model, row.reason, row.detail[:200]) for row in failures)
    return [
        f"{count} x probe failed for {model}: {reason} ({detail}); the same command asks again"
        for (model, reason, detail), count in counts.most_common()
    ]


def _run_meter(settings: Settings, stop: StopSignal, folder: RunFolder) -> BudgetMeter:
    """Return the run's meter, at what its folder holds already."""
    used = usage(settings.run, folder.answers.values(), folder.judgments.values())
    return BudgetMeter(
        settings.budget,
        stop,
        calls=sum(role["calls"] for role in used.values()),
        usd=sum(role["usd"] or 0.0 for role in used.values()),
    )


def describe_budget_end(meter: BudgetMeter) -> tuple[str, ...]:
    """Return a sentence where the budget ended the work."""
    if meter.ended_by is None:
        return ()
    return (f"stopped: {meter.ended_by}; with a larger budget the same command goes on",)


@contextmanager
def open_connections(
    settings: Settings, stop: StopSignal, meter: BudgetMeter, engine: Engine
) -> Iterator[Callable[[ModelSpec], Backend]]:
    """Give the function that connects models, through the caches that keep their completions."""
    caches = list(_open_caches(settings))
    judges = [judge.model for judge in settings.run.judges]

    def connect(spec: ModelSpec) -> Backend:
        reach = partial(_connect_directly, spec, settings.folder / BATCH_JOURNAL_FILE, engine)
        backend: Backend = RedactingBackend(LazyBackend(reach), spec)
        backend = MeteredBackend(backend, meter, spec, judges=spec in judges)
        for cache in caches:
            backend = CachedBackend(backend, cache, spec)
        return StoppableBackend(backend, stop)

    try:
        yield connect
    finally:
        for cache in caches:
            cache.close()


def _connect_directly(spec: ModelSpec, journal: Path, engine: Engine) -> Backend:
    if spec.batch:
        return connect_batch(spec, journal)
    return engine.connect(spec)


def _open_caches(settings: Settings) -> Iterator[CompletionCache]:
    """Yield the caches in the order in which they keep a completion."""
    repairs = any(judge.repairs for judge in settings.run.judges)
    if settings.cache != "on" and (repairs or settings.run.suite.benchmarks):
        # What takes several calls is written when the last has come; the others must be kept.
        yield CompletionCache(settings.folder / CACHE_FILE)
    if settings.cache != "off":
        yield CompletionCache(settings.results / CACHE_FILE, writes=settings.cache == "on")


def run_to_completion(work: Coroutine[Any, Any, Any], stop: StopSignal, meter: BudgetMeter) -> Any:
    """Return what the work returns, or raise the first of its errors."""

    async def timed() -> Any:
        with meter.ticking():
            return await work

    try:
        with raise_gc_threshold():
            return run_interruptible(timed(), stop)
    except ExceptionGroup as group:
        raise _first_error(group) from group


def _first_error(error: Exception) -> Exception:
    """Return the first error inside groups of errors: one is enough to say what is wrong."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _describe_failures(failures: Sequence[Failure], settings: Settings) -> tuple[str, ...]:
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
