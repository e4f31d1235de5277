"""How often a 95% interval holds the true difference when battles share questions, by method.

python tests/performance/rating_coverage.py [--replicates 1500] [--questions 80] [--seed 0]

Five models, all pairs, both orders, on every question; some questions suit some models (an effect
of model and question, of the given standard deviation in log-odds); about a quarter are ties.
The true difference is what Bradley-Terry tends to with ever more questions. The methods differ
only in the covariance: Fisher information; row by row (HC0, as Arena-Rank, and as a bootstrap of
the battles); clustered by question; and as this project does it, with G/(G-1) and Student's t, or
with a bootstrap of the questions. The full table takes some minutes.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
from scipy.special import expit

from evalharness.stats import bootstrap, bradley_terry, build_comparisons, critical_value
from evalharness.stats.estimation.logistic_regression import fit_logistic
from evalharness.stats.estimation.pair_matrices import PairDesignMatrix

STRENGTHS = np.array([0.8, 0.4, 0.0, -0.4, -0.8])
MODELS = [f"model-{place}" for place in range(len(STRENGTHS))]
FIRST, SECOND = np.argwhere(~np.eye(len(STRENGTHS), dtype=bool)).T
EFFECTS = (0.0, 0.7, 1.2)
TIE_MARGIN = 0.55
REPLICATES = 400
NORMAL = 1.959963984540054
METHODS = ("Fisher", "HC0", "clustered", "clustered, G/(G-1), t", "question bootstrap")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=1500)
    parser.add_argument("--questions", type=int, default=80)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()

    print(f"{'effect sd':>9}", *(f"{method:>22}" for method in METHODS))  # noqa: T201
    for effect in EFFECTS:
        rng = np.random.default_rng(given.seed)
        truth = true_strengths(effect, rng)
        shares = np.mean(
            [covered(truth, effect, given.questions, rng) for _ in range(given.replicates)], axis=0
        )
        print(f"{effect:9.1f}", *(f"{share:22.3f}" for share in shares), flush=True)  # noqa: T201


def covered(truth, effect, questions, rng):
    """Return by method which share of the pairs' intervals holds the truth in one simulation."""
    comparisons = simulated(effect, questions, rng)
    number = len(comparisons.first)
    clustered = bradley_terry(comparisons)
    by_row = bradley_terry(replace(comparisons, cluster=np.arange(number), clustered_by="battle"))
    drawn = bootstrap(comparisons, rng, replicates=REPLICATES, threads=1)
    missed = np.abs(gaps(clustered.strengths - truth))
    reaches = (
        NORMAL * errors(clustered.inverse_information),
        NORMAL * errors(by_row.covariance * (number - 1) / number),
        NORMAL * errors(clustered.covariance * (questions - 1) / questions),
        critical_value(0.95, questions) * errors(clustered.covariance),
    )
    low, high = drawn.interval_ends(gaps(drawn.strengths))
    within = (low < gaps(truth)) & (gaps(truth) < high)
    return [*(np.mean(missed < reach) for reach in reaches), np.mean(within)]


def simulated(effect, questions, rng):
    """Return the battles of one benchmark."""
    upper, lower = chances(effect * rng.standard_normal((questions, len(STRENGTHS))))
    drawn = rng.random(upper.shape)
    outcome = (drawn < upper).astype(int) + (drawn < lower)
    return build_comparisons(
        MODELS,
        np.tile(FIRST, questions),
        np.tile(SECOND, questions),
        outcome.ravel(),
        question=np.repeat(np.arange(questions), len(FIRST)),
    )


def chances(suits):
    """Return the chances that the first model at least ties, and that it wins (Rao-Kupper)."""
    gap = gaps(STRENGTHS + suits, FIRST, SECOND)
    return expit(gap + TIE_MARGIN), expit(gap - TIE_MARGIN)


def true_strengths(effect, rng, draws=400_000):
    """Return the strengths that Bradley-Terry tends to: its fit to the expected points."""
    suits = effect * rng.standard_normal((draws if effect else 1, len(STRENGTHS)))
    points = sum(chance.mean(axis=0) for chance in chances(suits)) / 2
    design = PairDesignMatrix.from_battles(FIRST, SECOND, len(STRENGTHS))
    return fit_logistic(design, points, np.ones(len(FIRST))).coefficients


def gaps(strengths, first=None, second=None):
    """Return differences of strengths, by default of each pair once."""
    if first is None:
        first, second = np.triu_indices(len(STRENGTHS), 1)
    return strengths[..., first] - strengths[..., second]


def errors(covariance):
    """Return the standard errors of the differences of each pair."""
    first, second = np.triu_indices(len(STRENGTHS), 1)
    variances = np.diag(covariance)
    return np.sqrt(variances[first] + variances[second] - 2 * covariance[first, second])


if __name__ == "__main__":
    main()
