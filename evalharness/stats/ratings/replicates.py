"""Draw bootstrap replicates of counted battles, and fit Bradley-Terry to many at a time.

Replicates are drawn as counts of cells, not as battles, and fits use only counts of pairs, so the
cost of a replicate does not depend on the number of battles. All replicates share the matrix of
Newton's method at the maximum (the chord method), which takes a few more but much faster steps.

With numba installed (the extra `fast`), compiled code draws independent battles and fits all
replicates by the same method, with a different stream of random numbers.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from evalharness.errors import DisconnectedError, SeparationError
from evalharness.stats.battles.comparisons import OUTCOME_POINTS
from evalharness.stats.battles.counts import BattleCounts, merge_pair_orders
from evalharness.stats.blas_threads import limit_blas_threads
from evalharness.stats.estimation.pair_matrices import build_difference_matrix
from evalharness.stats.rating_models.bradley_terry import bradley_terry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    from scipy.sparse import csr_array

    from evalharness.stats.arrays import FloatArray
    from evalharness.stats.estimation.fitted_ratings import FittedRatings

    _Draw: TypeAlias = Callable[[np.random.Generator, int], "_Replicates"]
    _Solve: TypeAlias = Callable[
        ["_Replicates", FittedRatings], tuple[FloatArray, npt.NDArray[np.bool_]]
    ]

_CELLS_PER_CHUNK = 1 << 19
"""The number of pairs times replicates of a chunk; the arrays fit in a processor's cache."""

_MIN_CHUNK, _MAX_CHUNK = 16, 512
"""The minimum and maximum number of replicates of a chunk."""

_SMALLEST_STEP = 1e-7
"""In log-odds: 0.00002 rating points. The error after such a step is much smaller."""

_MAX_CHORD_STEPS = 40
"""After this number of chord steps, Newton's method is used; replicates of few battles need it."""


class ResamplingScheme(StrEnum):
    """The distribution of the weights of questions (or battles, if each is a cluster)."""

    MULTINOMIAL = "multinomial"
    BAYESIAN = "bayesian"


def draw_cell_weights(
    counts: BattleCounts, rng: np.random.Generator, number: int, resampling: ResamplingScheme
) -> FloatArray:
    """Return the weight of each cell (row) in each replicate (column)."""
    if counts.by_question is not None:
        draws = _draw_question_weights(counts.clusters, rng, number, resampling)
        drawn: FloatArray = counts.by_question.T @ draws
        return drawn
    # Weights that differ within a cell are replaced by equal weights with the same sum and sum of
    # squares, which keeps the mean and the variance of replicates.
    weight, square = counts.weight.ravel(), counts.square.ravel()
    scale = np.divide(square, weight, out=np.zeros_like(weight), where=weight > 0)
    size = np.divide(weight, scale, out=np.zeros_like(weight), where=weight > 0)
    size = np.round(size, 9)  # draws do not depend on the rounding of the unit of the weights
    draw = rng.poisson if resampling is ResamplingScheme.MULTINOMIAL else rng.standard_gamma
    return scale[:, None] * draw(size, (number, len(size))).T.astype(np.float64)


def _draw_question_weights(
    questions: int, rng: np.random.Generator, number: int, resampling: ResamplingScheme
) -> FloatArray:
    if resampling is ResamplingScheme.BAYESIAN:
        return rng.standard_exponential((questions, number))
    return rng.multinomial(questions, np.full(questions, 1 / questions), number).T.astype(float)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Replicates:
    """The first model's points and the battles' weights, by pair (row) and replicate (column)."""

    won: FloatArray
    weight: FloatArray


def fit_replicates(
    counts: BattleCounts,
    fitted: FittedRatings,
    rng: np.random.Generator,
    replicates: int,
    resampling: ResamplingScheme,
    threads: int,
) -> FloatArray:
    """Return the Bradley-Terry strengths of each replicate (row).

    Args:
        counts: the battles.
        fitted: their Bradley-Terry ratings.
        rng: spawns a generator for each chunk of replicates.
        replicates: the number of replicates.
        resampling: the random weights of questions, or of battles.
        threads: the number of threads, each of which fits a chunk.

    Raises:
        SeparationError: some replicates have no finite ratings.
    """
    pairs = merge_pair_orders(counts)
    draw, solve = _choose_loops(pairs, resampling)
    chunk = min(max(_CELLS_PER_CHUNK // len(pairs.first), _MIN_CHUNK), _MAX_CHUNK)
    sizes = [min(chunk, replicates - start) for start in range(0, replicates, chunk)]

    def work(given: tuple[np.random.Generator, int]) -> tuple[FloatArray, list[str]]:
        drawn = draw(*given)
        strengths, done = solve(drawn, fitted)
        return strengths.T, _refit_by_newton(
            strengths.T, drawn, np.flatnonzero(~done), pairs, fitted
        )

    with limit_blas_threads(len(counts.models)), ThreadPoolExecutor(threads) as pool:
        chunks = list(pool.map(work, zip(rng.spawn(len(sizes)), sizes, strict=True)))
    require_finite_replicates([error for _, errors in chunks for error in errors], replicates)
    return np.concatenate([strengths for strengths, _ in chunks])


def require_finite_replicates(errors: Sequence[str], replicates: int) -> None:
    """Check that all replicates have finite ratings.

    Args:
        errors: the message of each replicate without finite ratings.
        replicates: the number of all replicates.

    Raises:
        SeparationError: some replicates have no finite ratings.
    """
    if errors:
        msg = (
            f"{len(errors)} of {replicates} replicates have no finite ratings, as questions that "
            f"bound them were not drawn (one of them: {errors[0].split('. ')[0]}). Use "
            "resampling='bayesian', which drops no question, a penalty such as penalty=0.25, or "
            "the sandwich interval"
        )
        raise SeparationError(msg)


def _choose_loops(pairs: BattleCounts, resampling: ResamplingScheme) -> tuple[_Draw, _Solve]:
    """Return the functions that draw and fit replicates, compiled if numba is installed."""
    draw, solve = _numpy_loops(pairs, resampling)
    if find_spec("numba") is None:
        return draw, solve
    from evalharness.stats.ratings.compiled_loops import solve_replicates

    if pairs.by_question is None and resampling is ResamplingScheme.MULTINOMIAL:
        draw = _compiled_draw_loop(pairs) or draw

    def solve_compiled(
        drawn: _Replicates, fitted: FittedRatings
    ) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        strengths = np.repeat(fitted.strengths[:, None], drawn.won.shape[1], axis=1)
        lengths = solve_replicates(
            np.ascontiguousarray(drawn.won),
            np.ascontiguousarray(drawn.weight),
            pairs.first,
            pairs.second,
            np.ascontiguousarray(fitted.inverse_information),
            fitted.penalty,
            strengths,
            _SMALLEST_STEP,
            _MAX_CHORD_STEPS,
        )
        return strengths, lengths < _SMALLEST_STEP

    return draw, solve_compiled


def _compiled_draw_loop(pairs: BattleCounts) -> _Draw | None:
    """Return the compiled function that draws replicates; None if it takes too much memory."""
    from evalharness.stats.ratings.compiled_loops import build_alias_tables, draw_replicates

    pair, outcome = np.nonzero(pairs.weight)
    weight, square = pairs.weight[pair, outcome], pairs.square[pair, outcome]
    scale = square / weight
    if (made := build_alias_tables(np.round(weight / scale, 9))) is None:
        return None

    def draw(rng: np.random.Generator, number: int) -> _Replicates:
        seed = rng.integers(np.iinfo(np.uint64).max, dtype=np.uint64)
        shape = (len(pairs.first), number)
        won, total = draw_replicates(
            made, pair, scale, scale * OUTCOME_POINTS[outcome], seed, shape
        )
        return _Replicates(won=won, weight=total)

    return draw


def _numpy_loops(pairs: BattleCounts, resampling: ResamplingScheme) -> tuple[_Draw, _Solve]:
    design = build_difference_matrix(pairs)

    def draw(rng: np.random.Generator, number: int) -> _Replicates:
        weight = draw_cell_weights(pairs, rng, number, resampling).reshape(*pairs.weight.shape, -1)
        won = np.einsum("por,o->pr", weight, OUTCOME_POINTS)
        return _Replicates(won=won, weight=weight.sum(axis=1))

    def solve(
        drawn: _Replicates, fitted: FittedRatings
    ) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        return _solve_by_chord_steps(drawn, fitted, pairs, design)

    return draw, solve


def _solve_by_chord_steps(
    drawn: _Replicates, fitted: FittedRatings, pairs: BattleCounts, design: csr_array
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Return strengths by model and replicate, and which replicates converged."""
    transposed = design.T.tocsr()
    strengths = np.repeat(fitted.strengths[:, None], drawn.won.shape[1], axis=1)
    done = np.zeros(strengths.shape[1], dtype=np.bool_)
    for _ in range(_MAX_CHORD_STEPS):
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # replicates that diverge are fitted by Newton's method
            odds = np.exp(strengths)
            first = odds[pairs.first]
            chance = first / (first + odds[pairs.second])
            gradient = transposed @ (drawn.won - drawn.weight * chance)
            gradient -= fitted.penalty * (strengths - strengths.mean(axis=0))
            step = fitted.inverse_information @ gradient
            strengths += step
            done = np.max(np.abs(step), axis=0) < _SMALLEST_STEP
        if done.all():
            break
    return strengths, done


def _refit_by_newton(
    strengths: FloatArray,
    drawn: _Replicates,
    unfinished: npt.NDArray[np.int64],
    pairs: BattleCounts,
    fitted: FittedRatings,
) -> list[str]:
    """Fit unfinished replicates by Newton's method, in place; return the error messages."""
    errors = []
    for place in unfinished:
        won, total = drawn.won[:, place], drawn.weight[:, place]
        weight = np.stack([total - won, np.zeros_like(won), won], axis=1)
        replicate = replace(pairs, weight=weight, square=weight, by_question=None)
        try:
            strengths[place] = bradley_terry(replicate, penalty=fitted.penalty).strengths
        except (DisconnectedError, SeparationError) as error:
            errors.append(str(error))
    return errors
