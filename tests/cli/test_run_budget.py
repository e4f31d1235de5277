"""A budget is never exceeded, paid replies are kept, and the run can be resumed."""

from __future__ import annotations

import json
import urllib.request

import pytest
from server import serving

from evalharness.cli import main

TRIAL = 1  # the judge's verdict before the first answer
ANSWERS, JUDGMENTS = 2 * 4 * 2, 4 * 2 * 4  # two models, four questions, two turns


@pytest.fixture(autouse=True)
def in_a_temporary_folder(tmp_path, monkeypatch):
    """Write results to a temporary folder; put the key of the judge into the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")


def _run(url: str, *overrides: str) -> int:
    models = ("vicuna-13b", "alpaca-7b")
    return main(
        [
            "run",
            f"models=[{','.join(models)}]",
            *(f"models.{name}.backend=openai_compatible" for name in models),
            *(f"models.{name}.base_url={url}/v1" for name in models),
            "judge=gpt-4",
            f"judge.model.base_url={url}/v1",
            "judge.model.prices.input=30",
            "judge.model.prices.output=60",
            "judge.model.sampling.max_tokens=100",
            "questions.limit=4",
            "run=mine",
            *overrides,
        ]
    )


def _asked(url: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{url}/calls", timeout=10) as reply:  # noqa: S310 - our server
        return json.load(reply)["by_request"]


def _manifest(tmp_path) -> dict:
    return json.loads((tmp_path / "results/mine/manifest.json").read_text())


def test_a_budget_of_calls_is_not_exceeded_and_a_larger_one_resumes_the_run(tmp_path, capsys):
    """The allowed number of calls is made, a page is written, and no call is repeated later."""
    with serving("--latency", "0.01") as url:
        assert _run(url, "budget.calls=20") == 1
        said = capsys.readouterr()
        first = sum(_asked(url).values())
        page = (tmp_path / "results/mine/report.html").read_text()
        assert _run(url, "budget.calls=20") == 1
        again = sum(_asked(url).values())
        assert _run(url) == 0
        asked = _asked(url)

    assert (first, again) == (20, 20)
    assert "stopped: budget.calls=20 are made" in said.err
    assert "interrupted" not in said.err
    assert page.lower().startswith("<!doctype html>")
    assert not (tmp_path / "results/mine/failures.jsonl").read_text()
    assert sum(asked.values()) == TRIAL + ANSWERS + JUDGMENTS
    assert max(asked.values()) == 1


def test_broken_replies_are_calls_in_this_session_and_the_next(tmp_path, capsys):
    """There were 61 requests, and none was counted."""
    once = [f"models.{name}.max_attempts=1" for name in ("vicuna-13b", "alpaca-7b")]
    with serving("--always", "half_json") as url:
        codes = [_run(url, "budget.calls=4", "judge.trial=false", *once) for _ in range(2)]
        asked = sum(_asked(url).values())

    assert codes == [1, 1]
    assert asked == 4
    assert _manifest(tmp_path)["unrecorded_calls"] == 4
    assert "stopped: budget.calls=4 are made" in capsys.readouterr().err


def test_a_budget_of_dollars_is_not_exceeded(tmp_path, capsys):
    """At the list price of the judge, the cost stays below the limit and comes close to it."""
    with serving() as url:
        assert _run(url, "budget.usd=0.5") == 1

    usage = _manifest(tmp_path)["usage"]
    assert "stopped: budget.usd=0.5, of which 0.4" in capsys.readouterr().err
    assert usage["candidates"]["calls"] == ANSWERS  # they have no price
    assert usage["candidates"]["usd"] is None
    assert 0.4 < usage["judges"]["usd"] <= 0.5
    assert usage["judges"]["by_model"]["gpt-4"]["usd"] == usage["judges"]["usd"]


def test_a_budget_of_minutes_ends_the_run(tmp_path, capsys):
    """When the time is over, no new call is made, and calls in flight finish."""
    with serving("--latency", "0.2") as url:
        assert _run(url, "budget.minutes=0.01", "judge.model.concurrency=1") == 1
        asked = sum(_asked(url).values())

    manifest = _manifest(tmp_path)
    kept = sum(role["calls"] for role in manifest["usage"].values())
    assert "stopped: budget.minutes=0.01 are over" in capsys.readouterr().err
    assert kept == asked < ANSWERS + JUDGMENTS


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("budget.usd=-1", "budget.usd=-1.0: must be at least 0"),
        ("budget.dollars=1", "budget.dollars"),
        ("budget.usd=5", "no price is known"),
    ],
)
def test_a_budget_that_cannot_be_kept_is_refused(capsys, override, words):
    """No call is made under a limit that has no meaning."""
    assert main(["run", "models=[vicuna-13b]", "judge=scripted", override]) == 2

    assert words in capsys.readouterr().err


def test_without_a_budget_a_run_is_counted_all_the_same(tmp_path):
    """The manifest has calls and tokens by role and by model."""
    with serving() as url:
        assert _run(url) == 0

    usage = _manifest(tmp_path)["usage"]
    assert (usage["candidates"]["calls"], usage["judges"]["calls"]) == (ANSWERS, JUDGMENTS)
    by_model = usage["candidates"]["by_model"]
    assert {name: own["calls"] for name, own in by_model.items()} == {
        "vicuna-13b": ANSWERS // 2,
        "alpaca-7b": ANSWERS // 2,
    }
    assert 0 < usage["judges"]["cached_tokens"] <= usage["judges"]["prompt_tokens"] / 2
