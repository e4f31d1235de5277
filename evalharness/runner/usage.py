"""Sum the calls, tokens and cost that a run has used, by role and by model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.domain import Usage
from evalharness.planner import is_price_missing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalharness.domain import Answer, Judgment, ModelSpec, RunSpec

_USAGE_COUNTS = ("calls", "prompt_tokens", "cached_tokens", "completion_tokens")


@dataclass(frozen=True, slots=True)
class Spent:
    """The calls that a run has made, and their cost in US dollars as far as prices are known."""

    calls: int = 0
    usd: float = 0.0


def sum_spent(
    spec: RunSpec,
    answers: Iterable[Answer],
    judgments: Iterable[Judgment],
    trials: Iterable[Judgment] = (),
) -> Spent:
    """Return what the answers, judgments and trial verdicts of a run have cost."""
    by_role = sum_usage_by_role(spec, answers, judgments, trials).values()
    return Spent(
        calls=sum(role["calls"] for role in by_role),
        usd=sum(role["usd"] or 0.0 for role in by_role),
    )


def sum_usage_by_role(
    spec: RunSpec,
    answers: Iterable[Answer],
    judgments: Iterable[Judgment],
    trials: Iterable[Judgment] = (),
) -> dict[str, dict[str, Any]]:
    """Return calls, tokens and US dollars by role, and in each role by model.

    Dollars are None without prices. `unpriced` names the models whose calls cost money at prices
    that nobody knows, if there are any.
    """
    candidates: dict[str, list[Usage]] = {model.name: [] for model in spec.models}
    for answer in answers:
        candidates.setdefault(answer.model, []).extend(turn.usage for turn in answer.turns)
    judges: dict[str, list[Usage]] = {judge.name: [] for judge in spec.judges}
    for judgment in judgments:
        judges.setdefault(judgment.judge, []).append(judgment.usage)
    tried: dict[str, list[Usage]] = {}
    for trial in trials:
        tried.setdefault(trial.judge, []).append(trial.usage)
    models = {model.name: model for model in spec.models}
    judge_models = {judge.name: judge.model for judge in spec.judges}
    return {
        "candidates": _usage_by_model(candidates, models),
        "judges": _usage_by_model(judges, judge_models),
        **({"trials": _usage_by_model(tried, judge_models)} if tried else {}),
    }


def sum_benchmark_usage(
    spec: RunSpec, benchmarks: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> dict[str, dict[str, Any]]:
    """Return the calls of benchmarks to endpoints, as `sum_usage_by_role` does; empty without any."""
    used: dict[str, list[Usage]] = {}
    count = 0
    for model, results in benchmarks.items():
        for about in results.values():
            if "calls" in about and "same_as" not in about:
                count += about["calls"]
                usage = Usage(
                    prompt_tokens=about["prompt_tokens"],
                    completion_tokens=about["completion_tokens"],
                )
                used.setdefault(model, []).append(usage)
    if not count:
        return {}
    summed = _usage_by_model(used, {model.name: model for model in spec.models})
    return {"benchmarks": summed | {"calls": count}}


def _usage_by_model(
    calls: Mapping[str, Sequence[Usage]], specs: Mapping[str, ModelSpec]
) -> dict[str, Any]:
    each = {name: _sum_usage(usages, specs.get(name)) for name, usages in calls.items()}
    priced = [own["usd"] for own in each.values() if own["usd"] is not None]
    unpriced = [name for name in each if _costs_unknown(calls[name], specs.get(name))]
    return {
        **{name: sum(own[name] or 0 for own in each.values()) for name in _USAGE_COUNTS},
        "usd": round(sum(priced), 6) if priced else None,
        "by_model": each,
        **({"unpriced": unpriced} if unpriced else {}),
    }


def _sum_usage(usages: Sequence[Usage], spec: ModelSpec | None) -> dict[str, float | int | None]:
    priced = spec is not None and spec.prices.is_known
    return {
        "calls": len(usages),
        "prompt_tokens": _sum_counts(usage.prompt_tokens for usage in usages),
        "cached_tokens": _sum_counts(usage.cached_tokens for usage in usages),
        "completion_tokens": _sum_counts(usage.completion_tokens for usage in usages),
        "usd": round(sum(map(spec.usd_for_usage, usages)), 6) if spec and priced else None,
    }


def _costs_unknown(usages: Sequence[Usage], spec: ModelSpec | None) -> bool:
    return bool(usages) and spec is not None and is_price_missing(spec)


def _sum_counts(counts: Iterable[int | None]) -> int:
    return sum(count or 0 for count in counts)
