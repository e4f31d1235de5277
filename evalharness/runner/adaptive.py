"""Judge pairs adaptively: earlier judgments decide which pair is compared next, on which question.

The choices depend only on the settings, the seed and the judgments. So a run that was interrupted
repeats its earlier choices, finds their judgments in its folder, and continues.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from evalharness.domain import PairwiseJudgment
from evalharness.judge import AdaptiveDesign, mean_points, settle_battles

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from evalharness.domain import JudgeSpec, Judgment, RunSpec
    from evalharness.judge import PairTask
    from evalharness.stats import ComparisonUnit

    PairRequester = Callable[[PairTask, tuple[str, str]], Awaitable[Judgment | None]]

_ROUNDS_IN_FLIGHT = 2
"""Two rounds overlap, so that calls go on while the last replies of a round are awaited."""


async def judge_pairs_adaptively(
    spec: RunSpec,
    judge: JudgeSpec,
    request_pair: PairRequester,
    *,
    may_continue: Callable[[], bool] = lambda: True,
) -> int:
    """Judge pairs round by round until the order of every pair is decided, or no pair is left.

    Args:
        spec: the run.
        judge: its judge.
        request_pair: judges one task with its two models in an order; None if it fails.
        may_continue: is called before every round; false ends the work.

    Returns:
        The number of calls that the budget allowed and that were not needed; 0 if the work was
        ended early.
    """
    design = AdaptiveDesign(spec, judge)
    rounds = design.start_rounds(spec)
    calls = 0
    in_flight: deque[dict[ComparisonUnit, asyncio.Task[float]]] = deque()
    async with asyncio.TaskGroup() as group:
        while may_continue():
            units = await asyncio.to_thread(rounds.choose_round)
            calls += design.count_calls(units)
            if units:
                in_flight.append(
                    {
                        unit: group.create_task(_judge_unit(design.list_tasks(unit), request_pair))
                        for unit in units
                    }
                )
                if len(in_flight) < _ROUNDS_IN_FLIGHT:
                    continue
            if not in_flight:
                return design.max_calls(rounds) - calls
            finished = in_flight.popleft()
            await asyncio.gather(*finished.values())
            rounds.record_outcomes({unit: task.result() for unit, task in finished.items()})
    return 0


async def _judge_unit(tasks: Sequence[PairTask], request_pair: PairRequester) -> float:
    """Judge both orders of each task; return the mean points of the first model."""
    judgments = await asyncio.gather(
        *(
            _judge_pair(request_pair, task, models)
            for task in tasks
            for models in ((task.model_a, task.model_b), (task.model_b, task.model_a))
        )
    )
    games = [game for game in judgments if isinstance(game, PairwiseJudgment)]
    return mean_points(settle_battles(games))


async def _judge_pair(
    request_pair: PairRequester, task: PairTask, models: tuple[str, str]
) -> Judgment | None:
    """Return what `request_pair` returns; None also if the run stopped before its answers exist."""
    try:
        return await request_pair(task, models)
    except asyncio.CancelledError:
        current = asyncio.current_task()
        if current is None or current.cancelling():  # this task itself is being cancelled
            raise
        return None
