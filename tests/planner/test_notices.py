"""What a user is told before a run: models that end, and prices that nobody knows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import model_spec
from planned_runs import JUDGE, PRICED, build_model

from evalharness.config import load_settings
from evalharness.domain import Budget, JudgingSpec, RunSpec
from evalharness.errors import ConfigError
from evalharness.planner import describe_plan, find_missing, list_notices, refuse_missing_models

ELSEWHERE = ("https://llm.example.org/v1",)


def _run_of(*models, judge=JUDGE) -> RunSpec:
    return RunSpec(name="run", models=models, judges=(judge,), questions=(), judging=JudgingSpec())


def test_an_unknown_price_is_said_and_never_counted_as_nothing():
    """Zero dollars would read as a free model."""
    spec = _run_of(build_model("a", base_url=ELSEWHERE), build_model("b", prices=PRICED))

    (said, limit) = list_notices(spec, Budget(usd=5.0))
    plan = describe_plan(spec)

    assert said.startswith("price unknown: models.a; set prices.input")
    assert limit == "budget.usd=5 does not count what these cost: models.a"
    assert plan[2].startswith("answers   a: ")
    assert plan[2].endswith("price unknown")
    assert "price unknown" not in plan[3]
    assert "more at unknown prices" in next(line for line in plan if line.startswith("total"))


@pytest.mark.parametrize(
    "model",
    [
        build_model("a", base_url=("http://127.0.0.1:8000/v1",)),
        build_model("a", base_url=("http://gpu-node:8000/v1",)),
        model_spec("scripted", name="a"),
        model_spec("recorded", name="a"),
    ],
    ids=["loopback", "own network", "scripted", "recorded"],
)
def test_models_of_ones_own_machines_have_no_price_to_be_known(model):
    """Nothing is paid for their tokens."""
    assert list_notices(_run_of(model), Budget(usd=5.0)) == ()


def test_the_judges_are_left_out_where_they_are_not_called():
    """`answer` asks candidates only."""
    judge = replace(JUDGE, model=build_model("judge", base_url=ELSEWHERE))
    spec = _run_of(judge=judge)

    assert list_notices(spec, Budget(), judges=False) == ()
    assert list_notices(spec, Budget())[0].startswith("price unknown: judge judge;")


def test_a_retired_model_is_refused_at_its_maker_and_said_elsewhere():
    """Answers are not paid for before a judge that no longer answers; another server may have it."""
    shut = load_settings(["models=[bard]", "judge=gpt-4"]).run
    own = load_settings(
        ["models=[bard]", "judge=gpt-4", "judge.model.base_url=http://127.0.0.1:1/v1"]
    ).run

    with pytest.raises(ConfigError, match=r"judge gpt-4: https://api.openai.com/v1 no longer"):
        refuse_missing_models(shut)
    assert "use gpt-6.1-sol" in find_missing(shut)["judge gpt-4"]
    assert "retired" not in find_missing(own)["judge gpt-4"]
    assert "judge gpt-4: retired 2026-10-23; use gpt-6.1-sol" in list_notices(own, Budget())


def test_a_model_with_a_day_to_come_is_asked_and_the_day_is_said():
    """Its provider still answers."""
    spec = load_settings(
        ["models=[gpt-4o]", "judge=scripted", "models.gpt-4o.retired=9999-01-14"]
    ).run

    assert list_notices(spec, Budget()) == ("models.gpt-4o: ends 9999-01-14; use gpt-6.1-sol",)
    assert "no longer" not in find_missing(spec).get("gpt-4o", "")
