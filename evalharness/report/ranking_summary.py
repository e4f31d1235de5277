"""Summarize a ranking in one sentence: which models are ahead of others, and how certain that is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from evalharness.report.number_format import format_list, format_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.analysis import LabelledSetAccuracy, Leaderboard, LeaderboardRow


MAX_NAMED_MODELS = 3
"""The sentence names at most this many models that are behind; it counts more than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingSummary:
    """A sentence about a ranking.

    Attributes:
        sentence: the models that beat others, with the figure of the best.
        basis: a sentence on what separates the models; empty if nothing does.
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
    evidence = _Evidence(rows={row.model: row for row in rows}, level=leaderboard.level)
    sentence = _describe_groups(_separated_groups(ranges), evidence)
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
        (ranks, "Ranks are compared for all models at once."),
        (ratings, "Models are separated where their rating intervals do not overlap."),
        (wins, "Models are separated where their win rate intervals do not overlap."),
        (scores, "Models are separated where their score intervals do not overlap."),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """The figures of models, put into clauses that stand behind a claim about them.

    Attributes:
        rows: the rows of the leaderboard, by model.
        level: the confidence level of their intervals.
    """

    rows: Mapping[str, LeaderboardRow]
    level: float

    def describe_win(self, model: str, subject: str = "it") -> str:
        """Return by how much the best model wins, with the interval; else the level alone."""
        row = self.rows[model]
        if row.win_rate is not None and row.win_rate_low is not None:
            low, high = 100 * row.win_rate_low, 100 * (row.win_rate_high or 0)
            what = f"wins {row.win_rate:.0%} of comparisons"
            return f": {subject} {what} ({self.named_level} interval {low:.0f}-{high:.0f}%)"
        if row.score is not None and row.score_low is not None:
            what = f"scores {row.score:.2f} on average"
            interval = f"{row.score_low:.2f}-{row.score_high:.2f}"
            return f": {subject} {what} ({self.named_level} interval {interval})"
        return f" at {self.named_level}"

    def describe_lead(self, group: Sequence[_PossibleRanks]) -> str:
        """Return by how much the first of models that cannot be separated leads the second."""
        first, second = (self.rows[each.model] for each in group[:2])
        if first.rating is not None and second.rating is not None:
            lead, gap = (
                first.rating - second.rating,
                f"{first.rating - second.rating:.0f} rating points",
            )
        elif first.score is not None and second.score is not None:
            lead, gap = (
                first.score - second.score,
                f"{first.score - second.score:.2f} points of score",
            )
        else:
            return f" at {self.named_level}"
        if lead <= 0:
            return f" at {self.named_level}"
        return f": {first.model} leads by {gap}, within the noise ({self.named_level})"

    @property
    def named_level(self) -> str:
        """The level in percent."""
        return f"{100 * self.level:g}%"


def _describe_groups(groups: Sequence[Sequence[_PossibleRanks]], evidence: _Evidence) -> str:
    first, *rest = groups
    others = [rank_range.model for group in rest for rank_range in group]
    behind = format_list(others) if len(others) <= MAX_NAMED_MODELS else f"all {len(others)} others"
    if not rest:
        return _describe_first_group(first, evidence)
    best = first[0].model
    if (
        len(rest) > 1
        and len(groups) <= MAX_NAMED_MODELS
        and all(len(group) == 1 for group in groups)
    ):
        chain = ", which beats ".join(group[0].model for group in rest)
        return f"{best} beats {chain}{evidence.describe_win(best, best)}"
    if len(first) == 1:
        return f"{best} beats {behind}{evidence.describe_win(best)}{_describe_last_group(rest)}"
    quantity = "both" if len(first) == len(("one", "other")) else "all"
    return f"{_describe_first_group(first, evidence)}; {quantity} beat {behind}{_describe_last_group(rest)}"


def _describe_first_group(group: Sequence[_PossibleRanks], evidence: _Evidence) -> str:
    """Return a clause about the first group, within which no model is ahead of all others."""
    names = [rank_range.model for rank_range in group]
    if _are_alike(group):
        among = "between" if len(names) == len(("one", "other")) else "among"
        best_first = sorted(group, key=lambda each: [*evidence.rows].index(each.model))
        return f"No clear winner {among} {format_list(names)}{evidence.describe_lead(best_first)}"
    first = [rank_range.model for rank_range in group if rank_range.may_lead(group)]
    others = [name for name in names if name not in first]
    lead = f"Only {format_list(first, 'or')} may be the best at {evidence.named_level}"
    return f"{lead}; {format_list(others)} cannot be" if len(others) <= MAX_NAMED_MODELS else lead


def _are_alike(group: Sequence[_PossibleRanks]) -> bool:
    return all(one.is_like(other) for one, other in combinations(group, 2))


def _describe_last_group(rest: Sequence[Sequence[_PossibleRanks]]) -> str:
    """Return a clause about the groups behind the first one."""
    last = rest[-1]
    if len(rest) == 1:
        return "; there is no clear order among these" if len(last) > 1 and _are_alike(last) else ""
    return f"; {format_list([rank_range.model for rank_range in last])} {'is' if len(last) == 1 else 'are'} last"
