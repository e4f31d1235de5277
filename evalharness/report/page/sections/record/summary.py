"""Summarize the run: models, ranking, cautions, counts and cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.report.number_format import (
    format_count,
    format_dollars,
    format_list,
    format_quantity,
)
from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template
from evalharness.report.ranking_summary import summarize_ranking
from evalharness.stats import HUMAN_PREFIX

if TYPE_CHECKING:
    from evalharness.domain import RunRecords
    from evalharness.report.page.page_data import PageData


@dataclass(frozen=True, slots=True, kw_only=True)
class _CountTile:
    """One count; `is_trouble` if a reader should know it before trusting the figures."""

    value: str
    label: str
    is_trouble: bool = False


def render_summary(data: PageData) -> str:
    """Return the top of the page."""
    return fill_template(
        "sections/record/summary",
        data=data,
        headline=_describe_run(data),
        finding=summarize_ranking(data.leaderboard),
        tiles=_count_tiles(data),
        roles=_usage_by_role(data),
    )


def _describe_run(data: PageData) -> str:
    compared = format_quantity(len(data.models), "model")
    if data.has_only_labelled_pairs:
        compared = "labelled pairs"
    ids = {battle.question_id for battle in data.battles}
    asked = format_quantity(len(data.records.questions) or len(ids), "question")
    if data.stopped and data.progress.questions.planned:
        asked = f"{data.progress.questions} questions so far"
    people = [judge for judge in data.judges if judge.startswith(HUMAN_PREFIX)]
    models = [judge for judge in data.judges if judge not in people]
    if data.only_benchmarks:
        return f"{compared} on {format_quantity(_count_benchmarks(data), 'benchmark')}"
    if not data.judges:
        return f"{compared} on {asked}, judged by nobody"
    if not people or not models:
        return f"{compared} on {asked}, judged by {format_list(data.judges)}"
    voters = "1 person" if len(people) == 1 else f"{format_count(len(people))} people"
    return f"{compared} on {asked}, judged by {format_list(models)} and checked by {voters}"


def _count_tiles(data: PageData) -> list[_CountTile]:
    records = data.records
    troubles = {
        "unscored": data.unscored,
        "cut off": data.truncated,
        "empty": data.empty,
        "failures": len(data.failures),
        **({"not asked yet": data.progress.not_asked} if data.stopped else {}),
    }
    if data.only_benchmarks:
        benchmarks = _CountTile(value=format_count(_count_benchmarks(data)), label="benchmarks")
        return [benchmarks, *_list_cost_tiles(data)]
    counts = {
        "answers": len(records.answers),
        "grades": len(records.graded),
        "games": len(records.games),
        "votes": len(records.votes),
    }
    return [
        *(
            _CountTile(value=format_count(number), label=label)
            for label, number in counts.items()
            if number
        ),
        _CountTile(value=_count_battles(data), label="battles"),
        *(
            _CountTile(value=format_count(number), label=label, is_trouble=number > 0)
            for label, number in troubles.items()
            if number or _may_have_trouble(label, records)
        ),
        *_list_cost_tiles(data),
    ]


def _may_have_trouble(label: str, records: RunRecords) -> bool:
    """Return whether a count of zero says something; an import without answers has none cut off."""
    needed = {"cut off": records.answers, "empty": records.answers, "unscored": records.judgments}
    return bool(needed.get(label, records.answers or records.judgments))


def _count_battles(data: PageData) -> str:
    """Return the number of battles; of a run that stopped, also the number that it was to have."""
    is_part = data.stopped and data.progress.battles.planned
    return str(data.progress.battles) if is_part else format_count(data.rated_battles)


def _count_benchmarks(data: PageData) -> int:
    return len({(each.suite, each.benchmark) for each in data.records.benchmarks})


def _list_cost_tiles(data: PageData) -> list[_CountTile]:
    """Return the cost of the run, or that the prices of some of its models are unknown."""
    unpriced = [name for usage in data.usage.values() for name in usage.get("unpriced") or ()]
    costs = _total_cost(data)
    if not unpriced:
        return [_CountTile(value=format_dollars(cost), label="cost") for cost in costs]
    label = f"cost; price unknown: {', '.join(dict.fromkeys(map(str, unpriced)))}"
    known = sum(usage.get("usd") or 0.0 for _, usage in _usage_by_role(data))
    return [_CountTile(value=f"{format_dollars(known)} + ?" if known else "?", label=label)]


def _total_cost(data: PageData) -> list[float]:
    """Return the cost of all roles, or an empty list if the cost of a role is unknown."""
    costs = [usage.get("usd") for _, usage in _usage_by_role(data)]
    known = [cost for cost in costs if cost is not None]
    return [sum(known)] if known and len(known) == len(costs) else []


def _usage_by_role(data: PageData) -> list[tuple[str, dict[str, Any]]]:
    """Return the usage of each role, with None for counts that are missing."""
    absent = dict.fromkeys(("calls", "prompt_tokens", "completion_tokens", "usd"))
    return [(role, {**absent, **usage}) for role, usage in data.usage.items()]


SECTION = Section(address="summary", place=10, title="", render=render_summary)
