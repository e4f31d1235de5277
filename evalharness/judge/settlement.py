"""Settle games into battles. Only this module converts verdicts on positions to winning models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.domain import Battle, PairwiseJudgment, Verdict, Winner

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from evalharness.domain import RunRecords

_WINNER_BY_VERDICTS: dict[tuple[Verdict | None, Verdict | None], Winner] = {
    (Verdict.A, Verdict.B): Winner.MODEL_A,
    (Verdict.B, Verdict.A): Winner.MODEL_B,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionCounts:
    """Counts of game pairs by outcome, from which a judge's position bias is estimated.

    Attributes:
        consistent: the same winner in both orders, or two ties.
        first: the answer shown first won both games.
        second: the answer shown second won both games.
        half_tie: exactly one of the two games was a tie.
    """

    consistent: int = 0
    first: int = 0
    second: int = 0
    half_tie: int = 0


def settle_battle(game: PairwiseJudgment, swapped: PairwiseJudgment) -> Battle | None:
    """Settle a battle from two games that differ only in the order of the answers.

    A model wins when the judge prefers its answer in both positions. Every other outcome is a tie,
    so position bias alone lets neither model win. Where the judge's probabilities were read, the
    probabilities of the two models and of a tie are averaged over both orders, and the most
    probable of the three decides; the strength of the position bias then cancels out as well. A
    pair with an unscored game gives no battle.

    Raises:
        ValueError: one game is not the other with its answers swapped.
    """
    if not swapped.is_swap_of(game):
        msg = f"not one game with its answers swapped: {game} and {swapped}"
        raise ValueError(msg)
    if game.verdict is None or swapped.verdict is None:
        return None
    return Battle(
        question_id=game.question_id,
        turn=game.turn,
        judge=game.judge,
        model_a=game.model_a,
        model_b=game.model_b,
        sample=game.sample,
        winner=_decide_winner(game, swapped),
    )


def settle_battles(games: Iterable[PairwiseJudgment]) -> tuple[Battle, ...]:
    """Return the battles of all game pairs in which both games are scored.

    The battles are sorted, and `model_a` is the alphabetically first model, so that the result does
    not depend on the order in which the games were played. Of duplicate games, the later one
    counts.
    """
    settled = (settle_battle(game, swapped) for game, swapped in pair_swapped_games(games))
    return tuple(battle for battle in settled if battle is not None)


def collect_battles(records: RunRecords) -> tuple[Battle, ...]:
    """Return all battles of a run: those of its games, followed by its votes in their order."""
    votes = (vote.battle for vote in records.votes)
    return (*settle_battles(records.games), *(battle for battle in votes if battle is not None))


def count_positions(games: Iterable[PairwiseJudgment]) -> PositionCounts:
    """Return how the judge's verdicts compare between the two orders of each pair."""
    verdicts = [
        (game.verdict, swapped.verdict)
        for game, swapped in pair_swapped_games(games)
        if game.verdict is not None and swapped.verdict is not None
    ]
    first = verdicts.count((Verdict.A, Verdict.A))
    second = verdicts.count((Verdict.B, Verdict.B))
    half_tie = sum(pair.count(Verdict.TIE) == 1 for pair in verdicts)
    return PositionCounts(
        consistent=len(verdicts) - first - second - half_tie,
        first=first,
        second=second,
        half_tie=half_tie,
    )


def pair_swapped_games(
    games: Iterable[PairwiseJudgment],
) -> Iterator[tuple[PairwiseJudgment, PairwiseJudgment]]:
    """Yield each game with its models in alphabetical order, and its swap; both may be unscored."""
    games_by_key = {_game_key(game, *game.models): game for game in games}
    for _, game in sorted(games_by_key.items(), key=lambda item: item[0]):
        swapped = games_by_key.get(_game_key(game, game.model_b, game.model_a))
        if swapped is not None and game.model_a < game.model_b:
            yield game, swapped


def _decide_winner(game: PairwiseJudgment, swapped: PairwiseJudgment) -> Winner:
    first, second = game.probabilities, swapped.probabilities
    if first is None or second is None:
        return _WINNER_BY_VERDICTS.get((game.verdict, swapped.verdict), Winner.TIE)
    model_a = first[Verdict.A] + second[Verdict.B]
    model_b = first[Verdict.B] + second[Verdict.A]
    tie = first[Verdict.TIE] + second[Verdict.TIE]
    if model_a > max(model_b, tie):
        return Winner.MODEL_A
    return Winner.MODEL_B if model_b > max(model_a, tie) else Winner.TIE


def _game_key(
    game: PairwiseJudgment, first: str, second: str
) -> tuple[str, int, int, str, str, str, str]:
    return (game.question_id, game.turn, game.sample, game.judge, game.prompt, first, second)
