"""Estimate length-controlled win rates, against the baseline of a run or against all other models.

Against a baseline the estimate has two of the three terms of AlpacaEval's (Dubois et al. 2024,
arXiv:2404.04475): the model and the lengths, fitted for each model by itself. AlpacaEval also has a
term for the difficulty of each instruction, which it fits over its whole leaderboard, and a penalty
on the coefficients. Imported preferences are against a baseline as well: that of their judge. Against all models, one Bradley-Terry model has the length difference as a covariate. A separate fit per model
would attribute the strength of verbose opponents to their length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
from scipy.special import expit

from evalharness.analysis.estimates.ratings import choose_prior_penalty
from evalharness.errors import BattlesError, ConvergenceError, EvalHarnessError
from evalharness.stats import (
    bradley_terry_with_covariates,
    build_comparisons_from_battles,
    length_controlled_win_rate,
    style_feature_difference,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import Battle, RunRecords, Vote
    from evalharness.stats import Comparisons, FittedRatings

AnswerValue = TypeVar("AnswerValue")
ReplyKey = tuple[str, str, int, int]
"""Model, question id, sample and turn."""


def estimate_length_controlled_win_rates(
    records: RunRecords, battles: Sequence[Battle]
) -> dict[str, float]:
    """Return length-controlled win rates by model; empty without answers.

    The length of an answer is the number of characters of all replies that the judge saw. A model
    without a finite fit is left out, and so is one with preferences against several baselines.
    """
    baseline = records.config.judging.baseline
    lengths = measure_answer_lengths(records)
    if baseline is None and is_baseline_import(records):
        return _rates_of_preferences(records.votes, lengths)
    if baseline is None:
        return _rates_against_all(battles, lengths)
    games_by_model: dict[str, list[tuple[float, int, int, str]]] = {}
    for battle in battles:
        if baseline not in (battle.model_a, battle.model_b):
            continue
        points_of_a = battle.winner.points
        model, points = battle.model_a, points_of_a
        if model == baseline:
            model, points = battle.model_b, 1 - points_of_a
        unit = (battle.question_id, battle.sample, battle.turn)
        games, baseline_length = lengths.get((model, *unit)), lengths.get((baseline, *unit))
        if games is not None and baseline_length is not None:
            games_by_model.setdefault(model, []).append(
                (points, games, baseline_length, battle.question_id)
            )
    rates = {model: _rate_against_baseline(games) for model, games in games_by_model.items()}
    return {model: rate for model, rate in rates.items() if rate is not None}


def is_baseline_import(records: RunRecords) -> bool:
    """Return whether all judgments of a run are imported preferences against a baseline."""
    return (
        bool(records.votes)
        and not records.games
        and all(vote.preference is not None or vote.winner is None for vote in records.votes)
        and any(vote.preference is not None for vote in records.votes)
    )


def _rates_of_preferences(
    votes: Sequence[Vote], lengths: Mapping[ReplyKey, int]
) -> dict[str, float]:
    """Return the rates of models whose preferences are of one judge against one baseline."""
    games_by_model: dict[str, list[tuple[float, int, int, str]]] = {}
    sources: dict[str, set[tuple[str, str]]] = {}
    for vote in votes:
        unit = (vote.question_id, vote.sample, vote.turn)
        known = (lengths.get((vote.model_a, *unit)), lengths.get((vote.model_b, *unit)))
        baseline_length, length = vote.lengths or known
        if vote.preference is not None and length is not None and baseline_length is not None:
            sources.setdefault(vote.model_b, set()).add((vote.judge, vote.model_a))
            game = (vote.preference, length, baseline_length, vote.question_id)
            games_by_model.setdefault(vote.model_b, []).append(game)
    rates = {
        model: _rate_against_baseline(games)
        for model, games in games_by_model.items()
        if len(sources[model]) == 1
    }
    return {model: rate for model, rate in rates.items() if rate is not None}


def _rates_against_all(
    battles: Sequence[Battle], lengths: Mapping[ReplyKey, int]
) -> dict[str, float]:
    """Return each model's mean win probability in its battles at equal length."""
    try:
        comparisons, ratings = fit_at_equal_length(battles, lengths)
    except EvalHarnessError:  # nothing to control, disconnected, or no finite fit
        return {}
    difference = ratings.strengths[comparisons.first] - ratings.strengths[comparisons.second]
    size = len(comparisons.models)
    expected_points = np.bincount(comparisons.first, expit(difference), size)
    expected_points += np.bincount(comparisons.second, expit(-difference), size)
    return dict(
        zip(comparisons.models, (expected_points / comparisons.battles).tolist(), strict=True)
    )


def fit_at_equal_length(
    battles: Sequence[Battle], lengths: Mapping[ReplyKey, int]
) -> tuple[Comparisons, FittedRatings]:
    """Return the battles with known lengths, and Bradley-Terry ratings at equal length.

    Raises:
        BattlesError: no lengths are known, or they are equal in every battle.
        EvalHarnessError: the battles do not connect the models, or there is no finite fit.
    """
    measured = match_both_answers(battles, lengths)
    comparisons = build_comparisons_from_battles([battle for battle, _, _ in measured])
    difference = style_feature_difference(
        [length_a for _, length_a, _ in measured], [length_b for _, _, length_b in measured]
    )
    if not difference.std() > 0:
        msg = "both answers are equally long in every battle: there is nothing to control"
        raise BattlesError(msg)
    return comparisons, bradley_terry_with_covariates(
        comparisons,
        {"length": difference / difference.std()},
        penalty=choose_prior_penalty(comparisons),
    )


def match_both_answers(
    battles: Sequence[Battle], values: Mapping[ReplyKey, AnswerValue]
) -> list[tuple[Battle, AnswerValue, AnswerValue]]:
    """Return the battles for which a value of both answers is known, with the two values.

    Args:
        battles: the battles.
        values: a value of each model's replies up to a turn.
    """
    matched = []
    for battle in battles:
        unit = (battle.question_id, battle.sample, battle.turn)
        key_a, key_b = (battle.model_a, *unit), (battle.model_b, *unit)
        if key_a in values and key_b in values:
            matched.append((battle, values[key_a], values[key_b]))
    return matched


def measure_answer_lengths(records: RunRecords) -> dict[ReplyKey, int]:
    """Return the number of characters shown of each model, question, sample and turn."""
    lengths: dict[ReplyKey, int] = {}
    for answer in records.answers:
        total = 0
        for turn, reply in enumerate(answer.turns, start=1):
            total += len(reply.text)
            lengths[answer.model, answer.question_id, answer.sample, turn] = total
    return lengths


def _rate_against_baseline(games: Sequence[tuple[float, int, int, str]]) -> float | None:
    """Return a length-controlled win rate, or None without a finite fit."""
    points, lengths, baseline_lengths, questions = zip(*games, strict=True)
    try:
        return length_controlled_win_rate(points, lengths, baseline_lengths, questions).value
    except (ValueError, ConvergenceError):  # nothing to control, or no finite fit
        return None
