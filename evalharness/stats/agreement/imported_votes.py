"""Measure imported votes as other tools do: score totals, preferences, accuracy.

The figures allow a comparison of an import with its published source.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

import numpy as np

from evalharness.domain import Verdict, Winner

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalharness.domain import PairwiseJudgment, Vote

GOLD_JUDGE = "gold"
"""The name of the judge of imported gold labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairScoreTotals:
    """Totals of two models that were scored side by side.

    Wins, ties and losses are those of `model_b`; `unscored` is the number of votes without scores.
    """

    model_a: str
    model_b: str
    total_a: float
    total_b: float
    wins: int
    ties: int
    losses: int
    unscored: int

    @property
    def ratio(self) -> float | None:
        """The total of `model_b` divided by that of `model_a`; None if that is 0."""
        return self.total_b / self.total_a if self.total_a else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceRate:
    """The mean preference of one judge for a model over a baseline, as probabilities.

    `standard_error` is that of the mean over questions; None with a single question.
    """

    judge: str
    baseline: str
    model: str
    win_rate: float
    standard_error: float | None
    count: int
    unscored: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelAccuracy:
    """How often a judge finds the gold label.

    Attributes:
        judge: the judge.
        accuracy: the share of games whose verdict is the label; an unreadable one is wrong (LLMBar).
        games: the number of games.
        unread: the number of games without a readable verdict.
        both: the share of pairs, judged in both orders, in which both verdicts are the label.
        net: the share of pairs with more right than wrong verdicts over their orders (JudgeBench).
        pairs: the number of pairs.
        two_order_pairs: the number of pairs that were judged in both orders.
    """

    judge: str
    accuracy: float
    games: int
    unread: int
    both: float | None
    net: float
    pairs: int
    two_order_pairs: int


def sum_pair_scores(votes: Iterable[Vote]) -> tuple[PairScoreTotals, ...]:
    """Return the score totals of every pair of models with scores, as in the Vicuna evaluation.

    Args:
        votes: imported votes.
    """
    by_pair: dict[tuple[str, str], list[Vote]] = {}
    for vote in votes:
        by_pair.setdefault((vote.model_a, vote.model_b), []).append(vote)
    return tuple(
        _sum_scores(pair, own) for pair, own in by_pair.items() if any(each.scores for each in own)
    )


def measure_preference_rates(votes: Iterable[Vote]) -> tuple[PreferenceRate, ...]:
    """Return the mean preference for every model over its baseline, as in AlpacaEval.

    Args:
        votes: imported votes.
    """
    by_pair: dict[tuple[str, str, str], list[Vote]] = {}
    for vote in votes:
        by_pair.setdefault((vote.judge, vote.model_a, vote.model_b), []).append(vote)
    rates = (_measure_rate(key, own) for key, own in by_pair.items())
    return tuple(rate for rate in rates if rate is not None)


def measure_label_accuracy(
    games: Iterable[PairwiseJudgment], votes: Iterable[Vote]
) -> tuple[LabelAccuracy, ...]:
    """Return the accuracy of every judge against gold labels, as LLMBar and JudgeBench count.

    Args:
        games: the judges' games.
        votes: imported votes, among them the gold labels.
    """
    labels = {
        (vote.question_id, model): vote.winner is side
        for vote in votes
        if vote.judge == GOLD_JUDGE and vote.winner in (Winner.MODEL_A, Winner.MODEL_B)
        for side, model in ((Winner.MODEL_A, vote.model_a), (Winner.MODEL_B, vote.model_b))
    }
    by_judge: dict[str, dict[tuple[object, ...], list[_LabelMatch]]] = {}
    for game in games:
        first_is_better = labels.get((game.question_id, game.model_a))
        if first_is_better is not None:
            pair = (game.question_id, game.turn, game.sample, game.prompt)
            match = _match_label(game.verdict, first_is_better=first_is_better)
            by_judge.setdefault(game.judge, {}).setdefault(pair, []).append(match)
    return tuple(
        _measure_accuracy(judge, list(pairs.values())) for judge, pairs in by_judge.items()
    )


def _sum_scores(pair: tuple[str, str], votes: Sequence[Vote]) -> PairScoreTotals:
    scores = [vote.scores for vote in votes if vote.scores is not None]
    winners = [vote.winner for vote in votes if vote.scores is not None]
    return PairScoreTotals(
        model_a=pair[0],
        model_b=pair[1],
        total_a=sum(first for first, _ in scores),
        total_b=sum(second for _, second in scores),
        wins=winners.count(Winner.MODEL_B),
        ties=winners.count(Winner.TIE),
        losses=winners.count(Winner.MODEL_A),
        unscored=len(votes) - len(scores),
    )


def _measure_rate(key: tuple[str, str, str], votes: Sequence[Vote]) -> PreferenceRate | None:
    preferences = np.array([vote.preference for vote in votes if vote.preference is not None])
    if not preferences.size:
        return None
    judge, baseline, model = key
    deviation = float(np.std(preferences, ddof=1)) if preferences.size > 1 else None
    return PreferenceRate(
        judge=judge,
        baseline=baseline,
        model=model,
        win_rate=float(np.mean(preferences)),
        standard_error=None if deviation is None else deviation / float(np.sqrt(preferences.size)),
        count=preferences.size,
        unscored=len(votes) - preferences.size,
    )


class _LabelMatch(Enum):
    """Whether a verdict is the label."""

    RIGHT = auto()
    WRONG = auto()
    TIE = auto()
    UNREAD = auto()


def _match_label(verdict: Verdict | None, *, first_is_better: bool) -> _LabelMatch:
    """Return whether a verdict on two answers names the better one."""
    if verdict is None:
        return _LabelMatch.UNREAD
    if verdict is Verdict.TIE:
        return _LabelMatch.TIE
    is_right = (verdict is Verdict.A) == first_is_better
    return _LabelMatch.RIGHT if is_right else _LabelMatch.WRONG


def _measure_accuracy(judge: str, pairs: Sequence[Sequence[_LabelMatch]]) -> LabelAccuracy:
    matches = [match for pair in pairs for match in pair]
    in_both_orders = [pair for pair in pairs if len(pair) > 1]
    both = sum(set(pair) == {_LabelMatch.RIGHT} for pair in in_both_orders)
    net = sum(pair.count(_LabelMatch.RIGHT) > pair.count(_LabelMatch.WRONG) for pair in pairs)
    return LabelAccuracy(
        judge=judge,
        accuracy=matches.count(_LabelMatch.RIGHT) / len(matches),
        games=len(matches),
        unread=matches.count(_LabelMatch.UNREAD),
        both=both / len(in_both_orders) if in_both_orders else None,
        net=net / len(pairs),
        pairs=len(pairs),
        two_order_pairs=len(in_both_orders),
    )
