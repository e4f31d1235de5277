"""Measure a judge on the judgments of a run.

The measures are unreadable replies, ties, position bias and length bias.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from evalharness.analysis.judge_health.rates import JudgeRate, build_rate, measure_share
from evalharness.analysis.label_numbers import number_labels
from evalharness.domain import PairwiseJudgment, Verdict
from evalharness.errors import BattlesError, ConvergenceError, DisconnectedError, SeparationError
from evalharness.stats import (
    OUTCOME_BY_VERDICT,
    bradley_terry_with_covariates,
    build_comparisons,
    fit_position_and_length_effects,
    measure_position_bias,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalharness.domain import Judgment
    from evalharness.stats import Comparisons, FittedRatings, FloatArray

_WEAK_PRIOR_PENALTY = 0.1
"""A normal prior of standard deviation 3 on the log-odds."""


def measure_unscored(judgments: Sequence[Judgment]) -> JudgeRate:
    """Return the share of judgments that could not be read."""
    return measure_share(
        "unscored", [(row.question_id, row.unscored is not None) for row in judgments]
    )


def measure_ties(games: Iterable[PairwiseJudgment]) -> JudgeRate:
    """Return the share of verdicts that are ties."""
    results = [(game.question_id, game.verdict is Verdict.TIE) for game in games if game.verdict]
    return measure_share("ties", results)


def measure_position_rates(games: Sequence[PairwiseJudgment]) -> list[JudgeRate]:
    """Return the rates of consistency, of flips to the first place, and of the position effect.

    They come from pairs of games that differ only in the order of the answers.
    """
    pairs = _match_swapped_games(games)
    if not pairs:
        note = "no pair was judged in both orders"
        return [
            JudgeRate(name=name, note=note) for name in ("consistency", "first_of_flips", "place")
        ]
    ids = [game.question_id for game, _ in pairs]
    bias = measure_position_bias(
        [OUTCOME_BY_VERDICT[game.verdict] for game, _ in pairs if game.verdict],
        [OUTCOME_BY_VERDICT[swap.verdict] for _, swap in pairs if swap.verdict],
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
    """Return the probability that the picks the much longer of two equally good answers.

    Args:
        games: the games, as shown to the judge.
        lengths: the number of characters of each reply, by question, model, sample and turn.
    """
    measured_games = [
        (game, first - second)
        for game in games
        if game.verdict
        and (first := lengths.get((game.question_id, game.model_a, game.sample, game.turn)))
        is not None
        and (second := lengths.get((game.question_id, game.model_b, game.sample, game.turn)))
        is not None
    ]
    if not measured_games:
        return JudgeRate(name="length", note="no games whose answers are here")
    try:
        fit = _fit_length_effect(
            _game_comparisons([game for game, _ in measured_games]),
            [difference for _, difference in measured_games],
        )
    except (BattlesError, DisconnectedError, SeparationError, ConvergenceError) as error:
        return JudgeRate(name="length", count=len(measured_games), note=str(error))
    phi = fit.parameter("phi")
    value, low, high = (float(expit(each)) for each in (phi.value, phi.low, phi.high))
    note = "held finite by a weak prior" if fit.penalty else ""
    return build_rate("length", value, low, high, len(measured_games), fit.clusters, note)


def _match_swapped_games(
    games: Iterable[PairwiseJudgment],
) -> list[tuple[PairwiseJudgment, PairwiseJudgment]]:
    """Return each game with its swapped game, where both verdicts were read."""
    read_games = [game for game in games if game.verdict is not None]
    game_by_key = {_game_key(game, game.model_a, game.model_b): game for game in read_games}
    return [
        (game, game_by_key[swap])
        for game in game_by_key.values()
        if game.model_a < game.model_b
        and (swap := _game_key(game, game.model_b, game.model_a)) in game_by_key
    ]


def _game_key(
    game: PairwiseJudgment, first: str, second: str
) -> tuple[str, int, int, str, str, str]:
    return (game.question_id, game.turn, game.sample, game.prompt, first, second)


def _game_comparisons(games: Sequence[PairwiseJudgment]) -> Comparisons:
    models = sorted({name for game in games for name in (game.model_a, game.model_b)})
    return build_comparisons(
        models,
        [models.index(game.model_a) for game in games],
        [models.index(game.model_b) for game in games],
        [OUTCOME_BY_VERDICT[game.verdict] for game in games if game.verdict],
        question=number_labels(game.question_id for game in games),
    )


def _fit_length_effect(
    comparisons: Comparisons, length_differences: Sequence[int]
) -> FittedRatings:
    """Return the fit of position and length effects.

    If length or position decides every game, the effect has no finite estimate. A weak prior then
    keeps it finite, because this is the judge that must be reported.
    """
    try:
        return fit_position_and_length_effects(comparisons, length_differences)
    except SeparationError:
        differences: FloatArray = np.asarray(length_differences, dtype=np.float64)
        covariates = {
            "delta": np.ones(len(differences)),
            "phi": np.tanh(differences / differences.std(ddof=1)),
        }
        return bradley_terry_with_covariates(
            comparisons,
            covariates,
            penalty=_WEAK_PRIOR_PENALTY,
            covariate_penalty=_WEAK_PRIOR_PENALTY,
        )
