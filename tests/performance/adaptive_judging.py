"""How much of a full round-robin adaptive judging needs, in simulations.

python tests/performance/adaptive_judging.py [--trials 20] [--models 20] [--questions 80] [--seed 0]

All pairs of models on all questions in both orders are simulated first: the full run. Some questions
suit some models (standard deviation .7 in log-odds), the first place is favored by .3, about a
quarter of the games are ties, and a pair's two games are settled as in any run. Then adaptive
judging, in rounds of 1% with one round in the air, and a random order ask for parts of it.

By share of the calls: `concordance`, the share of the pairs that the full run separates at 5% that
are in its order, and in how many trials that is at least .98; `agreement`, the share of all pairs on
which the two draw the same conclusion at 5%. At the early stop: the calls made, pairs decided
against what the full run separates (contradictions), false decisions against the truth, and how
often 95% intervals of the decided design hold the true difference.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from evalharness.errors import SeparationError
from evalharness.stats.adaptive import pairs
from evalharness.stats.bradley_terry import bradley_terry
from evalharness.stats.comparisons import compare
from evalharness.stats.logistic import fit_logistic
from evalharness.stats.paired import Design
from evalharness.stats.ratings import critical_value
from evalharness.stats.rounds import Rounds

SPREADS = (0.8, 0.4)
SHARES = (0.10, 0.15, 0.20, 0.30, 0.50)
EFFECT, POSITION, TIE_MARGIN = 0.7, 0.3, 0.55
PENALTY = 1e-3
FIVE_PERCENT = 1.959963984540054


@dataclass
class World:
    """One simulated full run: `points` has a row a pair and a column a question."""

    points: np.ndarray
    truth: np.ndarray
    z: np.ndarray


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--models", type=int, default=20)
    parser.add_argument("--questions", type=int, default=80)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for spread in SPREADS:
        rng = np.random.default_rng([given.seed, int(100 * spread)])
        worlds = [world(given.models, given.questions, spread, rng) for _ in range(given.trials)]
        print(f"\nstrengths of sd {spread}, {given.trials} trials")  # noqa: T201
        show(worlds, given)


def show(worlds, given):
    """Print what parts of the full runs tell."""
    adaptive = [adaptively(each, given, seed) for seed, each in enumerate(worlds)]
    randomly = [at_random(each, given, seed) for seed, each in enumerate(worlds)]
    print(f"{'':8}{'adaptive':^34}{'random':^34}")  # noqa: T201
    print(f"{'calls':8}" + 2 * f"{'concordance':>12}{'>= .98':>8}{'agreement':>12}  ")  # noqa: T201
    for row, share in enumerate(SHARES):
        cells = ""
        for found in (adaptive, randomly):
            told = np.array([each["parts"][row] for each in found])
            high = np.mean(told[:, 0] >= 0.98)
            cells += f"{told[:, 0].mean():12.3f}{high:8.2f}{told[:, 1].mean():12.3f}  "
        print(f"{share:<8.0%}{cells}")  # noqa: T201
    for name in ("calls", "agreement", "contradictions", "false", "pairs decided", "coverage"):
        values = [each[name] for each in adaptive]
        total = f", {sum(values)} in all" if isinstance(values[0], int) else ""
        print(f"early stop: {name} {np.mean(values):.3f}{total}")  # noqa: T201
    full = [covered(each.points, each, given.models) for each in worlds]
    print(f"full run: coverage {np.mean(full):.3f}")  # noqa: T201


def world(models, questions, spread, rng):
    """Return a simulated full run, with the true differences that it estimates."""
    strength = rng.normal(0, spread, models)
    first, second = pairs(models)
    own = strength[:, None] + rng.normal(0, EFFECT, (models, questions))
    points = settled(own[first] - own[second], rng)
    return World(points=points, truth=true_differences(strength), z=estimated(points, models)[2])


def settled(difference, rng):
    """Return the points of each pair's first model: both games in one direction, or a tie."""
    win, loss = chances(difference + POSITION)
    shown_first = drawn(win, loss, rng)
    win, loss = chances(difference - POSITION)
    shown_second = drawn(win, loss, rng)
    return np.where(shown_first == shown_second, (shown_first + 1) / 2, 0.5)


def chances(log_odds):
    """Return the chances of a win and of a loss (Rao-Kupper)."""
    return expit(log_odds - TIE_MARGIN), expit(-log_odds - TIE_MARGIN)


def drawn(win, loss, rng):
    """Return 1, 0 or -1 for a win, a tie, a loss."""
    uniform = rng.random(win.shape)
    return np.where(uniform < win, 1, np.where(uniform > 1 - loss, -1, 0))


def true_differences(strength):
    """Return what Bradley-Terry tends to with ever more questions: its fit to expected points."""
    first, second = pairs(len(strength))
    places, weights = np.polynomial.hermite_e.hermegauss(40)
    noise = np.sqrt(2) * EFFECT * places
    gap = (strength[first] - strength[second])[:, None] + noise
    (win, loss), (win_too, loss_too) = chances(gap + POSITION), chances(gap - POSITION)
    expected = (1 + win * win_too - loss * loss_too) / 2 @ weights / weights.sum()
    design = Design.of(first, second, len(strength))
    fitted = fit_logistic(design, expected, np.ones(len(first))).coefficients
    return fitted[first] - fitted[second]


def estimated(points, models):
    """Return each pair's difference, its half interval, and z, as the leaderboard has them."""
    first, second = pairs(models)
    pair, question = np.nonzero(~np.isnan(points))
    battles = compare(
        [f"{place:03}" for place in range(models)],
        first[pair],
        second[pair],
        (2 * points[pair, question]).astype(int),
        question=question,
    )
    try:
        fitted = bradley_terry(battles)
    except SeparationError:  # a few units may leave a model without a loss
        fitted = bradley_terry(battles, penalty=PENALTY)
    spread = fitted.covariance
    error = np.sqrt(spread[first, first] + spread[second, second] - 2 * spread[first, second])
    difference = fitted.strengths[first] - fitted.strengths[second]
    return difference, critical_value(0.95, fitted.clusters) * error, difference / error


def adaptively(full, given, seed):
    """Return what adaptive judging finds at each share of the calls, and when it stops."""
    models, questions = given.models, given.questions
    rounds = Rounds(models, questions, seed)
    points = np.full_like(full.points, np.nan)
    parts, flying = [], [rounds.next()]
    while flying:
        if following := rounds.next():
            flying.append(following)
        back = flying.pop(0)
        rounds.tell({unit: full.points[unit] for unit in back})
        for unit in back:
            points[unit] = full.points[unit]
        share = np.mean(~np.isnan(points))
        while len(parts) < len(SHARES) and share >= SHARES[len(parts)] - 1e-9:
            parts.append(compared(points, full, models))
    end = compared(points, full, models)
    parts += [end] * (len(SHARES) - len(parts))
    standing = rounds.standing()
    separated = np.abs(full.z) > FIVE_PERCENT
    wrong = standing.decided & separated & (np.sign(standing.z) != np.sign(full.z))
    false = standing.decided & (np.sign(standing.z) != np.sign(full.truth))
    return {
        "parts": parts,
        "calls": float(np.mean(~np.isnan(points))),
        "agreement": end[1],
        "contradictions": int(wrong.sum()),
        "false": int(false.sum()),
        "pairs decided": float(standing.decided.mean()),
        "coverage": covered(points, full, models),
    }


def covered(points, full, models):
    """Return which share of the pairs' 95% intervals holds the true difference."""
    difference, reach, _ = estimated(points, models)
    return float(np.mean(np.abs(difference - full.truth) < reach))


def at_random(full, given, seed):
    """Return what the same numbers of units find when they are drawn at random."""
    order = np.random.default_rng(seed).permutation(full.points.size)
    parts = []
    for share in SHARES:
        points = np.full(full.points.size, np.nan)
        drawn = order[: math.ceil(share * len(order))]
        points[drawn] = full.points.ravel()[drawn]
        parts.append(compared(points.reshape(full.points.shape), full, given.models))
    return {"parts": parts}


def compared(points, full, models):
    """Return concordance on the pairs that the full run separates, and agreement of decisions."""
    z = estimated(points, models)[2]
    separated = np.abs(full.z) > FIVE_PERCENT
    same_order = np.sign(z) == np.sign(full.z)
    told = np.where(np.abs(z) > FIVE_PERCENT, np.sign(z), 0)
    held = np.where(separated, np.sign(full.z), 0)
    return same_order[separated].mean(), np.mean(told == held)


if __name__ == "__main__":
    main()
