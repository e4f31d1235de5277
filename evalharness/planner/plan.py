"""Describe what a run would do, and what it would cost, without asking any model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.domain import RunStage
from evalharness.judge import uses_adaptive_pairs
from evalharness.planner.benchmark_eligibility import describe_benchmarks
from evalharness.planner.cost import THOUGHT_TOKENS, CostEstimate, estimate_costs
from evalharness.planner.variance_shares import describe_variance_shares

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalharness.domain import RunRecords, RunSpec

_STAGE_LABELS = {RunStage.ANSWER: "answers", RunStage.JUDGE: "judgments"}


def describe_plan(spec: RunSpec, records: RunRecords | None = None) -> list[str]:
    """Return lines about the parts of a run, and the cost of those that are missing.

    Args:
        spec: what to run.
        records: what its folder holds, if it exists.
    """
    turns = sum(len(question.turns) for question in spec.questions)
    estimates = estimate_costs(spec, records)
    benchmarks = describe_benchmarks(spec)
    lines = [
        f"run       {spec.name}",
        f"questions {len(spec.questions)} with {turns} turns",
        *(_cost_line(_STAGE_LABELS[each.stage], f"{each.name}: ", each) for each in estimates),
        _cost_line("total", "", _total_cost(estimates)) + _describe_uncounted(benchmarks),
        *_describe_thoughts(estimates),
        *benchmarks,
    ]
    if uses_adaptive_pairs(spec):
        lines.append(
            "adaptive  judgments are those of all pairs, the most; clear orders end it sooner"
        )
    if any(judge.model.batch for judge in spec.judges):
        lines.append("time      a batch is done within a day, often within an hour")
    if done := sum(each.done for each in estimates):
        lines.append(f"done      {done} calls, which are not made again")
    return [*lines, *describe_variance_shares(records)]


def _describe_thoughts(estimates: Sequence[CostEstimate]) -> Iterator[str]:
    """Yield what is counted for thoughts: as many tokens as so far, or else as assumed."""
    thinking = [each for each in estimates if each.thought_tokens]
    assumed = [each.name for each in thinking if each.are_thoughts_assumed]
    measured = [each for each in thinking if not each.are_thoughts_assumed]
    if assumed:
        yield (
            f"thoughts  {THOUGHT_TOKENS:,} tokens before each reply are assumed for "
            f"{', '.join(assumed)}; a model may think far longer"
        )
    for each in measured:
        share = each.thought_tokens / each.completion_tokens
        yield f"thoughts  {each.name}: {share:.0%} of the tokens written, as so far in this run"


def _cost_line(label: str, name: str, cost: CostEstimate) -> str:
    read, written = _format_tokens(cost.prompt_tokens), _format_tokens(cost.completion_tokens)
    parts = [f"{cost.calls} calls", f"about {read} tokens read and {written} written"]
    if cost.usd is not None and cost.usd_at_most is not None:
        parts.append(f"about ${cost.usd:.2f} (at most ${cost.usd_at_most:.2f})")
    if cost.is_price_missing:
        parts.append("more at unknown prices" if cost.usd is not None else "price unknown")
    parts += _describe_time(cost)
    return f"{label:9} {name}{', '.join(parts)}"


def _describe_uncounted(benchmarks: Sequence[str]) -> str:
    """Return that the total is without the benchmarks, whose calls are not known before."""
    has_benchmarks = any(line.startswith("benchmark ") for line in benchmarks)
    return ", plus benchmarks: calls, tokens, price and time unknown" if has_benchmarks else ""


def _describe_time(cost: CostEstimate) -> Iterator[str]:
    """Yield the time of the calls; of a sum, what is known of it is the least."""
    if cost.is_time_missing:
        known = f"at least {_format_duration(cost.seconds)} plus the " if cost.seconds else ""
        yield f"time {known}unknown"
    elif cost.seconds:
        yield f"about {_format_duration(cost.seconds)}"


def _total_cost(estimates: Sequence[CostEstimate]) -> CostEstimate:
    """Return the sum of all estimates. Stages overlap, so the time is the longest that is known."""
    priced = [each for each in estimates if each.usd is not None]
    return CostEstimate(
        stage=RunStage.JUDGE,
        name="",
        calls=sum(each.calls for each in estimates),
        done=sum(each.done for each in estimates),
        prompt_tokens=sum(each.prompt_tokens for each in estimates),
        completion_tokens=sum(each.completion_tokens for each in estimates),
        usd=sum(each.usd or 0.0 for each in priced) if priced else None,
        usd_at_most=sum(each.usd_at_most or 0.0 for each in priced) if priced else None,
        seconds=max((each.seconds or 0.0 for each in estimates), default=0.0),
        is_price_missing=any(each.is_price_missing for each in estimates),
        is_time_missing=any(each.is_time_missing for each in estimates),
    )


def _format_tokens(tokens: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if tokens >= size:
            return f"{tokens / size:.1f}{unit}"
    return f"{tokens:.0f}"


def _format_duration(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{max(1.0, seconds):.0f} s"
