"""From a run's records and battles to its table."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from evalharness.domain import Stage
from evalharness.leaderboard._adaptive import mixture
from evalharness.leaderboard._benchmarks import benchmark_values
from evalharness.leaderboard._corrected import corrected, corrected_fields
from evalharness.leaderboard._counts import count
from evalharness.leaderboard._families import spared_families
from evalharness.leaderboard._lengths import length_controlled
from evalharness.leaderboard._panel import convene, panel_scores, panel_standings
from evalharness.leaderboard._people import without_checks
from evalharness.leaderboard._places import Place, places
from evalharness.leaderboard._rows import Leaderboard, LeaderboardRow, PairRow
from evalharness.leaderboard._scoring import score
from evalharness.leaderboard._seats import flagged, summarize
from evalharness.leaderboard._standings import stand
from evalharness.stats.groups import better_probabilities

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import Battle, RunRecords
    from evalharness.leaderboard._corrected_rows import CorrectedTable
    from evalharness.leaderboard._counts import Counts
    from evalharness.leaderboard._scoring import Scores
    from evalharness.leaderboard._standings import Standings
    from evalharness.stats.means import Mean
    from evalharness.stats.ratings import Estimate
    from evalharness.stats.win_rates import WinRate


def build(
    records: RunRecords, battles: Sequence[Battle], *, level: float = 0.95, seed: int = 0
) -> Leaderboard:
    """Return the table of a run: every model that it names, best first.

    Several judges become one by the panel's rule (the run's `judging.panel`); the question stays
    the unit of every interval. Models are ranked by rating, or by score where there are no ratings.

    Args:
        records: the run.
        battles: its games, settled.
        level: the level of all intervals and rank sets.
        seed: of the orders for online Elo and of the rank sets' simulation.
    """
    labelled, everything = records, battles
    table = without_checks(records, battles)
    records, battles = table.records, table.battles
    panel = convene(records, battles)
    draws = np.random.default_rng([seed, 0])
    if panel is None:
        standings = stand(battles, draws, level=level, mixture=mixture(records, battles, level))
        scores = score(records, level=level)
    else:
        battles = panel.battles
        standings = panel_standings(panel, draws, level=level)
        scores = panel_scores(panel, records, level=level)
    found = places(standings, scores, np.random.default_rng([seed, 1]), level)
    by_people = corrected(
        labelled, everything, panel, np.random.default_rng([seed, 2]), level=level
    )
    summary = summarize(panel, records, level=level, seed=seed) if panel else None
    at_equal_length = length_controlled(records, battles)
    rows = [
        _row(
            model,
            found.get(model, Place()),
            own,
            standings=standings,
            scores=scores,
            at_equal_length=at_equal_length.get(model),
            benchmarks=benchmark_values(records.benchmarks, model),
            by_people=by_people,
        )
        for model, own in count(records, battles).items()
    ]
    return Leaderboard(
        rows=tuple(sorted(rows, key=lambda row: (row.rank is None, row.rank))),
        pairs=_pairs(standings),
        level=level,
        method=standings.method,
        notes=(
            *standings.notes,
            *scores.notes,
            *_failed_judgments(records),
            *spared_families(records),
            *flagged(summary),
            *table.notes,
        ),
        panel=summary,
        corrected=by_people,
        separated=frozenset(
            (model, other) for model, place in found.items() for other in place.above
        ),
    )


def _row(
    model: str,
    place: Place,
    counts: Counts,
    *,
    standings: Standings,
    scores: Scores,
    at_equal_length: float | None,
    benchmarks: Mapping[str, float],
    by_people: Sequence[CorrectedTable],
) -> LeaderboardRow:
    is_rated = standings.ratings is not None and model in standings.ratings.models
    rated = standings.ratings.rating(model) if standings.ratings and is_rated else None
    rating, rating_low, rating_high = _figures(rated)
    win_rate, win_rate_low, win_rate_high = _figures(standings.win_rates.get(model))
    mean, score_low, score_high = _figures(scores.means.get(model))
    return LeaderboardRow(
        model=model,
        rank=place.rank,
        rank_low=place.low,
        rank_high=place.high,
        rating=rating,
        rating_low=rating_low,
        rating_high=rating_high,
        elo=standings.elo.get(model),
        win_rate=win_rate,
        win_rate_low=win_rate_low,
        win_rate_high=win_rate_high,
        length_controlled_win_rate=at_equal_length,
        score=mean,
        score_low=score_low,
        score_high=score_high,
        score_by_turn=scores.by_turn.get(model, {}),
        score_by_category=scores.by_category.get(model, {}),
        battles=counts.battles,
        graded=counts.graded,
        unscored=counts.unscored,
        failed=counts.failed,
        truncated=counts.truncated,
        benchmarks=benchmarks,
        **corrected_fields(by_people, model),
    )


def _pairs(standings: Standings) -> tuple[PairRow, ...]:
    ratings = standings.ratings
    if ratings is None or ratings.clusters == 1:
        return tuple(_pair(rate) for rate in standings.pairs)
    better = better_probabilities(
        ratings.ratings, ratings.rating_covariance, degrees_of_freedom=ratings.clusters - 1
    )
    place = {model: number for number, model in enumerate(ratings.models)}
    return tuple(
        replace(_pair(rate), better=float(better[place[rate.model], place[rate.opponent or ""]]))
        for rate in standings.pairs
    )


def _pair(rate: WinRate) -> PairRow:
    _, low, high = _figures(rate)
    return PairRow(
        model_a=rate.model,
        model_b=rate.opponent or "",
        win_rate=rate.value,
        low=low,
        high=high,
        wins=rate.wins,
        losses=rate.losses,
        ties=rate.ties,
    )


def _figures(
    estimate: Estimate | Mean | WinRate | None,
) -> tuple[float | None, float | None, float | None]:
    """Return an estimate with the ends of its interval; None for what could not be computed."""
    if estimate is None:
        return None, None, None
    if math.isnan(estimate.low):
        return estimate.value, None, None
    return estimate.value, estimate.low, estimate.high


def _failed_judgments(records: RunRecords) -> tuple[str, ...]:
    """Say how many judgments are missing: they lower no model's count, yet thin out its figures."""
    failed = Counter(each.model for each in records.failures if each.stage is Stage.JUDGE)
    return tuple(
        f"{number} judgments by {judge} failed and are part of no figure."
        for judge, number in sorted(failed.items())
    )
