"""The finding in one sentence: which models are ahead of which, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from evalharness.report.number_format import format_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.analysis import Leaderboard, LeaderboardRow


MAX_NAMED_MODELS = 3
"""More models than this are left to the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingSummary:
    """The sentence, and by what models were told apart (nothing where they could not be)."""

    sentence: str
    basis: str = ""


def summarize_ranking(leaderboard: Leaderboard) -> RankingSummary:
    """Return the finding in plain words with its certainty.

    A model is called ahead of another only when their rank sets (or, without these, their
    intervals) do not meet.
    """
    rows = leaderboard.rows
    if not rows:
        return RankingSummary(sentence="No model was evaluated, so there is nothing to rank.")
    if len(rows) == 1:
        alone = f"{rows[0].model} was evaluated alone, so there is nothing to rank."
        return RankingSummary(sentence=alone)
    places, basis = _rank_ranges(rows)
    placed = {place.model for place in places}
    unplaced = format_list([row.model for row in rows if row.model not in placed])
    if not places and any(row.benchmarks for row in rows) and not any(map(_is_judged, rows)):
        return RankingSummary(
            sentence="Benchmarks only: nothing was judged, so no model is ranked."
        )
    if not places:
        return RankingSummary(
            sentence="No figure has an interval, so no model can be called better."
        )
    if len(places) == 1:
        sentence = f"Only {places[0].model} could be placed, so there is nothing to rank."
        return RankingSummary(sentence=sentence, basis=basis)
    sentence = _describe_groups(_separated_groups(places), f"{100 * leaderboard.level:g}%")
    if unplaced:
        sentence += f"; {unplaced} could not be placed"
    return RankingSummary(sentence=f"{sentence}.", basis=basis)


@dataclass(frozen=True, slots=True, kw_only=True)
class _PossibleRanks:
    """Where a model may stand: a smaller number is better, `best` to `worst`."""

    model: str
    best: float
    worst: float
    is_rank_set: bool

    def is_ahead_of(self, other: _PossibleRanks) -> bool:
        return self.worst < other.best

    def is_like(self, other: _PossibleRanks) -> bool:
        """Whether nothing tells the two apart.

        Rank sets may meet although one model is ahead of the other (1 to 2 and 2 to 3), so that
        only equal sets say nothing.
        """
        if self.is_rank_set:
            return (self.best, self.worst) == (other.best, other.worst)
        return not (self.is_ahead_of(other) or other.is_ahead_of(self))

    def may_lead(self, others: Sequence[_PossibleRanks]) -> bool:
        if self.is_rank_set:
            return self.best == 1
        return not any(other.is_ahead_of(self) for other in others)


def _rank_ranges(rows: Sequence[LeaderboardRow]) -> tuple[list[_PossibleRanks], str]:
    """Return the models that can be placed, best first, and what places them."""
    ranks = [(row.model, row.rank_low, row.rank_high) for row in rows]
    ratings = [(row.model, _negated(row.rating_high), _negated(row.rating_low)) for row in rows]
    wins = [(row.model, _negated(row.win_rate_high), _negated(row.win_rate_low)) for row in rows]
    scores = [(row.model, _negated(row.score_high), _negated(row.score_low)) for row in rows]
    for bounds, basis in (
        (ranks, "by simultaneous rank sets"),
        (ratings, "by rating intervals that do not meet"),
        (wins, "by win rate intervals that do not meet"),
        (scores, "by score intervals that do not meet"),
    ):
        places = [
            _PossibleRanks(model=model, best=best, worst=worst, is_rank_set=bounds is ranks)
            for model, best, worst in bounds
            if best is not None and worst is not None
        ]
        if places:
            return sorted(places, key=lambda place: place.best + place.worst), basis
    return [], ""


def _is_judged(row: LeaderboardRow) -> bool:
    return bool(row.battles or row.graded or row.unscored)


def _negated(value: float | None) -> float | None:
    return None if value is None else -value


def _separated_groups(places: Sequence[_PossibleRanks]) -> list[list[_PossibleRanks]]:
    """Return the models in steps: everyone in a step is ahead of everyone in the later ones."""
    groups: list[list[_PossibleRanks]] = [[]]
    for number, place in enumerate(places):
        before, after = places[:number], places[number:]
        if before and all(one.is_ahead_of(other) for one in before for other in after):
            groups.append([])
        groups[-1].append(place)
    return groups


def _describe_groups(groups: Sequence[Sequence[_PossibleRanks]], level: str) -> str:
    first, *rest = groups
    others = [place.model for group in rest for place in group]
    behind = format_list(others) if len(others) <= MAX_NAMED_MODELS else f"all {len(others)} others"
    if not rest:
        return _describe_first_group(first, level)
    if (
        len(rest) > 1
        and len(groups) <= MAX_NAMED_MODELS
        and all(len(group) == 1 for group in groups)
    ):
        chain = ", which is ahead of ".join(group[0].model for group in rest)
        return f"{first[0].model} is ahead of {chain}, all at {level}"
    if len(first) == 1:
        return f"{first[0].model} is ahead of {behind} at {level}{_describe_last_group(rest)}"
    quantity = "both" if len(first) == len(("one", "other")) else "all"
    return f"{_describe_first_group(first, level)}; {quantity} are ahead of {behind}{_describe_last_group(rest)}"


def _describe_first_group(group: Sequence[_PossibleRanks], level: str) -> str:
    """Return what can be said of the first models, between which no clean line runs."""
    if _are_alike(group):
        return f"{format_list([place.model for place in group])} cannot be told apart at {level}"
    first = [place.model for place in group if place.may_lead(group)]
    others = [place.model for place in group if place.model not in first]
    lead = f"Only {format_list(first, 'or')} may be the best at {level}"
    return f"{lead}; {format_list(others)} cannot be" if len(others) <= MAX_NAMED_MODELS else lead


def _are_alike(group: Sequence[_PossibleRanks]) -> bool:
    return all(one.is_like(other) for one, other in combinations(group, 2))


def _describe_last_group(rest: Sequence[Sequence[_PossibleRanks]]) -> str:
    """Return what can be said of the models behind the first ones."""
    last = rest[-1]
    if len(rest) == 1:
        return ", which cannot be told apart" if len(last) > 1 and _are_alike(last) else ""
    return (
        f"; {format_list([place.model for place in last])} {'is' if len(last) == 1 else 'are'} last"
    )
