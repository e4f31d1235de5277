"""Summarize a ranking in one sentence: which models are ahead of others, and how certain that is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from evalharness.report.number_format import format_list, format_quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.analysis import LabelledSetAccuracy, Leaderboard, LeaderboardRow


MAX_NAMED_MODELS = 3
"""The sentence names at most this many models that are behind; it counts more than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingSummary:
    """A sentence about a ranking.

    Attributes:
        sentence: the models that are ahead of others.
        basis: the figures that separate the models; empty if none do.
    """

    sentence: str
    basis: str = ""


def summarize_ranking(leaderboard: Leaderboard) -> RankingSummary:
    """Return the ranking of a leaderboard in one sentence, with its certainty.

    A model is ahead of another only if their rank sets do not overlap. Without rank sets, the
    intervals of ratings, win rates or scores decide. The ranking of a run that stopped holds so
    far, which the sentence says first.
    """
    summary = _summarize_rows(leaderboard)
    if not (stopped := leaderboard.progress.stopped):
        return summary
    return replace(summary, sentence=f"STOPPED: {stopped}. So far: {summary.sentence}")


def _summarize_rows(leaderboard: Leaderboard) -> RankingSummary:
    rows = leaderboard.rows
    ranges, basis = _rank_ranges(rows)
    if not ranges and leaderboard.labelled_sets:
        return RankingSummary(sentence=_describe_accuracy(leaderboard.labelled_sets))
    if len(rows) <= 1 or not ranges:
        return RankingSummary(sentence=_explain_missing_ranking(rows))
    with_ranks = {rank_range.model for rank_range in ranges}
    without_ranks = format_list([row.model for row in rows if row.model not in with_ranks])
    if len(ranges) == 1:
        sentence = f"Only {ranges[0].model} could be placed, so there is nothing to rank."
        return RankingSummary(sentence=sentence, basis=basis)
    sentence = _describe_groups(_separated_groups(ranges), f"{100 * leaderboard.level:g}%")
    if without_ranks:
        sentence += f"; {without_ranks} could not be placed"
    return RankingSummary(sentence=f"{sentence}.", basis=basis)


def _explain_missing_ranking(rows: Sequence[LeaderboardRow]) -> str:
    """Return why nothing is ranked."""
    if not rows:
        return "No model was evaluated, so there is nothing to rank."
    if len(rows) == 1:
        return f"{rows[0].model} was evaluated alone, so there is nothing to rank."
    if any(row.benchmarks for row in rows) and not any(map(_is_judged, rows)):
        return "Benchmarks only: nothing was judged, so no model is ranked."
    return "No figure has an interval, so no model can be called better."


@dataclass(frozen=True, slots=True, kw_only=True)
class _PossibleRanks:
    """The ranks that a model may have, from `best` to `worst`; a smaller number is better."""

    model: str
    best: float
    worst: float
    is_rank_set: bool

    def is_ahead_of(self, other: _PossibleRanks) -> bool:
        return self.worst < other.best

    def is_like(self, other: _PossibleRanks) -> bool:
        """Return whether the two models cannot be separated.

        Rank sets may overlap although one model is ahead of the other (1 to 2 and 2 to 3), so
        only equal sets count as inseparable.
        """
        if self.is_rank_set:
            return (self.best, self.worst) == (other.best, other.worst)
        return not (self.is_ahead_of(other) or other.is_ahead_of(self))

    def may_lead(self, others: Sequence[_PossibleRanks]) -> bool:
        if self.is_rank_set:
            return self.best == 1
        return not any(other.is_ahead_of(self) for other in others)


def _rank_ranges(rows: Sequence[LeaderboardRow]) -> tuple[list[_PossibleRanks], str]:
    """Return the models that have ranks or intervals, best first, and the name of these figures."""
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
        ranges = [
            _PossibleRanks(model=model, best=best, worst=worst, is_rank_set=bounds is ranks)
            for model, best, worst in bounds
            if best is not None and worst is not None
        ]
        if ranges:
            return sorted(ranges, key=lambda rank_range: rank_range.best + rank_range.worst), basis
    return [], ""


def _describe_accuracy(measured: Sequence[LabelledSetAccuracy]) -> str:
    """Return which judge finds the labels of a set most often; the sides of its pairs are no models."""
    best, judges = measured[0], {each.judge for each in measured}
    finds = "finds the label" if len(judges) == 1 else "finds the label most often of the judges"
    return (
        f"Labelled pairs, so no model is ranked: {best.judge} {finds}, in {best.accuracy:.1%} "
        f"[{best.low:.1%}, {best.high:.1%}] of {format_quantity(best.verdicts, 'verdict')}."
    )


def _is_judged(row: LeaderboardRow) -> bool:
    return bool(row.battles or row.graded or row.unscored)


def _negated(value: float | None) -> float | None:
    return None if value is None else -value


def _separated_groups(ranges: Sequence[_PossibleRanks]) -> list[list[_PossibleRanks]]:
    """Return models in groups: every model of a group is ahead of every model of later groups."""
    groups: list[list[_PossibleRanks]] = [[]]
    for number, rank_range in enumerate(ranges):
        before, after = ranges[:number], ranges[number:]
        if before and all(one.is_ahead_of(other) for one in before for other in after):
            groups.append([])
        groups[-1].append(rank_range)
    return groups


def _describe_groups(groups: Sequence[Sequence[_PossibleRanks]], level: str) -> str:
    first, *rest = groups
    others = [rank_range.model for group in rest for rank_range in group]
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
    """Return a clause about the first group, within which no model is ahead of all others."""
    if _are_alike(group):
        return f"{format_list([rank_range.model for rank_range in group])} cannot be told apart at {level}"
    first = [rank_range.model for rank_range in group if rank_range.may_lead(group)]
    others = [rank_range.model for rank_range in group if rank_range.model not in first]
    lead = f"Only {format_list(first, 'or')} may be the best at {level}"
    return f"{lead}; {format_list(others)} cannot be" if len(others) <= MAX_NAMED_MODELS else lead


def _are_alike(group: Sequence[_PossibleRanks]) -> bool:
    return all(one.is_like(other) for one, other in combinations(group, 2))


def _describe_last_group(rest: Sequence[Sequence[_PossibleRanks]]) -> str:
    """Return a clause about the groups behind the first one."""
    last = rest[-1]
    if len(rest) == 1:
        return ", which cannot be told apart" if len(last) > 1 and _are_alike(last) else ""
    return f"; {format_list([rank_range.model for rank_range in last])} {'is' if len(last) == 1 else 'are'} last"
