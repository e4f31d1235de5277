"""How often a 95% interval holds the true mean where questions are few, and at what price.

python tests/performance/interval_coverage.py [--metrics scores,differences,rates,win_rates,ratings]
    [--outcomes PART_OF_A_NAME] [--questions 2,3,5,10,20,80] [--replications 4000] [--seed 0]
    [--markdown]

Each question has one outcome of a distribution on a few values, or one battle of each pair of
models. An interval depends only on how often each outcome occurred, so each such count is computed
once. If there are at most 4,000 counts, all are enumerated and the figures are exact; else they are
simulated (marked ~). A cell holds the coverage, that of the former interval, and the mean width as
a multiple of that of the former interval. The former interval is Student's t on the scale, Wilson's
with Student's t for rates, and the sandwich with Student's t for differences of ratings; "open" is
the share of intervals of ratings without an end on one side. For equal models, 1 less the coverage
is the share of false decisions of pairs. The whole table takes some minutes.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import zlib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from evalharness.errors import SeparationError
from evalharness.stats import (
    ELO_PER_NAT,
    SCORE_DIFFERENCE_RANGE,
    SCORE_RANGE,
    bradley_terry,
    build_comparisons,
    clustered_mean,
    clustered_proportion,
    compare_means,
    critical_value,
    measure_win_rates,
    wilson_interval,
)

QUESTIONS = (2, 3, 5, 10, 20, 80)
LEVEL = 0.95
MOST_COUNTS = 4000
LEAST_CHANCE = 1e-9


@dataclass(frozen=True)
class Outcomes:
    """A distribution of the outcome of a question."""

    name: str
    values: tuple[float, ...]
    chances: tuple[float, ...]

    @property
    def mean(self):
        return float(np.dot(self.values, self.chances))


@dataclass(frozen=True)
class Coverage:
    """What the intervals of one distribution and one number of questions did."""

    covered: float
    former_covered: float
    width: float
    former_width: float
    smallest_width: float
    exact: bool
    open: float = 0.0

    def __str__(self):
        ratio = self.width / self.former_width if self.former_width else math.nan
        price = "" if not math.isfinite(ratio) else f" x{ratio:.2f}"
        ends = f" {self.open:.0%} open" if self.open else ""
        return f"{self.covered:.3f} ({self.former_covered:.3f}){price}{ends}"


@dataclass(frozen=True)
class Contest:
    """Models of given strengths; a share of the battles are ties (only of equal models).

    With `upsets`, the model that stands first wins all battles but this share, whatever its opponent.
    """

    name: str
    strengths: tuple[float, ...]
    ties: float = 0.0
    upsets: float | None = None

    def win_chances(self, pairs):
        """Return how likely the first model of each pair wins a battle that is no tie."""
        if self.upsets is not None:
            return np.full(len(pairs), 1 - self.upsets)
        return expit(np.array(self.strengths)[pairs] @ [1, -1])

    def true_gaps(self, models, pairs):
        """Return the differences of ratings to which a fit tends with ever more questions."""
        if self.upsets is None:
            return ELO_PER_NAT * np.array(self.strengths)[pairs] @ [1, -1]
        first, second = np.tile(pairs, (2, 1)).T
        outcome = np.repeat([2, 0], len(pairs))
        weight = np.repeat([1 - self.upsets, self.upsets], len(pairs))
        fit = bradley_terry(build_comparisons(models, first, second, outcome, weight=weight))
        return ELO_PER_NAT * fit.strengths[pairs] @ [1, -1]


def two_valued(low, high, chance):
    """Return outcomes of two values, of which the higher has the given chance."""
    return Outcomes(f"{low:g} or {high:g}, p = {chance:g}", (low, high), (1 - chance, chance))


def graded(name, weights):
    """Return outcomes on the scores 1 to 10."""
    return Outcomes(name, tuple(range(1, 11)), tuple(np.array(weights) / np.sum(weights)))


def rounded_normal(mean, spread):
    """Return scores that are normal, rounded, and cut at the ends of the scale."""
    edges = norm.cdf([-np.inf, *(np.arange(1.5, 10) - mean) / spread, np.inf])
    return graded(f"normal, mean {mean:g}, sd {spread:g}", np.diff(edges))


def difference(first, second):
    """Return the difference of two models whose outcomes are independent."""
    found = Counter()
    for (one, chance), (other, likely) in itertools.product(
        zip(first.values, first.chances, strict=True),
        zip(second.values, second.chances, strict=True),
    ):
        found[one - other] += chance * likely
    kind = "equal models" if first is second else f"less {second.name}"
    return Outcomes(f"{first.name}, {kind}", tuple(found), tuple(found.values()))


SCORES = (
    two_valued(1, 10, 0.5),
    two_valued(1, 10, 0.1),
    two_valued(1, 10, 0.01),
    two_valued(1, 10, 0.186),
    two_valued(5, 10, 0.186),
    rounded_normal(7, 1.5),
    graded("J-shape, 70% tens", (6, 1, 1, 1, 1, 2, 3, 5, 10, 70)),
    graded("U-shape", (8, 4, 2, 1, 1, 1, 1, 2, 4, 8)),
    graded("eights and nines, 1% ones", (1, 0, 0, 0, 0, 0, 0, 60, 39, 0)),
    Outcomes("8, 9 or 10 at .25, .5, .25", (8, 9, 10), (0.25, 0.5, 0.25)),
    Outcomes("1, 8 or 10 at .02, .68, .30", (1, 8, 10), (0.02, 0.68, 0.3)),
    Outcomes("constant 6", (6,), (1.0,)),
)
RATES = (
    *(two_valued(0, 1, chance) for chance in (0.5, 0.186, 0.1, 0.01)),
    Outcomes("0, 0.5 or 1 at .3, .4, .3", (0, 0.5, 1), (0.3, 0.4, 0.3)),
    Outcomes("0, 0.5 or 1 at .05, .10, .85", (0, 0.5, 1), (0.05, 0.1, 0.85)),
    Outcomes("constant 1", (1,), (1.0,)),
    Outcomes("constant 0.5", (0.5,), (1.0,)),
)
DIFFERENCES = (
    *(difference(each, each) for each in SCORES),
    difference(SCORES[0], SCORES[1]),
    difference(SCORES[5], SCORES[7]),
    Outcomes("-9, 0 or 9 at .3, .2, .5", (-9, 0, 9), (0.3, 0.2, 0.5)),
    two_valued(0, 1, 0.186),
    Outcomes("6 less 5, always", (1,), (1.0,)),
)
RATINGS = (
    Contest("2 equal models", (0.0, 0.0)),
    Contest("2 equal models, 40% ties", (0.0, 0.0), 0.4),
    Contest("2 models, 9 to 1", (math.log(9), 0.0)),
    Contest("3 equal models", (0.0, 0.0, 0.0)),
    Contest("3 equal models, 40% ties", (0.0, 0.0, 0.0), 0.4),
    Contest("3 models, one 9 to 1", (math.log(9), 0.0, 0.0)),
    Contest("6 equal models", (0.0,) * 6),
    Contest("6 models, one 9 to 1", (math.log(9), *(0.0,) * 5)),
    Contest("5 models, balanced", (0.8, 0.4, 0.0, -0.4, -0.8)),
    Contest("6 models, 3% upsets", (0.0,) * 6, upsets=0.03),
)
CASES = {
    "scores": SCORES,
    "differences": DIFFERENCES,
    "rates": RATES,
    "win_rates": RATES[1:6],
    "ratings": RATINGS,
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--metrics", default=",".join(CASES))
    parser.add_argument("--outcomes", default="", help="a part of the names of the outcomes")
    parser.add_argument("--questions", default=",".join(map(str, QUESTIONS)))
    parser.add_argument("--replications", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    numbers = [int(number) for number in given.questions.split(",")]
    rows = [
        (metric, case)
        for metric in given.metrics.split(",")
        for case in CASES[metric]
        if given.outcomes in case.name
    ]
    bar, end = (" | ", " |") if given.markdown else ("  ", "")
    start = bar.lstrip()

    heads = ["metric", "outcomes", *(f"G = {number}" for number in numbers)]
    print(start + bar.join(heads) + end)  # noqa: T201
    if given.markdown:
        print("|---" * (2 + len(numbers)) + "|")  # noqa: T201
    with ProcessPoolExecutor(2, initializer=os.nice, initargs=(10,)) as pool:
        for (metric, case), cells in zip(
            rows,
            pool.map(
                measure_row,
                *zip(*rows, strict=True),
                itertools.repeat(numbers),
                itertools.repeat(given.replications),
                itertools.repeat(given.seed),
            ),
            strict=True,
        ):
            texts = [f"{cell}{'' if cell.exact else ' ~'}" for cell in cells]
            print(start + bar.join([metric, case.name, *texts]) + end, flush=True)  # noqa: T201


def measure_row(metric, case, numbers, replications, seed):
    """Return the coverage of one distribution for each number of questions."""
    return [measure(metric, case, number, replications, seed) for number in numbers]


def measure(metric, case, questions, replications=4000, seed=0):
    """Return the coverage of one distribution at a number of questions."""
    if metric == "ratings":
        return measure_ratings(case, questions, replications, seed)
    if math.comb(questions + len(case.values) - 1, questions) <= MOST_COUNTS:
        chance_of, exact = enumerate_counts(case.chances, questions), True
    else:
        rng = np.random.default_rng([seed, questions, zlib.crc32(case.name.encode())])
        drawn = rng.multinomial(questions, case.chances, size=replications)
        counted = Counter(map(tuple, drawn.tolist()))
        chance_of, exact = {key: n / replications for key, n in counted.items()}, False
    totals, smallest = np.zeros(4), math.inf
    for counts, chance in chance_of.items():
        ends, former = find_intervals(metric, case.values, counts)
        held = [low - 1e-9 <= case.mean <= high + 1e-9 for low, high in (ends, former)]
        widths = [high - low for low, high in (ends, former)]
        totals += chance * np.array([*held, *widths])
        smallest = min(smallest, widths[0])
    return Coverage(*totals, smallest, exact)


@cache
def find_intervals(metric, values, counts):
    """Return the interval and the former interval of values that occurred so often."""
    repeated = np.repeat(np.array(values, dtype=float), counts)
    return INTERVALS[metric](repeated), FORMER[metric](repeated)


def measure_ratings(contest, questions, replications=1000, seed=0):
    """Return the coverage of the differences of all pairs; ratings without a fit are open."""
    rng = np.random.default_rng([seed, questions, zlib.crc32(contest.name.encode())])
    models = [f"model-{place}" for place in range(len(contest.strengths))]
    pairs = np.array(list(itertools.combinations(range(len(models)), 2)))
    chances, truth = contest.win_chances(pairs), contest.true_gaps(models, pairs)
    found, known = [], {}
    for _ in range(replications):
        wins = rng.random((questions, len(pairs))) < chances
        outcome = np.where(rng.random(wins.shape) < contest.ties, 1, 2 * wins)
        key = np.sort(outcome, axis=0).tobytes() if len(pairs) == 1 else None
        if key not in known or key is None:
            known[key] = pair_intervals(models, pairs, outcome, truth)
        found.append(known[key])
    covered, former, is_open, width, former_width = np.mean(found, axis=0)
    smallest = min((each[3] for each in found if not each[2]), default=math.inf)
    return Coverage(covered, former, width, former_width, smallest, exact=False, open=is_open)


def pair_intervals(models, pairs, outcome, truth):
    """Return the shares covered, covered formerly and open, and the mean widths of closed intervals."""
    first, second = np.tile(pairs, (len(outcome), 1)).T
    question = np.repeat(np.arange(len(outcome)), len(pairs))
    battles = build_comparisons(models, first, second, outcome.ravel(), question=question)
    try:
        fit = bradley_terry(battles)
    except SeparationError:
        return 1.0, 1.0, 1.0, 0.0, 0.0
    estimates = [fit.contrast(models[one], models[other]) for one, other in pairs]
    low = np.array([each.low for each in estimates])
    high = np.array([each.high for each in estimates])
    reach = fit.critical * np.array([each.standard_error for each in estimates])
    value = np.array([each.value for each in estimates])
    closed = np.isfinite(high - low)
    return (
        np.mean((low - 1e-6 <= truth) & (truth <= high + 1e-6)),
        np.mean(np.abs(value - truth) <= reach + 1e-6),
        1 - np.mean(closed),
        np.sum(high[closed] - low[closed]),
        np.sum(2 * reach[closed]),
    )


def enumerate_counts(chances, questions):
    """Return the chance of each count of values, without counts that all but never occur."""
    found = {}
    for bars in itertools.combinations(range(questions + len(chances) - 1), len(chances) - 1):
        edges = (-1, *bars, questions + len(chances) - 1)
        counts = tuple(end - start - 1 for start, end in itertools.pairwise(edges))
        chance = math.factorial(questions) * math.prod(
            chance**count / math.factorial(count)
            for chance, count in zip(chances, counts, strict=True)
        )
        if chance > LEAST_CHANCE:
            found[counts] = chance
    return found


def score_interval(values):
    """Return the interval of a mean score."""
    found = clustered_mean(values, np.arange(len(values)), scale=SCORE_RANGE)
    return found.low, found.high


def rate_interval(values):
    """Return the interval of a rate, such as those of an audit."""
    found = clustered_proportion(values, np.arange(len(values)))
    return found.low, found.high


def win_rate_interval(values):
    """Return the interval of a win rate; each question has one battle in each order."""
    both = np.stack([np.ceil(values), np.floor(values)], axis=1).ravel()
    first, second = np.zeros(len(both), dtype=int), np.ones(len(both), dtype=int)
    battles = build_comparisons(
        ["model", "other"],
        first,
        second,
        (2 * both).astype(int),
        question=np.repeat(np.arange(len(values)), 2),
    )
    found = measure_win_rates(battles)[0]
    return found.low, found.high


def difference_interval(values):
    """Return the interval of the difference of two models' mean scores."""
    influence = np.stack([values - values.mean(), np.zeros(len(values))], axis=1) / len(values)
    means = np.array([values.mean(), 0.0])
    found = compare_means(means, influence, (0, 1), SCORE_DIFFERENCE_RANGE, level=LEVEL)
    return found.low, found.high


def t_interval(values, scale):
    """Return Student's t interval of a mean, clipped to the scale."""
    reach = critical_value(LEVEL, len(values)) * values.std(ddof=1) / math.sqrt(len(values))
    return max(scale[0], values.mean() - reach), min(scale[1], values.mean() + reach)


def former_rate_interval(values):
    """Return Wilson's interval with Student's t; equal values count as independent questions."""
    share, variance = values.mean(), values.var(ddof=1) / len(values)
    number = share * (1 - share) / variance if variance else len(values)
    return wilson_interval(share, number, critical_value(LEVEL, len(values)))


INTERVALS = {
    "scores": score_interval,
    "differences": difference_interval,
    "rates": rate_interval,
    "win_rates": win_rate_interval,
}
FORMER = {
    "scores": partial(t_interval, scale=SCORE_RANGE),
    "differences": partial(t_interval, scale=SCORE_DIFFERENCE_RANGE),
    "rates": former_rate_interval,
    "win_rates": former_rate_interval,
}

if __name__ == "__main__":
    main()
