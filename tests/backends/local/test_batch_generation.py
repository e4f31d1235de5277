"""Local models answer in the order of the run, so that a part of a run is a sample of its questions."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("torch")

import checkpoints
from endpoint_model import request
from local_models import model

from evalharness.backends.local_transformers import connect
from evalharness.domain import Sampling

pytestmark = pytest.mark.weights

_ROWS = 64  # the most conversations of a batch


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder of a LLaMA."""
    return checkpoints.save(tmp_path_factory.mktemp("llama"))


def finish_order(spec, requests):
    """Return the numbers of simultaneous requests in the order in which they are completed."""
    finished = []

    async def ask_all():
        backend = connect(spec)

        async def complete(number, each):
            await backend.complete(each)
            finished.append(number)

        try:
            await asyncio.gather(*(complete(*pair) for pair in enumerate(requests)))
        finally:
            await backend.close()

    asyncio.run(ask_all())
    return finished


def test_long_prompts_do_not_overtake_those_before_them(folder):
    """A run that stops has answered its first questions, not its longest ones."""
    sampling = Sampling(max_tokens=3)
    short = [request(f"Hi {number}", sampling=sampling) for number in range(_ROWS)]
    long = [request("Write about Hawaii. " * 4, sampling=sampling) for _ in range(4)]

    order = finish_order(model(folder), [*short, *long])

    assert set(order[-4:]) == set(range(_ROWS, _ROWS + 4))


def test_options_are_scored_in_the_order_of_the_run_but_for_a_window(folder):
    """Prompts that share a beginning are read together within 64 jobs, not over the whole run."""
    sampling = Sampling(max_tokens=1)
    jobs = [
        request(f"{'ab'[number % 2]} {number}", sampling=sampling, options=("1", "2"))
        for number in range(3 * _ROWS)
    ]

    order = finish_order(model(folder), jobs)

    assert max(place - order.index(place) for place in range(3 * _ROWS)) <= _ROWS
