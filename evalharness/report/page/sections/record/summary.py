"""What was compared, what was found, what to be careful about, what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.report.number_format import (
    format_count,
    format_dollars,
    format_list,
    format_quantity,
)
from evalharness.report.page.templates import fill_template
from evalharness.report.ranking_summary import summarize_ranking
from evalharness.stats import HUMAN_PREFIX

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData

PLACE = 10
TITLE = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _CountTile:
    """One count; `is_trouble` when a reader should know of it before trusting the figures."""

    value: str
    label: str
    is_trouble: bool = False


def render(facts: PageData) -> str:
    """Return the top of the page."""
    return fill_template(
        "sections/record/summary",
        facts=facts,
        headline=_describe_run(facts),
        finding=summarize_ranking(facts.leaderboard),
        tiles=_count_tiles(facts),
        roles=_usage_by_role(facts),
    )


def _describe_run(facts: PageData) -> str:
    compared = format_quantity(len(facts.models), "model")
    ids = {battle.question_id for battle in facts.battles}
    asked = format_quantity(len(facts.records.questions) or len(ids), "question")
    people = [judge for judge in facts.judges if judge.startswith(HUMAN_PREFIX)]
    models = [judge for judge in facts.judges if judge not in people]
    if facts.only_benchmarks:
        return f"{compared} on {format_quantity(_count_benchmarks(facts), 'benchmark')}"
    if not facts.judges:
        return f"{compared} on {asked}, judged by nobody"
    if not people or not models:
        return f"{compared} on {asked}, judged by {format_list(facts.judges)}"
    voters = "1 person" if len(people) == 1 else f"{format_count(len(people))} people"
    return f"{compared} on {asked}, judged by {format_list(models)} and checked by {voters}"


def _count_tiles(facts: PageData) -> list[_CountTile]:
    records = facts.records
    troubles = {
        "unscored": facts.unscored,
        "cut off": facts.truncated,
        "failures": len(facts.failures),
    }
    if facts.only_benchmarks:
        counts = [_CountTile(value=format_count(_count_benchmarks(facts)), label="benchmarks")]
        return [
            *counts,
            *(_CountTile(value=format_dollars(cost), label="cost") for cost in _total_cost(facts)),
        ]
    return [
        _CountTile(value=format_count(len(records.answers)), label="answers"),
        _CountTile(value=format_count(len(records.graded)), label="grades"),
        _CountTile(value=format_count(len(records.games)), label="games"),
        *(
            [_CountTile(value=format_count(len(records.votes)), label="votes")]
            if records.votes
            else []
        ),
        _CountTile(value=format_count(len(facts.battles)), label="battles"),
        *(
            _CountTile(value=format_count(number), label=label, is_trouble=number > 0)
            for label, number in troubles.items()
        ),
        *(_CountTile(value=format_dollars(cost), label="cost") for cost in _total_cost(facts)),
    ]


def _count_benchmarks(facts: PageData) -> int:
    return len({(each.suite, each.benchmark) for each in facts.records.benchmarks})


def _total_cost(facts: PageData) -> list[float]:
    """Return the cost of all roles, or nothing when some role's cost is not known."""
    costs = [usage.get("usd") for _, usage in _usage_by_role(facts)]
    known = [cost for cost in costs if cost is not None]
    return [sum(known)] if known and len(known) == len(costs) else []


def _usage_by_role(facts: PageData) -> list[tuple[str, dict[str, Any]]]:
    """Return the usage of each role, with None for what was not counted."""
    absent = dict.fromkeys(("calls", "prompt_tokens", "completion_tokens", "usd"))
    return [(role, {**absent, **usage}) for role, usage in facts.usage.items()]
