"""A run from its settings to its page: checks first, then work, then what there is to show."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from evalharness import auditing, health, manifest, pipeline, planning, resuming
from evalharness.domain import Stage
from evalharness.errors import ConfigError
from evalharness.progress import Bars
from evalharness.publishing import publish, write_card
from evalharness.report import verdict
from evalharness.store.cache import FILE, CachedBackend, CompletionCache
from evalharness.store.run_folder import CONFIG, RunFolder, read_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from evalharness.backends import Backend
    from evalharness.config import Settings
    from evalharness.domain import Failure, ModelSpec
    from evalharness.health import HealthCard


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended: what was found and what failed, in sentences; whether it was interrupted."""

    finding: str
    problems: tuple[str, ...]
    interrupted: bool


def work(settings: Settings, stages: Sequence[Stage], command: str) -> Outcome:
    """Do what is missing in a run and publish it.

    Raises:
        ConfigError: something the run needs is missing, or its folder has other settings.
        RunLockedError: another process is writing this run.
    """
    spec = settings.run
    if Stage.ANSWER in stages:
        planning.refuse_missing(spec, judges=Stage.JUDGE in stages)
    interrupted = False
    with RunFolder.open(settings.folder) as folder:
        resuming.refuse_conflict(folder, settings)
        if Stage.ANSWER not in stages and not folder.answers:
            msg = f"{settings.folder}: there are no answers to judge; `answer` or `run` first"
            raise ConfigError(msg)
        folder.describe(settings.tree, spec.questions)
        try:
            with _connector(settings) as connect, Bars() as bars:
                asyncio.run(
                    pipeline.run(spec, folder, stages=stages, connect=connect, progress=bars)
                )
        except KeyboardInterrupt:
            interrupted = True
        except ExceptionGroup as group:
            raise _first(group) from group
        failures = tuple(folder.failures.values())
    records = read_run(settings.folder)
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    content = manifest.describe(spec, records, command=command, finished=finished)
    manifest.write(settings.folder, content)
    return Outcome(
        finding=verdict.find(publish(settings.folder)).sentence,
        problems=_problems(failures, settings),
        interrupted=interrupted,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """How an audit ended: the judges' health, and in sentences what could not be asked."""

    card: HealthCard
    problems: tuple[str, ...]


def audit(settings: Settings) -> Audited:
    """Ask a finished run's judges what an audit lacks, write their health card, publish the run.

    Raises:
        ConfigError: there are no answers, a judge cannot be asked, or the folder has other settings.
        RunLockedError: another process is writing this run.
    """
    spec, path = settings.run, settings.folder
    if not (path / CONFIG).is_file() or not (records := read_run(path)).answers:
        msg = f"{path}: there are no answers to audit a judge with; `run` first, or say run=NAME"
        raise ConfigError(msg)
    planning.refuse_missing(replace(spec, models=()))
    with RunFolder.open(path) as folder:
        resuming.refuse_conflict(folder, settings)
        with _connector(settings) as connect, Bars() as bars:
            asked = auditing.ask(
                spec, settings.audit, records, path, connect=connect, progress=bars
            )
            try:
                found = asyncio.run(asked)
            except ExceptionGroup as group:
                raise _first(group) from group
    card = health.examine(records, spec, found.probed, settings.audit.thresholds)
    write_card(path, card)
    publish(path)
    counts = Counter((row.model, row.reason, row.detail[:200]) for row in found.failures)
    problems = [
        f"{count} x probe failed for {model}: {reason} ({detail}); the same command asks again"
        for (model, reason, detail), count in counts.most_common()
    ]
    return Audited(card=card, problems=tuple(problems))


@contextmanager
def _connector(settings: Settings) -> Iterator[Callable[[ModelSpec], Backend]]:
    """Give the function that connects models, through the cache unless it is off."""
    if settings.cache == "off":
        yield pipeline.connect
        return
    cache = CompletionCache(settings.results / FILE, writes=settings.cache == "on")
    try:
        yield lambda spec: CachedBackend(pipeline.connect(spec), cache, spec)
    finally:
        cache.close()


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
