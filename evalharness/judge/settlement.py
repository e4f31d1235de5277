"""From games to battles: the one place where a verdict on positions becomes a winning model."""

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
    """How pairs of games compare: what a judge's preference for a place is estimated from.

    `consistent` pairs have one winner in both orders, or two ties. In the others, the answer
    shown first won both games (`first`), the one shown second did (`second`), or one game of the
    two was a tie (`half_tie`).
    """

    consistent: int = 0
    first: int = 0
    second: int = 0
    half_tie: int = 0


def settle_battle(game: PairwiseJudgment, swapped: PairwiseJudgment) -> Battle | None:
    """Settle a battle from two games that differ only in the order of the answers.

    A model wins when the judge prefers its answer in both positions. Everything else is a tie, so
    favoring a position lets neither model win. Where the judge's probabilities were read, each
    model's, and the tie's, are averaged over the two orders, and the most probable of the three
    holds: the same rule, except that how strongly a position is favored cancels out as well. When
    one game is unscored there is no battle.

    Raises:
        ValueError: the games are not one game and its swap.
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
    """Return the battles of all games that have their swap, both scored.

    They are sorted, and `model_a` is the first of the two names in the alphabet, so that nothing
    depends on the order in which games were played. Of a game that stands twice, the later counts.
    """
    settled = (settle_battle(game, swapped) for game, swapped in pair_swapped_games(games))
    return tuple(battle for battle in settled if battle is not None)


def collect_battles(records: RunRecords) -> tuple[Battle, ...]:
    """Return all battles of a run: its games settled, then its votes in their order."""
    votes = (vote.battle for vote in records.votes)
    return (*settle_battles(records.games), *(battle for battle in votes if battle is not None))


def count_positions(games: Iterable[PairwiseJudgment]) -> PositionCounts:
    """Return how often the judge kept its mind when the answers changed places."""
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
    """Yield each game whose models stand in alphabetical order, with its swap, scored or not."""
    played = {_game_key(game, game.model_a, game.model_b): game for game in games}
    for _, game in sorted(played.items(), key=lambda item: item[0]):
        swapped = played.get(_game_key(game, game.model_b, game.model_a))
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
