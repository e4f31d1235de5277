"""An audit: the judges of a run are asked what has a known result, and some judgments again.

Every reply is kept in the run's folder under its digest the moment it is there; only what is
missing is asked.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalharness.domain import Failure, GradedJudgment, PairwiseJudgment, RunStage
from evalharness.errors import BackendError, RunStoppedError
from evalharness.judge import Probe, ProbeResult
from evalharness.runner.judgment import request_judgment
from evalharness.runner.probe_tasks import plan_probe_tasks
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
    from evalharness.runner.probe_tasks import ProbeTask
    from evalharness.runner.progress import Progress

PROBES_FILE = "probes.jsonl"
_REPEAT_SAMPLE_OFFSET = 1_000_000
"""Added to a request's sample number: no run takes so many, so no cache has the reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeReplies:
    """What the judges said to the probes, and what could not be asked."""

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
    """Return the judges' replies to all probes, those that are missing newly asked."""
    asks = plan_probe_tasks(spec, audit, records)
    return await run_probe_tasks(
        asks, spec.judges, folder / PROBES_FILE, connect=connect, progress=progress
    )


async def run_probe_tasks(
    asks: Sequence[ProbeTask],
    judges: Sequence[JudgeSpec],
    path: Path,
    *,
    connect: Callable[[ModelSpec], Backend],
    progress: Progress,
) -> ProbeReplies:
    """Return what a file has of these, and what judges now say to the others; it is kept there.

    Judges are asked one after another, as each may need this machine's memory for itself.
    """
    kept = {row.digest: row for row in read_records(path, ProbeResult)}
    progress.expect(RunStage.JUDGE, len(asks))
    asking = _ProbeRun(kept, RecordAppender(path), progress)
    try:
        for judge in judges:
            await asking.work(
                judge, [each for each in asks if each.showing.judge is judge], connect
            )
    finally:
        asking.appender.close()
        write_records(path, sorted(kept.values(), key=_sort_key))
    wanted = dict.fromkeys(each.digest for each in asks)
    return ProbeReplies(
        probed=tuple(kept[key] for key in wanted if key in kept), failures=tuple(asking.failures)
    )


class _ProbeRun:
    """What is kept and what failed while judges are asked."""

    def __init__(
        self, kept: dict[str, ProbeResult], appender: RecordAppender, progress: Progress
    ) -> None:
        self.appender = appender
        self.failures: list[Failure] = []
        self._kept = kept
        self._progress = progress

    async def work(
        self, judge: JudgeSpec, asks: Sequence[ProbeTask], connect: Callable[[ModelSpec], Backend]
    ) -> None:
        """Ask a judge for what is not kept yet."""
        missing = [each for each in asks if each.digest not in self._kept]
        for _ in range(len(asks) - len(missing)):
            self._progress.advance(RunStage.JUDGE, failed=False)
        if not missing:
            return
        try:
            backend = connect(judge.model)
        except RunStoppedError:
            return
        except BackendError as error:
            for each in missing:
                self._fail(each, error)
            return
        try:
            async with asyncio.TaskGroup() as tasks:
                for each in missing:
                    tasks.create_task(self._ask(each, backend))
        finally:
            await backend.close()

    async def _ask(self, each: ProbeTask, backend: Backend) -> None:
        try:
            row = await _run_probe(each, backend)
        except RunStoppedError:
            return
        except BackendError as error:
            self._fail(each, error)
            return
        self.appender.append(row)
        self._kept[row.digest] = row
        self._progress.advance(RunStage.JUDGE, failed=False)

    def _fail(self, each: ProbeTask, error: BackendError) -> None:
        self.failures.append(
            Failure.from_error(
                error,
                stage=RunStage.JUDGE,
                key=each.digest,
                model=each.showing.judge.name,
                question_id=each.showing.question.question_id,
                turn=each.showing.turn,
            )
        )
        self._progress.advance(RunStage.JUDGE, failed=True)


async def _run_probe(each: ProbeTask, backend: Backend) -> ProbeResult:
    is_again = each.probe in (Probe.REPEATED, Probe.LATER)
    asked = _RepeatBackend(backend, each.number) if is_again else backend
    judgment = await request_judgment(each.showing, asked)
    return ProbeResult(
        probe=each.probe,
        of=each.of,
        shown_first=each.shown_first,
        number=each.number,
        game=judgment if isinstance(judgment, PairwiseJudgment) else None,
        grade=judgment if isinstance(judgment, GradedJudgment) else None,
        digest=each.digest,
    )


class _RepeatBackend:
    """A judge asked as if for another sample, so that no cache answers for it."""

    def __init__(self, backend: Backend, number: int) -> None:
        self._backend = backend
        self._number = _REPEAT_SAMPLE_OFFSET + number

    async def complete(self, request: Request) -> Completion:
        return await self._backend.complete(replace(request, sample=request.sample + self._number))

    async def close(self) -> None:
        await self._backend.close()


def _sort_key(row: ProbeResult) -> tuple[str, str, str, str]:
    judgment = row.judgment
    return (judgment.judge, judgment.question_id, row.probe, row.digest)
