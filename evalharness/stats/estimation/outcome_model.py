"""Define models of outcomes: probabilities of a win, a tie and a loss by strength difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.errors import SeparationError
from evalharness.stats.battles.comparisons import BattleOutcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalharness.stats.arrays import FloatArray
    from evalharness.stats.battles.counts import BattleCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeTerms:
    """The log-likelihood of each outcome for each pair, with its derivatives.

    The axes are pair, `BattleOutcome`, and coordinates: the difference of strengths, then the
    parameters. `information` is minus the second derivative.
    """

    log_probability: FloatArray
    score: FloatArray
    information: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeModel:
    """A model of the probabilities of outcomes.

    Attributes:
        name: the name of the rating model, for `FittedRatings.method`.
        parameters: the names of the parameters other than strengths.
        start: the values that Newton's method starts from, one for each parameter.
        has_position: whether a parameter depends on which model of a pair is first.
        terms: a function of strength differences and parameters that returns the log-likelihoods.
            Parameters are one vector, or one row for each difference.
    """

    name: str
    parameters: tuple[str, ...]
    start: tuple[float, ...]
    has_position: bool
    terms: Callable[[FloatArray, FloatArray], OutcomeTerms]


def weigh_ties_and_decisions(counts: BattleCounts) -> tuple[float, float]:
    """Return the total weights of ties and of decided battles, both above 0.

    Raises:
        SeparationError: no battle is a tie or all are, so a model of ties has no finite fit.
    """
    ties = counts.weight[:, BattleOutcome.TIE].sum()
    decided = counts.weight.sum() - ties
    if not (ties and decided):
        which = "no battle is a tie" if decided else "every battle is a tie"
        msg = f"{which}, so how often models tie has no finite estimate: use bradley_terry"
        raise SeparationError(msg)
    return float(ties), float(decided)
