"""OpenAI's own client calls the test server, which is a separate process."""

from __future__ import annotations

import json
from urllib.request import urlopen

import pytest
from endpoint_model import KEY
from openai import OpenAI, RateLimitError
from server import serving


def test_openais_own_client_understands_the_server_and_the_server_counts():
    """If OpenAI's client can read the replies, they are like those of OpenAI's server."""
    with serving("--behaviors", "rate_limited") as url:
        with OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:
            asked = {"model": "gpt-4", "messages": [{"role": "user", "content": "Hello."}]}
            with pytest.raises(RateLimitError):
                client.chat.completions.create(**asked)
            chat = client.chat.completions.create(**asked, logprobs=True, top_logprobs=3)
            text = client.completions.create(model="alpaca-7b", prompt="Hello.", logprobs=3)
        with urlopen(f"{url}/calls") as response:  # noqa: S310 - the loopback
            counts = json.load(response)

    assert chat.choices[0].message.content.startswith("This is reply")
    assert len(chat.choices[0].logprobs.content[0].top_logprobs) == 3
    assert len(text.choices[0].logprobs.top_logprobs[0]) == 3
    assert chat.usage.prompt_tokens == 1
    assert counts["total"] == 3
    assert counts["by_model"] == {"gpt-4": 2, "alpaca-7b": 1}
    assert sorted(counts["by_request"].values()) == [1, 1, 1]
