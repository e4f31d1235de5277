"""How many calls are let through at a time, from the counts alone."""

from __future__ import annotations

import asyncio

import pytest

from evalharness.backends.openai.concurrency_limiter import ConcurrencyLimiter


async def _serve(slots: ConcurrencyLimiter, calls: int) -> list[int]:
    """Let calls come through in rounds, all that have a place at once; return how many each had."""
    waiting = {asyncio.create_task(slots.acquire()) for _ in range(calls)}
    rounds = []
    while waiting:
        await asyncio.sleep(0)
        served = {each for each in waiting if each.done()}
        waiting -= served
        rounds.append(len(served))
        for _ in served:
            slots.record_success()
            slots.release()
    return rounds


async def test_the_places_grow_to_the_ceiling_while_all_are_taken():
    """A server that keeps up gets more, and never more than the settings allow."""
    slots = ConcurrencyLimiter(200)
    rounds = await _serve(slots, 1000)

    assert rounds[0] < rounds[1] < 200
    assert max(rounds) == 200


async def test_places_that_nobody_needs_do_not_grow():
    """Calls one after another prove nothing about many at once."""
    slots = ConcurrencyLimiter(1000)
    before = slots.limit
    for _ in range(100):
        await slots.acquire()
        slots.record_success()
        slots.release()

    assert slots.limit == before


async def test_a_refusal_takes_a_share_once_and_growth_is_slow_after_it():
    """Calls that were refused together were sent before anyone could know."""
    slots = ConcurrencyLimiter(100)
    await _serve(slots, 500)
    for _ in range(20):
        slots.record_overload(sent_at=1.0, now=1.2)
    shrunk = slots.limit
    await _serve(slots, 72)

    assert shrunk == pytest.approx(70)
    assert 70 < slots.limit <= 71.1

    slots.record_overload(sent_at=1.3, now=1.4)
    assert slots.limit < shrunk


async def test_one_place_is_always_left():
    """A run goes on, however slowly."""
    slots = ConcurrencyLimiter(4)
    for moment in range(50):
        slots.record_overload(sent_at=moment, now=moment + 0.5)

    await slots.acquire()
    assert slots.in_flight == 1


async def test_who_continues_a_conversation_comes_before_who_begins_one():
    """Finished answers come early, so that the judge can begin."""
    slots, order = ConcurrencyLimiter(1), []
    await slots.acquire()

    async def ask(name: str, *, continues: bool) -> None:
        await slots.acquire(continues=continues)
        order.append(name)
        slots.release()

    asking = [
        asyncio.create_task(ask("begins", continues=False)),
        asyncio.create_task(ask("continues", continues=True)),
    ]
    await asyncio.sleep(0)
    slots.release()
    await asyncio.gather(*asking)

    assert order == ["continues", "begins"]
    assert slots.in_flight == 0


@pytest.mark.parametrize("was_given", [False, True])
async def test_a_cancelled_call_takes_no_place_with_it(was_given):
    """An interrupt in the queue, or in the moment in which a place was given."""
    slots = ConcurrencyLimiter(1)
    await slots.acquire()
    waiting = asyncio.create_task(slots.acquire())
    await asyncio.sleep(0)
    if was_given:
        slots.release()
        waiting.cancel()
    else:
        waiting.cancel()
        await asyncio.sleep(0)
        slots.release()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert slots.in_flight == 0
