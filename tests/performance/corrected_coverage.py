"""How often corrected intervals hold what people would say, from few labels and a biased judge.

python tests/performance/corrected_coverage.py [--replicates 1500] [--seed 0] [--spread 1]

Five models on 160 questions; a judge compares all pairs and grades all answers, people label a
slice. Some questions suit some models (an effect of the given standard deviation, in log-odds, and
in points for grades), for people and judge alike. The judge says what people say of every second
battle, and of the others what it thinks: the middle model is better to it by 0.8 log-odds, of
whose answers it also thinks 1.2 points more. Labels are on whole questions drawn at random ("20
whole": all pairs and answers of 20 questions), or strewn over questions and pairs as the labelling
mode of the page draws them ("40 strewn": 40 votes, 40 grades).

Columns: how often a nominal 95% interval holds the truth (differences of two models' ratings; win
rates; mean scores): corrected, from the labels alone, by the judge alone on all questions; and how
many times the labels people alone would need (`label_factor`). The full table takes some minutes.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from evalharness.errors import EvalHarnessError
from evalharness.stats import (
    Comparisons,
    GroupedValues,
    bradley_terry,
    build_comparisons,
    critical_value,
    prediction_powered_means,
    prediction_powered_ratings,
)
from evalharness.stats.estimation.logistic_regression import fit_logistic
from evalharness.stats.estimation.pair_matrices import PairDesignMatrix

STRENGTHS = np.array([0.8, 0.4, 0.0, -0.4, -0.8])
TIE_MARGIN = 0.55
SIZE, QUESTIONS = len(STRENGTHS), 160
MODELS = [f"model-{place}" for place in range(SIZE)]
FIRST, SECOND = np.triu_indices(SIZE, 1)
FAVOR = np.array([0.0, 0.0, 0.8, 0.0, 0.0])
GENEROSITY = np.array([0.0, 0.0, 1.2, 0.0, 0.0])
COPIED = 0.5
EFFECTS = (0.0, 0.7, 1.2)
SLICES = (
    ("whole", 10),
    ("whole", 20),
    ("whole", 40),
    ("whole", 80),
    ("strewn", 40),
    ("strewn", 80),
    ("strewn", 160),
    ("strewn", 25),
)
FIGURES = ("ratings", "win rates", "scores")
WAYS = ("corrected", "labels", "judge")


@dataclass(frozen=True)
class Truth:
    """What people say of infinitely many questions."""

    gaps: np.ndarray
    win_rates: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class Said:
    """What people and the judge say: of pairs, twice the first's points; of answers, grades."""

    people: np.ndarray
    judge: np.ndarray
    grades: np.ndarray
    judge_grades: np.ndarray


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--spread", type=float, default=1.0, help="times the models' differences")
    given = parser.parse_args()

    columns = ("effect", "labels", "figure", *WAYS, "factor", "refused")
    print("".join(f"{name:>11}" for name in columns))  # noqa: T201
    for effect in EFFECTS:
        rng = np.random.default_rng(given.seed)
        truth = true_figures(effect, rng, spread=given.spread)
        for design, number in SLICES:
            settings = truth, effect, design, number, rng
            found = [covered(*settings, spread=given.spread) for _ in range(given.replicates)]
            kept = [row for row in found if row is not None]
            for name, means in zip(FIGURES, np.mean(kept, axis=0), strict=True):
                figures = "".join(f"{mean:11.3f}" for mean in means)
                head = f"{effect:11.1f}{f'{number} {design}':>11}{name:>11}"
                print(f"{head}{figures}{len(found) - len(kept):11}", flush=True)  # noqa: T201


def covered(truth, effect, design, number, rng, *, spread=1.0):
    """Return for each figure the coverage of each way and the label factor; None if refused."""
    said = simulated(effect, QUESTIONS, rng, spread)
    pairs = chosen(design, number, len(FIRST), rng)
    answers = chosen(design, number, SIZE, rng)
    try:
        return [
            ratings_covered(truth, said, pairs),
            means_covered(truth.win_rates, *win_rows(said, pairs), is_share=True),
            means_covered(truth.scores, *score_rows(said, answers), is_share=False),
        ]
    except EvalHarnessError:
        return None


def chosen(design, number, units, rng):
    """Return which units (pairs, answers) of which questions are labelled."""
    if design == "whole":
        mask = np.zeros((QUESTIONS, units), dtype=bool)
        mask[rng.choice(QUESTIONS, number, replace=False)] = True
        return mask
    mask = np.zeros((QUESTIONS, units), dtype=bool)
    questions, order, at = rng.permutation(QUESTIONS), rng.permutation(units), np.arange(number)
    mask[questions[at % QUESTIONS], order[(at + at // np.lcm(QUESTIONS, units)) % units]] = True
    return mask


def simulated(effect, questions, rng, spread=1.0):
    """Return what people and the judge say of one benchmark."""
    suits = effect * rng.standard_normal((questions, SIZE))
    strengths = spread * STRENGTHS
    people = battles(strengths + suits, rng)
    own = battles(strengths + FAVOR + suits, rng)
    quality = 5.5 + strengths + suits + rng.standard_normal((questions, 1))
    said = quality + rng.standard_normal(quality.shape)
    judged = 0.5 * said + 0.5 * quality + GENEROSITY + 0.7 * rng.standard_normal(quality.shape)
    return Said(
        people=people,
        judge=np.where(rng.random(people.shape) < COPIED, people, own),
        grades=on_scale(said),
        judge_grades=on_scale(judged),
    )


def battles(strengths, rng):
    """Return outcomes of all pairs, with ties as Rao and Kupper have them."""
    gap = strengths[:, FIRST] - strengths[:, SECOND]
    drawn = rng.random(gap.shape)
    return (drawn < expit(gap + TIE_MARGIN)).astype(int) + (drawn < expit(gap - TIE_MARGIN))


def on_scale(grades):
    """Return grades as whole numbers from 1 to 10."""
    return np.clip(np.round(grades), 1, 10)


def true_figures(effect, rng, questions=400_000, *, spread=1.0):
    """Return what people's figures tend to with ever more questions."""
    said = simulated(effect, questions, rng, spread)
    points = said.people.mean(axis=0) / 2
    strengths = fit_logistic(
        PairDesignMatrix.from_battles(FIRST, SECOND, SIZE), points, np.ones(len(FIRST))
    )
    won = [
        np.mean([*points[place == FIRST], *(1 - points[place == SECOND])]) for place in range(SIZE)
    ]
    return Truth(
        gaps=gaps(strengths.coefficients),
        win_rates=np.array(won),
        scores=said.grades.mean(axis=0),
    )


def ratings_covered(truth, said, mask):
    """Return coverage of all pairs' rating differences."""
    whole = np.ones_like(mask)
    people, judge = compared(said.people, mask), compared(said.judge, whole)
    found = prediction_powered_ratings(people, said.judge[mask], judge)
    alone = prediction_powered_ratings(people, said.judge[mask], judge, trust=0.0)
    fits = (found.ratings, alone.ratings, bradley_terry(judge))
    return [
        *(np.mean(np.abs(gaps(fit.strengths) - truth.gaps) < reaches(fit)) for fit in fits),
        found.saving.label_factor,
    ]


def compared(outcome, mask) -> Comparisons:
    """Return chosen battles."""
    question, pair = np.nonzero(mask)
    return build_comparisons(MODELS, FIRST[pair], SECOND[pair], outcome[mask], question=question)


def win_rows(said, mask):
    """Return people's points, the judge's of the same, and the judge's of all."""

    def points(outcome, mask):
        question, pair = np.nonzero(mask)
        won = outcome[mask] / 2
        return GroupedValues(
            value=np.concatenate([won, 1 - won]),
            group=np.concatenate([FIRST[pair], SECOND[pair]]),
            question=np.tile(question, 2),
        )

    return points(said.people, mask), points(said.judge, mask), points(said.judge, mask | True)


def score_rows(said, mask):
    """Return people's grades, the judge's of the same, and the judge's of all."""

    def rows(grades, mask):
        question, model = np.nonzero(mask)
        return GroupedValues(value=grades[mask], group=model, question=question)

    return (
        rows(said.grades, mask),
        rows(said.judge_grades, mask),
        rows(said.judge_grades, mask | True),
    )


def means_covered(truth, labels, predictions, everything, *, is_share):
    """Return coverage of all models' means."""
    arguments = labels, predictions.value, everything, SIZE
    found, alone = (prediction_powered_means(*arguments, trust=trust) for trust in (None, 0.0))
    judge = prediction_powered_means(everything, everything.value, everything, SIZE, trust=0.0)
    hits = []
    for means in (found, alone, judge):
        ends = [means.share(place) if is_share else means.estimate(place) for place in range(SIZE)]
        hits.append(np.mean([e.low < t < e.high for e, t in zip(ends, truth, strict=True)]))
    return [*hits, found.saving.label_factor]


def gaps(strengths):
    """Return the differences of each pair."""
    return strengths[FIRST] - strengths[SECOND]


def reaches(fit):
    """Return how far the intervals of each pair's difference reach."""
    variances = np.diag(fit.covariance)
    errors = variances[FIRST] + variances[SECOND] - 2 * fit.covariance[FIRST, SECOND]
    return critical_value(0.95, fit.clusters) * np.sqrt(np.maximum(errors, 0.0))


if __name__ == "__main__":
    main()
