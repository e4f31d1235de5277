"""How much of a full round-robin adaptive judging needs, in simulations.

python tests/performance/adaptive_judging.py [--trials 20] [--models 20] [--questions 80] [--seed 0]
python tests/performance/adaptive_judging.py --recorded [--trials 20]

All pairs of models on all questions in both orders are simulated first: the full run. Some questions
suit some models (standard deviation .7 in log-odds), the first place is favored by .3, about a
quarter of the games are ties, and a pair's two games are settled as in any run. Then adaptive
judging, in rounds of 1% with one round in the air, and a random order ask for parts of it.

By share of the calls: `concordance`, the share of the pairs that the full run separates at 5% that
are in its order, and in how many trials that is at least .98; `agreement`, the share of all pairs on
which the two draw the same conclusion at 5%. At the early stop: the calls made, pairs decided
against what the full run separates (contradictions), false decisions against the truth, and how
often 95% intervals of the decided design hold the true difference: those of a fixed design, and the
always-valid ones that the leaderboard has.

With --recorded, real judgments are replayed (their folder by EVALHARNESS_DATA): GPT-4's verdicts on
all pairs of six models of MT-bench, and people's battles of 59 models on 13 prompts of LLMFAO, which
are sparse: what was not recorded cannot be asked, and is no call. The same two orders, one a trial, ask
for parts of them.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import expit

from evalharness.errors import DisconnectedError, SeparationError
from evalharness.stats import (
    AdaptiveRounds,
    BattleOutcome,
    always_valid_boundary,
    bradley_terry,
    build_comparisons,
    choose_boundary_rho,
    critical_value,
    estimate_adaptive_strengths,
    list_pairs,
)
from evalharness.stats.estimation.logistic_regression import fit_logistic
from evalharness.stats.estimation.pair_matrices import PairDesignMatrix

SPREADS = (0.8, 0.4)
SHARES = (0.10, 0.15, 0.20, 0.30, 0.50)
EFFECT, POSITION, TIE_MARGIN = 0.7, 0.3, 0.55
PENALTY = 1e-3
FIVE_PERCENT = 1.959963984540054
RECORDED = ("calls", "agreement", "concordance", "contradictions", "pairs decided")
SIMULATED = (*RECORDED, "false", "coverage", "coverage always-valid")


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
    parser.add_argument("--recorded", action="store_true", help="replay real judgments")
    given = parser.parse_args()
    if given.recorded:
        replay(given)
        return
    for spread in SPREADS:
        rng = np.random.default_rng([given.seed, int(100 * spread)])
        worlds = [world(given.models, given.questions, spread, rng) for _ in range(given.trials)]
        print(f"\nstrengths of sd {spread}, {given.trials} trials")  # noqa: T201
        show(worlds, given)


def replay(given):
    """Print what parts of recorded judgments tell."""
    folder = Path(os.environ.get("EVALHARNESS_DATA", Path(__file__).parents[2] / "../shared/data"))
    for name, points in (
        ("MT-bench, GPT-4's verdicts", mt_bench(folder / "mt_bench_human" / "gpt4_pair.jsonl")),
        ("LLMFAO, people's battles", llmfao(folder / "llmfao" / "llmfao.csv")),
    ):
        models = round((1 + math.sqrt(1 + 8 * len(points))) / 2)
        z = estimated(points, models)[2]
        full = World(points=points, truth=np.full(len(z), np.nan), z=z)
        given.models, given.questions = models, points.shape[1]
        print(  # noqa: T201
            f"\n{name}: {models} models, {points.shape[1]} questions, "
            f"{np.count_nonzero(~np.isnan(points)):,} units; "
            f"{np.mean(np.abs(z) > FIVE_PERCENT):.0%} of {len(z):,} pairs separated"
        )
        show([full] * given.trials, given)


def mt_bench(path):
    """Return the points of all pairs on all questions, the mean of two turns."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    won = {"model_a": 1.0, "model_b": 0.0}
    return table(
        (row["model_a"], row["model_b"], row["question_id"], won.get(row["winner"], 0.5))
        for row in rows
    )


def llmfao(path):
    """Return the points of pairs on prompts, the mean over people; NaN where nobody voted."""
    won = {"left": 1.0, "right": 0.0, "tie": 0.5}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return table((row["left"], row["right"], row["prompt"], won[row["winner"]]) for row in rows)


def table(battles):
    """Return mean points by pair and question, from the models, the question and the first's points."""
    battles = list(battles)
    names = sorted({name for battle in battles for name in battle[:2]})
    questions = sorted({battle[2] for battle in battles})
    number = {pair: place for place, pair in enumerate(zip(*list_pairs(len(names)), strict=True))}
    sums, counts = np.zeros((2, len(number), len(questions)))
    for first, second, question, points in battles:
        one, other = names.index(first), names.index(second)
        place = number[min(one, other), max(one, other)], questions.index(question)
        sums[place] += points if one < other else 1 - points
        counts[place] += 1
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


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
    for name in RECORDED if given.recorded else SIMULATED:
        values = [each[name] for each in adaptive]
        total = f", {sum(values)} in all" if isinstance(values[0], int) else ""
        print(f"early stop: {name} {np.mean(values):.3f}{total}")  # noqa: T201
    if not given.recorded:
        full = [covered(each.points, each, given.models)[0] for each in worlds]
        print(f"full run: coverage {np.mean(full):.3f}")  # noqa: T201


def world(models, questions, spread, rng):
    """Return a simulated full run, with the true differences that it estimates."""
    strength = rng.normal(0, spread, models)
    first, second = list_pairs(models)
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
    first, second = list_pairs(len(strength))
    places, weights = np.polynomial.hermite_e.hermegauss(40)
    noise = np.sqrt(2) * EFFECT * places
    gap = (strength[first] - strength[second])[:, None] + noise
    (win, loss), (win_too, loss_too) = chances(gap + POSITION), chances(gap - POSITION)
    expected = (1 + win * win_too - loss * loss_too) / 2 @ weights / weights.sum()
    design = PairDesignMatrix.from_battles(first, second, len(strength))
    fitted = fit_logistic(design, expected, np.ones(len(first))).coefficients
    return fitted[first] - fitted[second]


def estimated(points, models):
    """Return each pair's difference, its half interval, and z, as the leaderboard has them."""
    first, second = list_pairs(models)
    pair, question = np.nonzero(~np.isnan(points))
    won = points[pair, question]
    battles = build_comparisons(
        [f"{place:03}" for place in range(models)],
        np.tile(first[pair], 2),
        np.tile(second[pair], 2),
        np.repeat([BattleOutcome.FIRST_WON, BattleOutcome.SECOND_WON], len(won)),
        weight=np.r_[won, 1 - won],
        question=np.tile(question, 2),
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
    """Return what adaptive judging finds at each share of the calls, and when it stops.

    A unit without a recorded outcome is no call.
    """
    models, questions = given.models, given.questions
    rounds = AdaptiveRounds(models, questions, seed)
    points = np.full_like(full.points, np.nan)
    everything = np.count_nonzero(~np.isnan(full.points))
    parts, flying = [], [rounds.choose_round()]
    while flying:
        if following := rounds.choose_round():
            flying.append(following)
        back = flying.pop(0)
        rounds.record_outcomes({unit: full.points[unit] for unit in back})
        for unit in back:
            points[unit] = full.points[unit]
        share = np.count_nonzero(~np.isnan(points)) / everything
        while len(parts) < len(SHARES) and share >= SHARES[len(parts)] - 1e-9:
            parts.append(compared(points, full, models))
    end = compared(points, full, models)
    parts += [end] * (len(SHARES) - len(parts))
    standing = rounds.estimate()
    separated = np.abs(full.z) > FIVE_PERCENT
    wrong = standing.decided & separated & (np.sign(standing.z) != np.sign(full.z))
    false = standing.decided & (np.sign(standing.z) != np.sign(full.truth))
    fixed, always = covered(points, full, models)
    return {
        "parts": parts,
        "calls": np.count_nonzero(~np.isnan(points)) / everything,
        "concordance": end[0],
        "agreement": end[1],
        "contradictions": int(wrong.sum()),
        "false": int(false.sum()),
        "pairs decided": float(standing.decided.mean()),
        "coverage": fixed,
        "coverage always-valid": always,
    }


def covered(points, full, models):
    """Return which share of the pairs' 95% intervals holds the true difference: both kinds."""
    difference, reach, z = estimated(points, models)
    error, miss = np.abs(difference / z), np.abs(difference - full.truth)
    rho = choose_boundary_rho(models, points.shape[1], 0.05)
    always = always_valid_boundary(1 / error**2, alpha=0.05, rho=rho) * error
    return float(np.mean(miss < reach)), float(np.mean(miss < always))


def at_random(full, given, seed):
    """Return what the same numbers of units find when they are drawn at random."""
    known = np.flatnonzero(~np.isnan(full.points))
    order = np.random.default_rng(seed).permutation(known)
    parts = []
    for share in SHARES:
        points = np.full(full.points.size, np.nan)
        drawn = order[: math.ceil(share * len(order))]
        points[drawn] = full.points.ravel()[drawn]
        parts.append(compared(points.reshape(full.points.shape), full, given.models))
    return {"parts": parts}


def compared(points, full, models):
    """Return concordance on the pairs that the full run separates, and agreement of decisions."""
    try:
        z = estimated(points, models)[2]
    except DisconnectedError:  # of 59 models some are not met yet: the design's own prior speaks
        z = estimate_adaptive_strengths(points, models).z
    separated = np.abs(full.z) > FIVE_PERCENT
    same_order = np.sign(z) == np.sign(full.z)
    told = np.where(np.abs(z) > FIVE_PERCENT, np.sign(z), 0)
    held = np.where(separated, np.sign(full.z), 0)
    return same_order[separated].mean(), np.mean(told == held)


if __name__ == "__main__":
    main()
