"""Say what a user should know before a run: models that end, and prices that nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.domain import describe_retirement
from evalharness.planner.cost import is_price_missing
from evalharness.store import current_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalharness.domain import Budget, ModelSpec, RunSpec


def list_notices(spec: RunSpec, budget: Budget, *, judges: bool = True) -> tuple[str, ...]:
    """Return a sentence for each thing to know before a run.

    Args:
        spec: the run.
        budget: its limits.
        judges: whether its judges are called as well.
    """
    models = {f"models.{model.name}": model for model in spec.models}
    called = {f"judge {judge.name}": judge.model for judge in spec.judges} if judges else {}
    return (
        *_describe_ends(models | called),
        *_describe_unknown_prices(models | called, budget),
    )


def _describe_ends(models: Mapping[str, ModelSpec]) -> Iterator[str]:
    today = current_timestamp()[:10]
    for name, model in models.items():
        end = describe_retirement(model.retired, model.successor, today)
        if end is not None:
            yield f"{name}: {end}"


def _describe_unknown_prices(models: Mapping[str, ModelSpec], budget: Budget) -> Iterator[str]:
    unknown = [name for name, model in models.items() if is_price_missing(model)]
    if not unknown:
        return
    yield (
        f"price unknown: {', '.join(unknown)}; "
        "set prices.input and prices.output, in dollars for a million tokens"
    )
    if budget.usd is not None:
        yield f"budget.usd={budget.usd:g} does not count what these cost: {', '.join(unknown)}"
