"""A judge's habits, from a run's own judgments: places, ties, lengths, what cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from evalharness.domain import PairwiseJudgment, Verdict
from evalharness.errors import BattlesError, ConvergenceError, DisconnectedError, SeparationError
from evalharness.health._figures import Figure, figure, share
from evalharness.stats.bias import position_and_length, position_bias
from evalharness.stats.comparisons import Outcome, compare
from evalharness.stats.covariates import bradley_terry_with_covariates

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalharness.domain import Judgment
    from evalharness.stats.comparisons import Comparisons, FloatArray
    from evalharness.stats.ratings import Ratings

_OUTCOMES = {
    Verdict.A: Outcome.FIRST_WON,
    Verdict.TIE: Outcome.TIE,
    Verdict.B: Outcome.SECOND_WON,
}
_RIDGE = 0.1
"""What keeps an effect finite that decides every game: a normal prior of sd 3 on log-odds."""
_RIDGE = 0.1
"""What keeps an effect finite that decides every game: a normal prior of sd 3 on log-odds."""


def unscored(judgments: Sequence[Judgment]) -> Figure:
    """Return the share of judgments that could not be read."""
    return share("unscored", [(row.question_id, row.unscored is not None) for row in judgments])


def ties(games: Iterable[PairwiseJudgment]) -> Figure:
    """Return the share of verdicts that are ties."""
    read = [(game.question_id, game.verdict is Verdict.TIE) for game in games if game.verdict]
    return share("ties", read)


def position(games: Sequence[PairwiseJudgment]) -> list[Figure]:
    """Return how often a judge keeps its mind when answers change places, and what it favors."""
    pairs = _both_orders(games)
    if not pairs:
        note = "no pair was judged in both orders"
        return [Figure(name=name, note=note) for name in ("consistency", "first_of_flips", "place")]
    ids = [game.question_id for game, _ in pairs]
    bias = position_bias(
        [_OUTCOMES[game.verdict] for game, _ in pairs if game.verdict],
        [_OUTCOMES[swap.verdict] for _, swap in pairs if swap.verdict],
        question=ids,
    )
    kept, flips, effect = bias.consistency, bias.first_of_flips, bias.effect
    number = bias.clusters
    flipped = {
        game.question_id
        for game, swap in pairs
        if game.verdict == swap.verdict and game.verdict is not Verdict.TIE
    }
    return [
        figure("consistency", kept.value, kept.low, kept.high, kept.count, number),
        figure("first_of_flips", flips.value, flips.low, flips.high, flips.count, len(flipped))
        if flips.count
        else Figure(name="first_of_flips", note="no verdict flipped"),
        figure("place", effect.value, effect.low, effect.high, bias.pairs, number),
    ]


def length(
    games: Iterable[PairwiseJudgment], lengths: Mapping[tuple[str, str, int, int], int]
) -> Figure:
    """Return how probable it is that the far longer of two equally strong answers wins.

    Args:
        games: as shown.
        lengths: characters of each reply, by question, model, sample and turn.
    """
    known = [
        (game, first - second)
        for game in games
        if game.verdict
        and (first := lengths.get((game.question_id, game.model_a, game.sample, game.turn)))
        is not None
        and (second := lengths.get((game.question_id, game.model_b, game.sample, game.turn)))
        is not None
    ]
    if not known:
        return Figure(name="length", note="no games whose answers are here")
    try:
        fit = _length_fit(_comparisons([game for game, _ in known]), [lead for _, lead in known])
    except (BattlesError, DisconnectedError, SeparationError, ConvergenceError) as error:
        return Figure(name="length", count=len(known), note=str(error))
    phi = fit.parameter("phi")
    value, low, high = (float(expit(each)) for each in (phi.value, phi.low, phi.high))
    note = "held finite by a weak prior" if fit.penalty else ""
    return figure("length", value, low, high, len(known), fit.clusters, note)


def _both_orders(
    games: Iterable[PairwiseJudgment],
) -> list[tuple[PairwiseJudgment, PairwiseJudgment]]:
    """Return the games of which both orders were read, each beside its swap."""
    read = [game for game in games if game.verdict is not None]
    played = {_key(game, game.model_a, game.model_b): game for game in read}
    return [
        (game, played[swap])
        for game in played.values()
        if game.model_a < game.model_b
        and (swap := _key(game, game.model_b, game.model_a)) in played
    ]


def _key(game: PairwiseJudgment, first: str, second: str) -> tuple[str, int, int, str, str, str]:
    return (game.question_id, game.turn, game.sample, game.prompt, first, second)


def _comparisons(games: Sequence[PairwiseJudgment]) -> Comparisons:
    models = sorted({name for game in games for name in (game.model_a, game.model_b)})
    questions: dict[str, int] = {}
    return compare(
        models,
        [models.index(game.model_a) for game in games],
        [models.index(game.model_b) for game in games],
        [_OUTCOMES[game.verdict] for game in games if game.verdict],
        question=[questions.setdefault(game.question_id, len(questions)) for game in games],
    )


def _length_fit(comparisons: Comparisons, lead: Sequence[int]) -> Ratings:
    """Return the regression on the difference in length.

    A judge that length (or place) decides completely has no finite effect, and is the one that
    must not go unnoticed: a weak prior then keeps its effect finite.
    """
    try:
        return position_and_length(comparisons, lead)
    except SeparationError:
        leads: FloatArray = np.asarray(lead, dtype=np.float64)
        covariates = {"delta": np.ones(len(leads)), "phi": np.tanh(leads / leads.std(ddof=1))}
        return bradley_terry_with_covariates(
            comparisons, covariates, penalty=_RIDGE, covariate_penalty=_RIDGE
        )
