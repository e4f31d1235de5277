"""Grades 1 and 10 behind tokenizers that write 10 as "10" and as "1", "0": real servers, counted calls."""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from endpoint_model import backend_of, model, request

from evalharness.errors import PermanentError

GRADES = tuple(f"{score}]]" for score in range(1, 11))
TEMPLATE = "{% for message in messages %}{{ message.content }}{% endfor %}"
TEN = 0.4  # of the 0.45 that a grade begins with 1


@asynccontextmanager
async def grader(*, splits: bool):
    """Serve a judge that grades 1, 8, 9 or 10; yield its address and the bodies that it was sent."""
    bodies = []

    def choose(body):
        """Return the likeliest next tokens."""
        text = body.get("prompt") or body["messages"][-1]["content"]
        if "Write 10" in text:
            return {"1": 0.99, "The": 0.01} if splits else {"10": 0.99, "1": 0.01}
        if text.endswith("[[1"):
            return {"0": TEN / 0.45, "]]": 1 - TEN / 0.45}
        if splits:
            return {"1": 0.45, "9": 0.3, "8": 0.25}
        if "ten" in text:
            return {"10": TEN, "1": 0.45 - TEN, "9": 0.3, "8": 0.25}
        return {"1": 0.45, "9": 0.3, "8": 0.25}  # 10 is not among the likeliest

    async def answer(http):
        body = await http.json()
        bodies.append(body)
        logs = {token: math.log(share) for token, share in choose(body).items()}
        if "prompt" in body:
            choice = {"text": "1", "logprobs": {"top_logprobs": [logs]}}
        else:
            listed = [{"token": token, "logprob": log} for token, log in logs.items()]
            logprobs = {"content": [{**listed[0], "top_logprobs": listed}]}
            choice = {"message": {"content": "1"}, "logprobs": logprobs}
        usage = {"prompt_tokens": 10, "completion_tokens": 1}
        return web.json_response({"choices": [choice], "usage": usage})

    application = web.Application()
    application.router.add_post("/v1/completions", answer)
    application.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1", bodies
    finally:
        await runner.cleanup()


def _grade(text="Grade this."):
    return request(text, options=GRADES, prefill="Rating: [[")


async def test_a_completions_endpoint_is_asked_how_the_grade_goes_on():
    """The probabilities are exact, and both requests are counted."""
    async with grader(splits=True) as (url, bodies):
        spec = model(url, endpoint="completions", template=TEMPLATE)
        async with backend_of(spec) as (backend, _):
            found = await backend.complete(_grade())

    assert found.option_probabilities == pytest.approx((0.05, 0, 0, 0, 0, 0, 0, 0.25, 0.3, 0.4))
    assert [body["prompt"][-3:] for body in bodies] == [" [[", "[[1"]
    assert (found.prompt_tokens, found.completion_tokens, found.attempts) == (20, 2, 2)


async def test_a_chat_endpoint_that_spells_ten_is_refused_after_one_probe():
    """No grade is read wrongly, and no further call is paid for."""
    async with grader(splits=True) as (url, bodies), backend_of(model(url)) as (backend, _):
        calls = [backend.complete(_grade(f"Grade {number}.")) for number in range(3)]
        found = await asyncio.gather(*calls, return_exceptions=True)
        later = [await _outcome(backend) for _ in range(20)]
        text = await backend.complete(request("Say one."))

    assert {error.reason for error in (*found, *later)} == {"split_options"}
    assert all("reading=text" in str(error) for error in later)
    assert text.text == "1"
    assert sum("Write 10" in body["messages"][-1]["content"] for body in bodies) == 1
    assert len(bodies) == 3 + 1 + 1


async def test_a_chat_endpoint_that_writes_ten_whole_is_read_after_one_probe():
    """10 is not always among the likeliest tokens; then the token 1 means 1."""
    async with grader(splits=False) as (url, bodies), backend_of(model(url)) as (backend, _):
        found = [await backend.complete(_grade(f"Grade {number}.")) for number in range(3)]
        listed = await backend.complete(_grade("Grade ten."))

    for each in found:
        assert each.option_probabilities == pytest.approx((0.45, 0, 0, 0, 0, 0, 0, 0.25, 0.3, 0))
    assert listed.option_probabilities == pytest.approx((0.05, 0, 0, 0, 0, 0, 0, 0.25, 0.3, 0.4))
    assert len(bodies) == 3 + 1 + 1


async def _outcome(backend):
    try:
        return await backend.complete(_grade())
    except PermanentError as error:
        return error
