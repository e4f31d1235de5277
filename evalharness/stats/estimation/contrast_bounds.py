"""Bound contrasts of ratings by a test that holds for few questions.

A contrast c'theta is tested at a value d by its score: the strengths are fitted again under
c'theta = d, and each question adds U_q = a'S_q to the efficient score, with S_q its score and
a = B^-1 c. If d is the true value, the mean of U_q is 0. Outcomes are bounded, so U_q lies in a
known range, and Gaffke's tail (see `gaffke`) is the p value. With two models that meet once on each
question, the bounds are those of the win rate on the log-odds scale. A bound is infinite if no
value is rejected.

The range of U_q depends on how much battles of a question agree. If they agree always, all of them
may go the other way on another question; if they are independent, this hardly happens. The range
uses the intraclass correlation rho of the scores, and adds (1 - rho) / (sqrt(G) m^(1/3)), with G
questions of m battles: few questions hardly show the correlation. Simulation chose these terms
(see the table of coverage in the documentation).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from evalharness.stats.battles.comparisons import BattleOutcome
from evalharness.stats.estimation.constrained_fits import ConstrainedFits, fit_under_constraints
from evalharness.stats.intervals.bound_search import search_bounds
from evalharness.stats.intervals.gaffke import gaffke_tail

if TYPE_CHECKING:
    from evalharness.stats.arrays import BoolArray, FloatArray, IntArray
    from evalharness.stats.battles.counts import BattleCounts
    from evalharness.stats.estimation.outcome_model import OutcomeModel

GUARD_SHARE = 0.8
"""The one-sided error of the bounds, as a share of the two-sided error of the interval that they
widen. Bounds at this error alone would cover less than the interval's level."""

_FARTHEST = 8.0
"""A bound farther from the estimate than this (1,390 rating points) is infinite: fits at such values
have hardly any information, and rounding decides."""

_NEEDLESS_SHARE = 0.01
"""If the squared range of a question is below this share of the sum of squared scores, the bound
lies inside Student's interval."""

_DECIMALS = 8
_SMALLEST = np.finfo(float).tiny
_CELLS_PER_BATCH = 300_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _QuestionScores:
    """Efficient scores by contrast and question; each question occurs `times`.

    `squares` is the sum of the squared scores of single battles, `largest` the sum of their
    absolute values. `reach` and `square_reach` are the same sums with the farthest that each score
    may lie below 0.
    """

    scores: FloatArray
    squares: FloatArray
    largest: FloatArray
    reach: FloatArray
    square_reach: FloatArray
    times: FloatArray

    @property
    def correlation(self) -> FloatArray:
        """The intraclass correlation of each contrast's scores, with an allowance for its error."""
        single, agreed = self.squares @ self.times, self.largest**2 @ self.times
        room = np.maximum(agreed - single, _SMALLEST)
        found = np.clip((self.scores**2 @ self.times - single) / room, 0.0, 1.0)
        battles = (self.reach**2 @ self.times) / np.maximum(
            self.square_reach @ self.times, _SMALLEST
        )
        allowance = 1 / (math.sqrt(self.times.sum()) * np.cbrt(np.maximum(battles, 1.0)))
        correlation: FloatArray = found + (1 - found) * allowance
        return correlation


@dataclass(frozen=True, kw_only=True, eq=False)
class ContrastBounds:
    """The bounds of contrasts of a fit.

    Attributes:
        counts: the battles.
        model: the model of outcomes.
        coefficients: the fitted strengths and parameters.
        inverse: the inverse information at the fit.
        score_products: the sum over questions of the cross products of their scores.
        has_prior: whether a prior keeps the fitted strengths finite.
    """

    counts: BattleCounts
    model: OutcomeModel
    coefficients: FloatArray
    inverse: FloatArray
    score_products: FloatArray
    has_prior: bool

    def widen(
        self, contrasts: FloatArray, ends: FloatArray, sides: FloatArray, level: float
    ) -> FloatArray:
        """Return the ends of intervals of contrasts, moved out to the bounds.

        Args:
            contrasts: contrasts of strengths (or strengths and parameters), one per row.
            ends: one end of the interval of each contrast, from its standard error.
            sides: 1 for a lower end, -1 for an upper one.
            level: the intervals' level.
        """
        widened = ends.copy()
        contrasts = self._complete(contrasts)
        chosen = np.flatnonzero(~self._are_needless(contrasts))
        limit = math.log(GUARD_SHARE * (1 - level))

        def excess(places: IntArray, values: FloatArray) -> FloatArray:
            rows = chosen[places]
            tails = self._measure_tails(contrasts[rows], values, sides[rows])
            return np.log(np.maximum(tails, _SMALLEST)) - limit

        if chosen.size:
            found = search_bounds(
                excess,
                ends[chosen],
                contrasts[chosen] @ self.coefficients,
                sides[chosen],
                farthest=_FARTHEST,
            )
            # The order in which battles were counted shows in digits beyond these.
            widened[chosen] = np.where(found == ends[chosen], found, np.round(found, _DECIMALS))
        return widened

    def compute_p_values(self, contrasts: FloatArray) -> FloatArray:
        """Return the two-sided p values that contrasts are 0, for which 1 - level is the limit.

        Args:
            contrasts: contrasts of strengths (or strengths and parameters), one per row.
        """
        contrasts = self._complete(contrasts)
        p_values = np.zeros(len(contrasts))
        chosen = np.flatnonzero(~self._are_needless(contrasts))
        if chosen.size:
            sides = np.where(contrasts[chosen] @ self.coefficients > 0, 1.0, -1.0)
            tails = self._measure_tails(contrasts[chosen], np.zeros(len(chosen)), sides)
            p_values[chosen] = np.minimum(1.0, tails / GUARD_SHARE)
        return p_values

    def _complete(self, contrasts: FloatArray) -> FloatArray:
        """Return contrasts of strengths as contrasts of strengths and parameters."""
        missing = len(self.coefficients) - contrasts.shape[1]
        return np.pad(contrasts, ((0, 0), (0, missing)))

    def _are_needless(self, contrasts: FloatArray) -> BoolArray:
        """Return whether no question can matter, from bounds that need no fit."""
        if self.has_prior:
            anchored: BoolArray = np.all(contrasts == 0, axis=1)
            return anchored
        directions = contrasts @ self.inverse
        size = len(self.counts.models)
        spread = np.ptp(directions[:, :size], axis=1) + np.abs(directions[:, size:]).sum(axis=1)
        variances = np.einsum("ct,tu,cu->c", directions, self.score_products, directions)
        by_question = self.counts.by_question
        largest_weight = (
            np.max(self.counts.weight / np.maximum(self.counts.number, 1))
            if by_question is None
            else by_question.sum(axis=1).max()
        )
        reach = largest_weight * spread
        needless = np.asarray(reach**2 <= _NEEDLESS_SHARE * variances)
        return np.asarray(needless, dtype=np.bool_)

    def _measure_tails(
        self, contrasts: FloatArray, values: FloatArray, sides: FloatArray
    ) -> FloatArray:
        """Return one-sided p values: side 1 tests 'at most this value', -1 'at least'."""
        batch = max(1, _CELLS_PER_BATCH // self.counts.weight.size)
        tails = [
            self._measure_batch(contrasts[part], values[part], sides[part])
            for part in (slice(start, start + batch) for start in range(0, len(contrasts), batch))
        ]
        return np.concatenate(tails) if tails else np.empty(0)

    def _measure_batch(
        self, contrasts: FloatArray, values: FloatArray, sides: FloatArray
    ) -> FloatArray:
        moved = contrasts @ self.inverse
        shift = (values - contrasts @ self.coefficients) / np.sum(moved * contrasts, axis=1)
        start = self.coefficients + moved * shift[:, None]
        fits = fit_under_constraints(self.counts, self.model, contrasts, start)
        found = self._sum_by_question(self._score_cells(fits) * sides[:, None, None])
        apart, together = found.square_reach, found.reach**2
        square = apart + found.correlation[:, None] * (together - apart)
        # The mean over questions weighted by the reach: others do not limit the contrast.
        weight = np.maximum(np.sqrt(square) @ found.times, _SMALLEST)
        return gaffke_tail(found.scores, -(square @ found.times) / weight, counts=found.times)

    def _score_cells(self, fits: ConstrainedFits) -> FloatArray:
        """Return the efficient score of a battle by contrast, pair and outcome."""
        size, directions = len(self.counts.models), fits.directions
        along = directions[:, self.counts.first] - directions[:, self.counts.second]
        cells: FloatArray = fits.score[..., 0] * along[:, :, None]
        if fits.score.shape[-1] > 1:
            cells = cells + np.einsum("cpot,ct->cpo", fits.score[..., 1:], directions[:, size:])
        return cells

    def _sum_by_question(self, cells: FloatArray) -> _QuestionScores:
        lowest = np.maximum(-cells.min(axis=2), 0.0)
        flat = cells.reshape(len(cells), -1)
        if self._question_weights is None:
            number = self.counts.number.ravel()
            occurring = np.flatnonzero(number)
            weight = self.counts.weight.ravel()[occurring] / number[occurring]
            scores = flat[:, occurring] * weight
            reach = lowest[:, occurring // len(BattleOutcome)] * weight
            return _QuestionScores(
                scores=scores,
                squares=scores**2,
                largest=np.abs(scores),
                reach=reach,
                square_reach=reach**2,
                times=number[occurring].astype(np.float64),
            )
        by_cell, squares_by_cell, by_pair, squares_by_pair = self._question_weights
        return _QuestionScores(
            scores=(by_cell @ flat.T).T,
            squares=(squares_by_cell @ flat.T**2).T,
            largest=(by_cell @ np.abs(flat).T).T,
            reach=(by_pair @ lowest.T).T,
            square_reach=(squares_by_pair @ lowest.T**2).T,
            times=np.ones(by_cell.shape[0]),
        )

    @cached_property
    def _question_weights(self) -> tuple[csr_array, csr_array, csr_array, csr_array] | None:
        """Sums of weights, and of single battles' squared weights, by cell and by pair.

        The rows are questions; None if each battle is a cluster. Battles of a cell are taken to
        have equal weights.
        """
        counts = self.counts
        if counts.by_question is None:
            return None
        entries = counts.by_question.tocoo()
        single = np.ravel(counts.square / np.where(counts.weight > 0, counts.weight, 1.0))
        squares = entries.data * single[entries.col]
        pairs = (len(counts.first), entries.col // len(BattleOutcome))
        cells = (counts.weight.size, entries.col)
        by_cell, squares_by_cell, by_pair, squares_by_pair = (
            csr_array((values, (entries.row, columns)), shape=(entries.shape[0], number))
            for number, columns in (cells, pairs)
            for values in (entries.data, squares)
        )
        return by_cell, squares_by_cell, by_pair, squares_by_pair
