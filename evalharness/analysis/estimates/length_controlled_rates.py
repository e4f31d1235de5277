"""Length-controlled win rates: against a run's baseline, or else against all other models.

Against a baseline they are AlpacaEval's (Dubois et al. 2024, arXiv:2404.04475). Against all, one
Bradley-Terry model has the difference of lengths as a covariate: a fit for each model alone would
take the strength of opponents who write much for an effect of their length.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from scipy.special import expit

from evalharness.analysis.estimates.ratings import SMALL_PRIOR_PENALTY
from evalharness.errors import BattlesError, ConvergenceError, EvalHarnessError
from evalharness.stats import (
    OUTCOME_BY_WINNER,
    bradley_terry_with_covariates,
    build_comparisons_from_battles,
    find_one_sided_groups,
    length_controlled_win_rate,
    style_feature_difference,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import Battle, RunRecords
    from evalharness.stats import Comparisons, FittedRatings

AnswerValue = TypeVar("AnswerValue")
ReplyKey = tuple[str, str, int, int]
"""A model's replies to a question, by sample, up to a turn."""


def estimate_length_controlled_win_rates(
    records: RunRecords, battles: Sequence[Battle]
) -> dict[str, float]:
    """Return length-controlled win rates by model; none without the answers.

    A length is that of all replies the judge saw, in characters. A model whose battles allow no
    finite fit is left out.
    """
    judging = records.config.get("judging")
    baseline = judging.get("baseline") if isinstance(judging, Mapping) else None
    lengths = measure_answer_lengths(records)
    if baseline is None:
        return _rates_against_all(battles, lengths)
    games: dict[str, list[tuple[float, int, int, str]]] = {}
    for battle in battles:
        if baseline not in (battle.model_a, battle.model_b):
            continue
        points = OUTCOME_BY_WINNER[battle.winner] / 2
        model, won = battle.model_a, points
        if model == baseline:
            model, won = battle.model_b, 1 - points
        shown = (battle.question_id, battle.sample, battle.turn)
        own, other = lengths.get((model, *shown)), lengths.get((baseline, *shown))
        if own is not None and other is not None:
            games.setdefault(model, []).append((won, own, other, battle.question_id))
    rates = {model: _rate_against_baseline(own) for model, own in games.items()}
    return {model: rate for model, rate in rates.items() if rate is not None}


def _rates_against_all(
    battles: Sequence[Battle], lengths: Mapping[ReplyKey, int]
) -> dict[str, float]:
    """Return each model's mean chance in its battles if both answers were equally long."""
    try:
        comparisons, ratings = fit_at_equal_length(battles, lengths)
    except EvalHarnessError:  # nothing to control, disconnected, or no finite fit
        return {}
    gap = ratings.strengths[comparisons.first] - ratings.strengths[comparisons.second]
    size = len(comparisons.models)
    won = np.bincount(comparisons.first, expit(gap), size)
    won += np.bincount(comparisons.second, expit(-gap), size)
    return dict(zip(comparisons.models, (won / comparisons.battles).tolist(), strict=True))


def fit_at_equal_length(
    battles: Sequence[Battle], lengths: Mapping[ReplyKey, int]
) -> tuple[Comparisons, FittedRatings]:
    """Return the battles whose lengths are known, and Bradley-Terry ratings at equal length.

    Raises:
        BattlesError: no lengths are known, or they are the same in every battle.
        EvalHarnessError: the battles do not connect the models, or there is no finite fit.
    """
    known = match_both_answers(battles, lengths)
    comparisons = build_comparisons_from_battles([battle for battle, _, _ in known])
    difference = style_feature_difference([a for _, a, _ in known], [b for _, _, b in known])
    if not difference.std() > 0:
        msg = "both answers are equally long in every battle: there is nothing to control"
        raise BattlesError(msg)
    return comparisons, bradley_terry_with_covariates(
        comparisons,
        {"length": difference / difference.std()},
        penalty=SMALL_PRIOR_PENALTY if find_one_sided_groups(comparisons) else 0.0,
    )


def match_both_answers(
    battles: Sequence[Battle], told: Mapping[ReplyKey, AnswerValue]
) -> list[tuple[Battle, AnswerValue, AnswerValue]]:
    """Return what is told of both sides' answers, of the battles where it is."""
    found = []
    for battle in battles:
        at = (battle.question_id, battle.sample, battle.turn)
        one, other = (battle.model_a, *at), (battle.model_b, *at)
        if one in told and other in told:
            found.append((battle, told[one], told[other]))
    return found


def measure_answer_lengths(records: RunRecords) -> dict[ReplyKey, int]:
    """Return how many characters were shown of each model, question, sample and turn."""
    lengths: dict[ReplyKey, int] = {}
    for answer in records.answers:
        total = 0
        for turn, reply in enumerate(answer.turns, start=1):
            total += len(reply.text)
            lengths[answer.model, answer.question_id, answer.sample, turn] = total
    return lengths


def _rate_against_baseline(games: Sequence[tuple[float, int, int, str]]) -> float | None:
    points, own, other, questions = zip(*games, strict=True)
    try:
        return length_controlled_win_rate(points, own, other, questions).value
    except (ValueError, ConvergenceError):  # nothing to control, or no finite fit
        return None
