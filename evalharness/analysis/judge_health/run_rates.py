"""A judge's habits, from a run's own judgments: places, ties, lengths, what cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from evalharness.analysis.judge_health.rates import JudgeRate, build_rate, measure_share
from evalharness.domain import PairwiseJudgment, Verdict
from evalharness.errors import BattlesError, ConvergenceError, DisconnectedError, SeparationError
from evalharness.stats import (
    BattleOutcome,
    bradley_terry_with_covariates,
    build_comparisons,
    fit_position_and_length_effects,
)
from evalharness.stats import measure_position_bias as measure_position_bias_

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalharness.domain import Judgment
    from evalharness.stats import Comparisons, FittedRatings, FloatArray

_OUTCOME_BY_VERDICT = {
    Verdict.A: BattleOutcome.FIRST_WON,
    Verdict.TIE: BattleOutcome.TIE,
    Verdict.B: BattleOutcome.SECOND_WON,
}
_WEAK_PRIOR_PENALTY = 0.1
"""What keeps an effect finite that decides every game: a normal prior of sd 3 on log-odds."""
_WEAK_PRIOR_PENALTY = 0.1
"""What keeps an effect finite that decides every game: a normal prior of sd 3 on log-odds."""


def measure_unscored(judgments: Sequence[Judgment]) -> JudgeRate:
    """Return the share of judgments that could not be read."""
    return measure_share(
        "unscored", [(row.question_id, row.unscored is not None) for row in judgments]
    )


def measure_ties(games: Iterable[PairwiseJudgment]) -> JudgeRate:
    """Return the share of verdicts that are ties."""
    read = [(game.question_id, game.verdict is Verdict.TIE) for game in games if game.verdict]
    return measure_share("ties", read)


def measure_position_bias(games: Sequence[PairwiseJudgment]) -> list[JudgeRate]:
    """Return how often a judge keeps its mind when answers change places, and what it favors."""
    pairs = _match_swapped_games(games)
    if not pairs:
        note = "no pair was judged in both orders"
        return [
            JudgeRate(name=name, note=note) for name in ("consistency", "first_of_flips", "place")
        ]
    ids = [game.question_id for game, _ in pairs]
    bias = measure_position_bias_(
        [_OUTCOME_BY_VERDICT[game.verdict] for game, _ in pairs if game.verdict],
        [_OUTCOME_BY_VERDICT[swap.verdict] for _, swap in pairs if swap.verdict],
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
        build_rate("consistency", kept.value, kept.low, kept.high, kept.count, number),
        build_rate("first_of_flips", flips.value, flips.low, flips.high, flips.count, len(flipped))
        if flips.count
        else JudgeRate(name="first_of_flips", note="no verdict flipped"),
        build_rate("place", effect.value, effect.low, effect.high, bias.pairs, number),
    ]


def measure_length_bias(
    games: Iterable[PairwiseJudgment], lengths: Mapping[tuple[str, str, int, int], int]
) -> JudgeRate:
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
        return JudgeRate(name="length", note="no games whose answers are here")
    try:
        fit = _fit_length_effect(
            _game_comparisons([game for game, _ in known]), [lead for _, lead in known]
        )
    except (BattlesError, DisconnectedError, SeparationError, ConvergenceError) as error:
        return JudgeRate(name="length", count=len(known), note=str(error))
    phi = fit.parameter("phi")
    value, low, high = (float(expit(each)) for each in (phi.value, phi.low, phi.high))
    note = "held finite by a weak prior" if fit.penalty else ""
    return build_rate("length", value, low, high, len(known), fit.clusters, note)


def _match_swapped_games(
    games: Iterable[PairwiseJudgment],
) -> list[tuple[PairwiseJudgment, PairwiseJudgment]]:
    """Return the games of which both orders were read, each beside its swap."""
    read = [game for game in games if game.verdict is not None]
    played = {_game_key(game, game.model_a, game.model_b): game for game in read}
    return [
        (game, played[swap])
        for game in played.values()
        if game.model_a < game.model_b
        and (swap := _game_key(game, game.model_b, game.model_a)) in played
    ]


def _game_key(
    game: PairwiseJudgment, first: str, second: str
) -> tuple[str, int, int, str, str, str]:
    return (game.question_id, game.turn, game.sample, game.prompt, first, second)


def _game_comparisons(games: Sequence[PairwiseJudgment]) -> Comparisons:
    models = sorted({name for game in games for name in (game.model_a, game.model_b)})
    questions: dict[str, int] = {}
    return build_comparisons(
        models,
        [models.index(game.model_a) for game in games],
        [models.index(game.model_b) for game in games],
        [_OUTCOME_BY_VERDICT[game.verdict] for game in games if game.verdict],
        question=[questions.setdefault(game.question_id, len(questions)) for game in games],
    )


def _fit_length_effect(comparisons: Comparisons, lead: Sequence[int]) -> FittedRatings:
    """Return the regression on the difference in length.

    A judge that length (or place) decides completely has no finite effect, and is the one that
    must not go unnoticed: a weak prior then keeps its effect finite.
    """
    try:
        return fit_position_and_length_effects(comparisons, lead)
    except SeparationError:
        leads: FloatArray = np.asarray(lead, dtype=np.float64)
        covariates = {"delta": np.ones(len(leads)), "phi": np.tanh(leads / leads.std(ddof=1))}
        return bradley_terry_with_covariates(
            comparisons,
            covariates,
            penalty=_WEAK_PRIOR_PENALTY,
            covariate_penalty=_WEAK_PRIOR_PENALTY,
        )
