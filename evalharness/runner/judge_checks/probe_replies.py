"""Send the probes of an audit or a drift check to the judges, and keep their replies.

Every reply is written into the run's folder, under its digest, as soon as it arrives. Only probes
without a reply are sent.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalharness.domain import Failure, GradedJudgment, PairwiseJudgment, RunStage
from evalharness.errors import BackendError, RunStoppedError
from evalharness.judge import Probe, ProbeResult
from evalharness.runner.judge_checks.probe_tasks import plan_probe_tasks
from evalharness.runner.judgment import request_judgment
from evalharness.store import RecordAppender, read_records, write_records

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from evalharness.domain import (
        Backend,
        Completion,
        JudgeSpec,
        ModelSpec,
        Request,
        RunRecords,
        RunSpec,
    )
    from evalharness.judge import AuditSpec
    from evalharness.runner.judge_checks.probe_tasks import ProbeTask
    from evalharness.runner.progress import Progress

PROBES_FILE = "probes.jsonl"
_REPEAT_SAMPLE_OFFSET = 1_000_000
"""Added to a request's sample number. No run has so many samples, so no cache has the reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeReplies:
    """The judges' replies to the probes, and the probes that failed."""

    probed: tuple[ProbeResult, ...]
    failures: tuple[Failure, ...]


async def run_audit_probes(
    spec: RunSpec,
    audit: AuditSpec,
    records: RunRecords,
    folder: Path,
    *,
    connect: Callable[[ModelSpec], Backend],
    progress: Progress,
) -> ProbeReplies:
    """Return the judges' replies to all probes of an audit; missing ones are requested."""
    tasks = plan_probe_tasks(spec, audit, records)
    return await run_probe_tasks(
        tasks, spec.judges, folder / PROBES_FILE, connect=connect, progress=progress
    )


async def run_probe_tasks(
    tasks: Sequence[ProbeTask],
    judges: Sequence[JudgeSpec],
    path: Path,
    *,
    connect: Callable[[ModelSpec], Backend],
    progress: Progress,
) -> ProbeReplies:
    """Return the replies to the tasks: those in a file, and new ones, which are added to it.

    Judges are called one after another, because each may need all of this machine's memory.

    Args:
        tasks: the probes.
        judges: the judges of the tasks.
        path: the file of replies.
        connect: returns the backend of a judge's model.
        progress: is notified of every reply.
    """
    kept = {row.digest: row for row in read_records(path, ProbeResult)}
    progress.expect(RunStage.JUDGE, len(tasks))
    run = _ProbeRun(kept, RecordAppender(path), progress)
    try:
        for judge in judges:
            await run.work(judge, [task for task in tasks if task.request.judge is judge], connect)
    finally:
        run.appender.close()
        write_records(path, sorted(kept.values(), key=_sort_key))
    digests = dict.fromkeys(task.digest for task in tasks)
    return ProbeReplies(
        probed=tuple(kept[key] for key in digests if key in kept), failures=tuple(run.failures)
    )


class _ProbeRun:
    """Collects the replies and failures while judges are called."""

    def __init__(
        self, kept: dict[str, ProbeResult], appender: RecordAppender, progress: Progress
    ) -> None:
        self.appender = appender
        self.failures: list[Failure] = []
        self._kept = kept
        self._progress = progress

    async def work(
        self, judge: JudgeSpec, tasks: Sequence[ProbeTask], connect: Callable[[ModelSpec], Backend]
    ) -> None:
        """Send a judge the tasks that have no reply."""
        missing = [task for task in tasks if task.digest not in self._kept]
        for _ in range(len(tasks) - len(missing)):
            self._progress.advance(RunStage.JUDGE, failed=False)
        if not missing:
            return
        try:
            backend = connect(judge.model)
        except RunStoppedError:
            return
        except BackendError as error:
            for task in missing:
                self._fail(task, error)
            return
        try:
            async with asyncio.TaskGroup() as group:
                for task in missing:
                    group.create_task(self._send(task, backend))
        finally:
            await backend.close()

    async def _send(self, task: ProbeTask, backend: Backend) -> None:
        try:
            row = await _run_probe(task, backend)
        except RunStoppedError:
            return
        except BackendError as error:
            self._fail(task, error)
            return
        self.appender.append(row)
        self._kept[row.digest] = row
        self._progress.advance(RunStage.JUDGE, failed=False)

    def _fail(self, task: ProbeTask, error: BackendError) -> None:
        self.failures.append(
            Failure.from_error(
                error,
                stage=RunStage.JUDGE,
                key=task.digest,
                model=task.request.judge.name,
                question_id=task.request.question.question_id,
                turn=task.request.turn,
            )
        )
        self._progress.advance(RunStage.JUDGE, failed=True)


async def _run_probe(task: ProbeTask, backend: Backend) -> ProbeResult:
    is_repeat = task.probe in (Probe.REPEATED, Probe.LATER)
    connection = _RepeatBackend(backend, task.number) if is_repeat else backend
    judgment = await request_judgment(task.request, connection)
    return ProbeResult(
        probe=task.probe,
        of=task.repeated,
        shown_first=task.shown_first,
        number=task.number,
        game=judgment if isinstance(judgment, PairwiseJudgment) else None,
        grade=judgment if isinstance(judgment, GradedJudgment) else None,
        digest=task.digest,
    )


class _RepeatBackend:
    """Changes the sample number of requests, so that no cache replies to them."""

    def __init__(self, backend: Backend, number: int) -> None:
        self._backend = backend
        self._offset = _REPEAT_SAMPLE_OFFSET + number

    async def complete(self, request: Request) -> Completion:
        return await self._backend.complete(replace(request, sample=request.sample + self._offset))

    async def close(self) -> None:
        await self._backend.close()


def _sort_key(row: ProbeResult) -> tuple[str, str, str, str]:
    judgment = row.judgment
    return (judgment.judge, judgment.question_id, row.probe, row.digest)
