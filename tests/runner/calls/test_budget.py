"""A budget of calls counts what servers were asked, and not only what they answered."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from endpoint_model import backend_of, model, request
from server import Behavior, Server

from evalharness.backends import StoppableBackend, StopSignal
from evalharness.domain import Budget
from evalharness.errors import BackendError, RunStoppedError
from evalharness.runner.calls.budget import BudgetMeter, MeteredBackend


async def ask(server, calls, questions, **settings):
    """Return how questions ended that are asked at once within a budget, and the meter."""
    stop = StopSignal()
    meter = BudgetMeter(Budget(calls=calls), stop)
    spec = model(server.url, **settings)
    async with backend_of(spec) as (backend, _):
        metered = MeteredBackend(backend, meter, spec, is_judge=False)
        asking = StoppableBackend(metered, stop)
        works = (asking.complete(request(f"question {number}")) for number in range(questions))
        return await asyncio.gather(*works, return_exceptions=True), meter


@pytest.mark.parametrize(
    "behavior",
    [Behavior.HALF_JSON, Behavior.SERVER_ERROR, Behavior.DISCONNECT, Behavior.RATE_LIMITED],
)
@pytest.mark.parametrize("questions", [1, 5])
async def test_no_attempt_is_made_beyond_the_budget(behavior, questions):
    """With budget.calls=4 and broken replies there were 61 requests, and none was counted."""
    async with Server([behavior] * 99) as server:
        ended, meter = await ask(server, 4, questions)

    assert len(server.calls) == 4
    assert meter.calls == 4
    assert meter.ended_by == "budget.calls=4 are made"
    assert all(isinstance(each, RunStoppedError) for each in ended)


async def test_each_attempt_counts_once():
    """One call that is answered at its third attempt, one that fails, one that is refused for good."""
    behaviors = [
        *(Behavior.SERVER_ERROR, Behavior.HALF_JSON, Behavior.OK),
        *(Behavior.SERVER_ERROR,) * 3,
        Behavior.FORBIDDEN,
        Behavior.OK,
    ]
    async with Server(behaviors) as server:
        meter = BudgetMeter(Budget(), StopSignal())
        spec = model(server.url, max_attempts=3)
        async with backend_of(spec) as (backend, _):
            metered = MeteredBackend(backend, meter, spec, is_judge=False)
            counts = []
            for number in range(4):
                with suppress(BackendError):
                    await metered.complete(request(f"question {number}"))
                counts.append((meter.calls, meter.unrecorded))

    assert counts == [(3, 2), (6, 5), (7, 6), (8, 6)]
    assert len(server.calls) == 8
