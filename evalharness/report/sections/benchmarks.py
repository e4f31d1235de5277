"""Scores of standard benchmarks, as the evaluation harness gave them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.report.templates import fill

if TYPE_CHECKING:
    from evalharness.report.facts import Facts

PLACE = 50
TITLE = "Benchmarks"


def render(facts: Facts) -> str:
    """Return a row for each task and metric, or nothing when no benchmark was run."""
    scores = facts.records.benchmarks
    if not scores:
        return ""
    kinds = dict.fromkeys((s.benchmark, s.task, s.metric, s.few_shot) for s in scores)
    by_model = {(s.benchmark, s.task, s.metric, s.few_shot, s.model): s for s in scores}
    measured = {score.model for score in scores}
    models = [model for model in facts.models if model in measured]
    return fill(
        "sections/benchmarks",
        models=models,
        rows=[(kind, [by_model.get((*kind, model)) for model in models]) for kind in kinds],
        versions=sorted({score.harness_version for score in scores}),
    )
