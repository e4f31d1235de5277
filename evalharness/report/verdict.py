"""The finding in one sentence: which models are ahead of which, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from evalharness.report.numerals import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.leaderboard import Leaderboard, LeaderboardRow


MOST_NAMED = 3
"""More models than this are left to the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The sentence, and by what models were told apart (nothing where they could not be)."""

    sentence: str
    basis: str = ""


def find(leaderboard: Leaderboard) -> Finding:
    """Return the finding in plain words with its certainty.

    A model is called ahead of another only when their rank sets (or, without these, their
    intervals) do not meet.
    """
    rows = leaderboard.rows
    if not rows:
        return Finding(sentence="No model was evaluated, so there is nothing to rank.")
    if len(rows) == 1:
        alone = f"{rows[0].model} was evaluated alone, so there is nothing to rank."
        return Finding(sentence=alone)
    places, basis = _places(rows)
    placed = {place.model for place in places}
    unplaced = listed([row.model for row in rows if row.model not in placed])
    if not places and any(row.benchmarks for row in rows) and not any(map(_is_judged, rows)):
        return Finding(sentence="Benchmarks only: nothing was judged, so no model is ranked.")
    if not places:
        return Finding(sentence="No figure has an interval, so no model can be called better.")
    if len(places) == 1:
        sentence = f"Only {places[0].model} could be placed, so there is nothing to rank."
        return Finding(sentence=sentence, basis=basis)
    sentence = _sentence(_groups(places), f"{100 * leaderboard.level:g}%")
    if unplaced:
        sentence += f"; {unplaced} could not be placed"
    return Finding(sentence=f"{sentence}.", basis=basis)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a model may stand: a smaller number is better, `best` to `worst`."""

    model: str
    best: float
    worst: float
    is_rank_set: bool

    def is_ahead_of(self, other: _Place) -> bool:
        return self.worst < other.best

    def is_like(self, other: _Place) -> bool:
        """Whether nothing tells the two apart.

        Rank sets may meet although one model is ahead of the other (1 to 2 and 2 to 3), so that
        only equal sets say nothing.
        """
        if self.is_rank_set:
            return (self.best, self.worst) == (other.best, other.worst)
        return not (self.is_ahead_of(other) or other.is_ahead_of(self))

    def may_lead(self, others: Sequence[_Place]) -> bool:
        if self.is_rank_set:
            return self.best == 1
        return not any(other.is_ahead_of(self) for other in others)


def _places(rows: Sequence[LeaderboardRow]) -> tuple[list[_Place], str]:
    """Return the models that can be placed, best first, and what places them."""
    ranks = [(row.model, row.rank_low, row.rank_high) for row in rows]
    ratings = [(row.model, _minus(row.rating_high), _minus(row.rating_low)) for row in rows]
    wins = [(row.model, _minus(row.win_rate_high), _minus(row.win_rate_low)) for row in rows]
    scores = [(row.model, _minus(row.score_high), _minus(row.score_low)) for row in rows]
    for bounds, basis in (
        (ranks, "by simultaneous rank sets"),
        (ratings, "by rating intervals that do not meet"),
        (wins, "by win rate intervals that do not meet"),
        (scores, "by score intervals that do not meet"),
    ):
        places = [
            _Place(model=model, best=best, worst=worst, is_rank_set=bounds is ranks)
            for model, best, worst in bounds
            if best is not None and worst is not None
        ]
        if places:
            return sorted(places, key=lambda place: place.best + place.worst), basis
    return [], ""


def _is_judged(row: LeaderboardRow) -> bool:
    return bool(row.battles or row.graded or row.unscored)


def _minus(value: float | None) -> float | None:
    return None if value is None else -value


def _groups(places: Sequence[_Place]) -> list[list[_Place]]:
    """Return the models in steps: everyone in a step is ahead of everyone in the later ones."""
    groups: list[list[_Place]] = [[]]
    for number, place in enumerate(places):
        before, after = places[:number], places[number:]
        if before and all(one.is_ahead_of(other) for one in before for other in after):
            groups.append([])
        groups[-1].append(place)
    return groups


def _sentence(groups: Sequence[Sequence[_Place]], level: str) -> str:
    first, *rest = groups
    others = [place.model for group in rest for place in group]
    behind = listed(others) if len(others) <= MOST_NAMED else f"all {len(others)} others"
    if not rest:
        return _one_step(first, level)
    if len(rest) > 1 and len(groups) <= MOST_NAMED and all(len(group) == 1 for group in groups):
        chain = ", which is ahead of ".join(group[0].model for group in rest)
        return f"{first[0].model} is ahead of {chain}, all at {level}"
    if len(first) == 1:
        return f"{first[0].model} is ahead of {behind} at {level}{_remark(rest)}"
    quantity = "both" if len(first) == len(("one", "other")) else "all"
    return f"{_one_step(first, level)}; {quantity} are ahead of {behind}{_remark(rest)}"


def _one_step(group: Sequence[_Place], level: str) -> str:
    """Return what can be said of the first models, between which no clean line runs."""
    if _are_alike(group):
        return f"{listed([place.model for place in group])} cannot be told apart at {level}"
    first = [place.model for place in group if place.may_lead(group)]
    others = [place.model for place in group if place.model not in first]
    lead = f"Only {listed(first, 'or')} may be the best at {level}"
    return f"{lead}; {listed(others)} cannot be" if len(others) <= MOST_NAMED else lead


def _are_alike(group: Sequence[_Place]) -> bool:
    return all(one.is_like(other) for one, other in combinations(group, 2))


def _remark(rest: Sequence[Sequence[_Place]]) -> str:
    """Return what can be said of the models behind the first ones."""
    last = rest[-1]
    if len(rest) == 1:
        return ", which cannot be told apart" if len(last) > 1 and _are_alike(last) else ""
    return f"; {listed([place.model for place in last])} {'is' if len(last) == 1 else 'are'} last"
