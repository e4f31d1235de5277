"""What a run has used: calls, tokens, dollars, and whose price is unknown."""

from __future__ import annotations

from builders import answer
from planned_runs import JUDGE, PRICED, build_model

from evalharness.domain import JudgingSpec, RunSpec
from evalharness.runner.usage import sum_usage_by_role


def test_models_at_unknown_prices_are_named():
    """A sum of dollars that leaves them out says so."""
    elsewhere = ("https://llm.example.org/v1",)
    models = (
        build_model("dear", prices=PRICED),
        build_model("unknown", base_url=elsewhere),
        build_model("own", base_url=("http://127.0.0.1:8000/v1",)),
        build_model("idle", base_url=elsewhere),
    )
    spec = RunSpec(name="r", models=models, judges=(JUDGE,), questions=(), judging=JudgingSpec())

    by_role = sum_usage_by_role(
        spec, [answer(name, "q1") for name in ("dear", "unknown", "own")], ()
    )

    assert by_role["candidates"]["unpriced"] == ["unknown"]
    assert by_role["candidates"]["by_model"]["unknown"]["usd"] is None
    assert "unpriced" not in by_role["judges"]
