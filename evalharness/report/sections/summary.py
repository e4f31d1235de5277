"""What was compared, what was found, what to be careful about, what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.report.numerals import count, counted, dollars, listed
from evalharness.report.templates import fill
from evalharness.report.verdict import find
from evalharness.stats.people import PEOPLE

if TYPE_CHECKING:
    from evalharness.report.facts import Facts

PLACE = 10
TITLE = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tile:
    """One count; `is_trouble` when a reader should know of it before trusting the figures."""

    value: str
    label: str
    is_trouble: bool = False


def render(facts: Facts) -> str:
    """Return the top of the page."""
    return fill(
        "sections/summary",
        facts=facts,
        headline=_headline(facts),
        finding=find(facts.leaderboard),
        tiles=_tiles(facts),
        roles=_roles(facts),
    )


def _headline(facts: Facts) -> str:
    compared = counted(len(facts.models), "model")
    ids = {battle.question_id for battle in facts.battles}
    asked = counted(len(facts.records.questions) or len(ids), "question")
    people = [judge for judge in facts.judges if judge.startswith(PEOPLE)]
    models = [judge for judge in facts.judges if judge not in people]
    if facts.only_benchmarks:
        return f"{compared} on {counted(_benchmarks(facts), 'benchmark')}"
    if not facts.judges:
        return f"{compared} on {asked}, judged by nobody"
    if not people or not models:
        return f"{compared} on {asked}, judged by {listed(facts.judges)}"
    voters = "1 person" if len(people) == 1 else f"{count(len(people))} people"
    return f"{compared} on {asked}, judged by {listed(models)} and checked by {voters}"


def _tiles(facts: Facts) -> list[_Tile]:
    records = facts.records
    troubles = {
        "unscored": facts.unscored,
        "cut off": facts.truncated,
        "failures": len(facts.failures),
    }
    if facts.only_benchmarks:
        counts = [_Tile(value=count(_benchmarks(facts)), label="benchmarks")]
        return [*counts, *(_Tile(value=dollars(cost), label="cost") for cost in _cost(facts))]
    return [
        _Tile(value=count(len(records.answers)), label="answers"),
        _Tile(value=count(len(records.graded)), label="grades"),
        _Tile(value=count(len(records.games)), label="games"),
        *([_Tile(value=count(len(records.votes)), label="votes")] if records.votes else []),
        _Tile(value=count(len(facts.battles)), label="battles"),
        *(
            _Tile(value=count(number), label=label, is_trouble=number > 0)
            for label, number in troubles.items()
        ),
        *(_Tile(value=dollars(cost), label="cost") for cost in _cost(facts)),
    ]


def _benchmarks(facts: Facts) -> int:
    return len({(each.suite, each.benchmark) for each in facts.records.benchmarks})


def _cost(facts: Facts) -> list[float]:
    """Return the cost of all roles, or nothing when some role's cost is not known."""
    costs = [usage.get("usd") for _, usage in _roles(facts)]
    known = [cost for cost in costs if cost is not None]
    return [sum(known)] if known and len(known) == len(costs) else []


def _roles(facts: Facts) -> list[tuple[str, dict[str, Any]]]:
    """Return the usage of each role, with None for what was not counted."""
    absent = dict.fromkeys(("calls", "prompt_tokens", "completion_tokens", "usd"))
    return [(role, {**absent, **usage}) for role, usage in facts.usage.items()]
