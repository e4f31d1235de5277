"""An audit: the judges of a run are asked what has a known result, and some judgments again.

Every reply is kept in the run's folder under its digest the moment it is there; only what is
missing is asked.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalharness import judging
from evalharness.domain import Failure, GradedJudgment, PairwiseJudgment, Stage
from evalharness.errors import BackendError, RunStoppedError
from evalharness.probes import Probe, Probed
from evalharness.probing import plan
from evalharness.store import jsonl

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
    from evalharness.probes import AuditSpec
    from evalharness.probing import Ask
    from evalharness.watching import Progress

FILE = "probes.jsonl"
_AGAIN = 1_000_000
"""Added to a request's sample number: no run takes so many, so no cache has the reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the judges said to the probes, and what could not be asked."""

    probed: tuple[Probed, ...]
    failures: tuple[Failure, ...]


async def ask(
    spec: RunSpec,
    audit: AuditSpec,
    records: RunRecords,
    folder: Path,
    *,
    connect: Callable[[ModelSpec], Backend],
    progress: Progress,
) -> Found:
    """Return the judges' replies to all probes, those that are missing newly asked."""
    asks = plan(spec, audit, records)
    return await ask_for(asks, spec.judges, folder / FILE, connect=connect, progress=progress)


async def ask_for(
    asks: Sequence[Ask],
    judges: Sequence[JudgeSpec],
    path: Path,
    *,
    connect: Callable[[ModelSpec], Backend],
    progress: Progress,
) -> Found:
    """Return what a file has of these, and what judges now say to the others; it is kept there.

    Judges are asked one after another, as each may need this machine's memory for itself.
    """
    kept = {row.digest: row for row in jsonl.read_own(path, Probed)}
    progress.expect(Stage.JUDGE, len(asks))
    asking = _Asking(kept, jsonl.Appender(path), progress)
    try:
        for judge in judges:
            await asking.work(
                judge, [each for each in asks if each.showing.judge is judge], connect
            )
    finally:
        asking.appender.close()
        jsonl.write(path, sorted(kept.values(), key=_order))
    wanted = dict.fromkeys(each.digest for each in asks)
    return Found(
        probed=tuple(kept[key] for key in wanted if key in kept), failures=tuple(asking.failures)
    )


class _Asking:
    """What is kept and what failed while judges are asked."""

    def __init__(
        self, kept: dict[str, Probed], appender: jsonl.Appender, progress: Progress
    ) -> None:
        self.appender = appender
        self.failures: list[Failure] = []
        self._kept = kept
        self._progress = progress

    async def work(
        self, judge: JudgeSpec, asks: Sequence[Ask], connect: Callable[[ModelSpec], Backend]
    ) -> None:
        """Ask a judge for what is not kept yet."""
        missing = [each for each in asks if each.digest not in self._kept]
        for _ in range(len(asks) - len(missing)):
            self._progress.advance(Stage.JUDGE, failed=False)
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

    async def _ask(self, each: Ask, backend: Backend) -> None:
        try:
            row = await _probe(each, backend)
        except RunStoppedError:
            return
        except BackendError as error:
            self._fail(each, error)
            return
        self.appender.append(row)
        self._kept[row.digest] = row
        self._progress.advance(Stage.JUDGE, failed=False)

    def _fail(self, each: Ask, error: BackendError) -> None:
        self.failures.append(_failure(each, error))
        self._progress.advance(Stage.JUDGE, failed=True)


async def _probe(each: Ask, backend: Backend) -> Probed:
    is_again = each.probe in (Probe.REPEATED, Probe.LATER)
    asked = _Again(backend, each.number) if is_again else backend
    judgment = await judging.judge(each.showing, asked)
    return Probed(
        probe=each.probe,
        of=each.of,
        shown_first=each.shown_first,
        number=each.number,
        game=judgment if isinstance(judgment, PairwiseJudgment) else None,
        grade=judgment if isinstance(judgment, GradedJudgment) else None,
        digest=each.digest,
    )


class _Again:
    """A judge asked as if for another sample, so that no cache answers for it."""

    def __init__(self, backend: Backend, number: int) -> None:
        self._backend = backend
        self._number = _AGAIN + number

    async def complete(self, request: Request) -> Completion:
        return await self._backend.complete(replace(request, sample=request.sample + self._number))

    async def close(self) -> None:
        await self._backend.close()


def _failure(each: Ask, error: BackendError) -> Failure:
    return Failure(
        stage=Stage.JUDGE,
        key=each.digest,
        model=each.showing.judge.name,
        question_id=each.showing.question.question_id,
        turn=each.showing.turn,
        reason=error.reason,
        detail=str(error),
        attempts=error.attempts,
    )


def _order(row: Probed) -> tuple[str, str, str, str]:
    judgment = row.judgment
    return (judgment.judge, judgment.question_id, row.probe, row.digest)
