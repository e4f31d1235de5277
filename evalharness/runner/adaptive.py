"""Adaptive judging of a run: which pair on which question comes next follows from the judgments.

What is chosen depends on the settings, the seed and the judgments, so a run that was
interrupted makes the choices again that it made before, finds their judgments, and goes on.
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
"""Rounds, so that calls go on while one round's last replies are awaited."""


async def judge_pairs_adaptively(
    spec: RunSpec,
    own: JudgeSpec,
    play: PairRequester,
    *,
    goes_on: Callable[[], bool] = lambda: True,
) -> int:
    """Have pairs judged, round by round, until every pair's order is decided or nothing is left.

    Returns how many of the calls that it might have made were not needed; none when it was stopped.

    Args:
        spec: the run.
        own: its judge.
        play: has one task judged with two answers in this order; None when that cannot be had.
        goes_on: asked before every round.
    """
    plan = AdaptiveDesign(spec, own)
    rounds = plan.rounds(spec)
    made = 0
    flying: deque[dict[ComparisonUnit, asyncio.Task[float]]] = deque()
    async with asyncio.TaskGroup() as group:
        while goes_on():
            units = await asyncio.to_thread(rounds.next)
            made += plan.calls_of(units)
            if units:
                flying.append(
                    {
                        unit: group.create_task(_points_of(plan.tasks_of(unit), play))
                        for unit in units
                    }
                )
                if len(flying) < _ROUNDS_IN_FLIGHT:
                    continue
            if not flying:
                return plan.most_calls(rounds) - made
            back = flying.popleft()
            await asyncio.gather(*back.values())
            rounds.tell({unit: task.result() for unit, task in back.items()})
    return 0


async def _points_of(tasks: Sequence[PairTask], play: PairRequester) -> float:
    """Return the points of a unit's first model once all its games are played."""
    games = await asyncio.gather(
        *(
            _judge_pair(play, task, models)
            for task in tasks
            for models in ((task.model_a, task.model_b), (task.model_b, task.model_a))
        )
    )
    played = [game for game in games if isinstance(game, PairwiseJudgment)]
    return mean_points(settle_battles(played))


async def _judge_pair(
    play: PairRequester, task: PairTask, models: tuple[str, str]
) -> Judgment | None:
    """Return what `play` does; None as well when the run stopped before there were answers."""
    try:
        return await play(task, models)
    except asyncio.CancelledError:
        own = asyncio.current_task()
        if own is None or own.cancelling():  # it is this task that is cancelled
            raise
        return None
