"""Check whether people's labels support corrected figures.

Prediction-powered inference assumes that the labels are on a random part of the judge's work. This
cannot be proven, but clear violations can be detected: labels on some categories, pairs or turns
only, or on the judge's ties only. A check refuses labels if their mix is both improbable (less than
once in a thousand runs) and far from random (a fifth of the labels would have to move). Labels
are also refused if there are too few, or if the judge gives the same value to everything.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from evalharness.stats import (
    clustered_mean,
    critical_value,
    find_connected_groups,
    format_model_group,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from evalharness.analysis.label_correction.labelled_units import LabelledUnits
    from evalharness.stats import Comparisons, FloatArray, IntArray

MIN_LABELLED_QUESTIONS = 10
"""Per model. With fewer, intervals of extreme figures have less than their nominal coverage."""

_MAX_P_VALUE = 0.001
_MIN_DISTANCE = 0.2
_DRAWS, _DRAW_BATCH = 9_999, 909
_MAX_NAMED_LEVELS = 3


def find_refusal_reason(labelled: LabelledUnits, rng: np.random.Generator) -> str:
    """Return why labels support no corrected figure and what would; empty if they do."""
    for check in (_find_contradiction, _find_too_few_labels, _find_constant_judge):
        reason = check(labelled)
        if reason:
            return reason
    return next(_find_nonrandom_labels(labelled, rng), "")


def find_disconnected_reason(comparisons: Comparisons) -> str:
    """Return why votes give no common scale and what would; empty if they do."""
    connected = find_connected_groups(comparisons, "weak")
    if len(connected) == 1:
        return ""
    listed = "; ".join(format_model_group(group) for group in connected)
    number = MIN_LABELLED_QUESTIONS * (len(connected) - 1)
    return (
        f"The votes do not connect all models ({listed}), so ratings share no scale: vote on about "
        f"{number} battles between these groups."
    )


def _find_contradiction(labelled: LabelledUnits) -> str:
    """Return a refusal if a person voted twice on a battle with different results."""
    if not labelled.contradicted:
        return ""
    unit, person = next(iter(labelled.contradicted.items()))
    number = len(labelled.contradicted)
    battles = "1 battle" if number == 1 else f"{number} battles"
    return (
        f"{person} voted twice, and not alike, on {battles} (question {unit.question_id}, turn "
        f"{unit.turn}, {' and '.join(unit.models)}): take the wrong vote out."
    )


def _find_too_few_labels(labelled: LabelledUnits) -> str:
    """Return a refusal that names the model with the fewest labelled questions, if too few."""
    questions_by_model: dict[str, set[str]] = {model: set() for model in labelled.models}
    for unit in labelled.labels:
        for model in unit.models:
            questions_by_model[model].add(unit.question_id)
    fewest = min(labelled.models, key=lambda model: len(questions_by_model[model]))
    number = len(questions_by_model[fewest])
    if number >= MIN_LABELLED_QUESTIONS:
        return ""
    plural = "" if number == 1 else "s"
    models_with_too_few = sum(
        len(questions) < MIN_LABELLED_QUESTIONS for questions in questions_by_model.values()
    )
    others_count = models_with_too_few - 1
    other_models = "1 other model has" if others_count == 1 else f"{others_count} other models have"
    others = f" ({other_models} too few as well)" if models_with_too_few > 1 else ""
    return (
        f"{labelled.label_count} {labelled.noun}{' is' if labelled.label_count == 1 else 's are'} too few: "
        f"{fewest} has {labelled.noun}s on {number} question{plural}{others}, and an interval takes "
        f"{MIN_LABELLED_QUESTIONS} of each model. {MIN_LABELLED_QUESTIONS - number} more questions with "
        f"{labelled.noun}s on {'it' if models_with_too_few == 1 else 'each'} would do."
    )


def _find_constant_judge(labelled: LabelledUnits) -> str:
    """Return a refusal if the judge gave the same value to everything."""
    if len(set(labelled.judged.values())) > 1:
        return ""
    return (
        f"The judge says the same of all {len(labelled.judged)} that it judged, so it tells nothing "
        f"of people: no more {labelled.noun}s will do, another judge or judge prompt may."
    )


def _find_nonrandom_labels(labelled: LabelledUnits, rng: np.random.Generator) -> Iterator[str]:
    """Yield refusals for labels that are not on a random part of the judge's work."""
    for unit_noun, labelled_levels, judged_levels, describe_level in _iterate_label_mixes(labelled):
        missing = _count_missing_labels(Counter(labelled_levels), Counter(judged_levels), rng)
        if missing:
            named = sorted(missing.items(), key=lambda each: -each[1])[:_MAX_NAMED_LEVELS]
            named_levels = ", ".join(f"{number} {describe_level(level)}" for level, number in named)
            rest = " and others" if len(missing) > _MAX_NAMED_LEVELS else ""
            yield (
                f"The {labelled.noun}s are no random part of what the judge judged; as they stand, "
                f"{unit_noun} are missing: {named_levels}{rest}."
            )
    yield from _find_skewed_values(labelled)
    if len({labelled.judged[unit] for unit in labelled.labels}) == 1:
        yield (
            f"The judge says the same of all {len(labelled.labels)} that people labelled, though not "
            f"of the rest, so nothing shows how far it follows people: label others drawn at "
            f"random, about {labelled.label_count}."
        )


def _iterate_label_mixes(
    labelled: LabelledUnits,
) -> Iterator[tuple[str, Sequence[Any], Sequence[Any], Callable[[Any], str]]]:
    """Yield a noun, the levels of the labelled and of all units, and a level's description."""
    units, labels = list(labelled.judged), list(labelled.labels)
    questions, judged_questions = (
        [
            labelled.categories.get(question)
            for question in sorted({unit.question_id for unit in group})
        ]
        for group in (labels, units)
    )
    yield "questions", questions, judged_questions, lambda category: f"of the category {category}"
    noun = f"{labelled.noun}s"
    for level_of, describe_level in (
        (lambda unit: unit.turn, lambda turn: f"on turn {turn}"),
        (lambda unit: unit.models, lambda models: f"of {' and '.join(models)}"),
    ):
        yield noun, list(map(level_of, labels)), list(map(level_of, units)), describe_level


def _count_missing_labels(
    labelled: Counter[Hashable], judged: Counter[Hashable], rng: np.random.Generator
) -> dict[Hashable, int]:
    """Return how many labels are missing by level; empty if chance explains the mix.

    The p value is that of the chi-squared statistic under sampling without replacement.

    Args:
        labelled: the number of labelled units by level.
        judged: the number of all units by level.
        rng: draws the samples.
    """
    levels = list(judged)
    labelled_counts, judged_counts = (
        np.array([counts[level] for level in levels]) for counts in (labelled, judged)
    )
    total = int(labelled_counts.sum())
    if _total_variation(labelled_counts, judged_counts) <= _MIN_DISTANCE:
        return {}
    expected = total * judged_counts / judged_counts.sum()
    statistic, at_least_as_extreme = np.sum((labelled_counts - expected) ** 2 / expected), 0
    for _ in range(_DRAWS // _DRAW_BATCH):  # a hundred models have thousands of pairs
        samples = rng.multivariate_hypergeometric(
            judged_counts, total, _DRAW_BATCH, method="marginals"
        )
        at_least_as_extreme += int(
            np.sum(np.sum((samples - expected) ** 2 / expected, axis=1) >= statistic)
        )
    if (at_least_as_extreme + 1) / (_DRAWS + 1) > _MAX_P_VALUE:
        return {}
    for density in np.linspace(
        total / judged_counts.sum(), np.max(labelled_counts / judged_counts), 21
    ):
        sufficient = np.maximum(labelled_counts, np.ceil(density * judged_counts))
        if _total_variation(sufficient, judged_counts) <= _MIN_DISTANCE:
            break
    missing = (sufficient - labelled_counts).tolist()
    return {level: int(each) for level, each in zip(levels, missing, strict=True) if each > 0}


def _total_variation(labelled: IntArray | FloatArray, judged: IntArray) -> float:
    """Return the share of labels that would have to move to match the mix of all units."""
    return float(np.abs(labelled / labelled.sum() - judged / judged.sum()).sum() / 2)


def _find_skewed_values(labelled: LabelledUnits) -> Iterator[str]:
    """Yield a refusal if the judge's values of labelled units differ from its other values."""
    is_pair = labelled.noun == "vote"
    reference_value = 0.5 if is_pair else float(np.median(list(labelled.judged.values())))
    mark_by_unit = {
        unit: float(value == reference_value if is_pair else value > reference_value)
        for unit, value in labelled.judged.items()
    }
    labelled_marks = [mark_by_unit[unit] for unit in labelled.labels]
    labelled_share = clustered_mean(labelled_marks, [unit.question_id for unit in labelled.labels])
    judged_share = float(np.mean(list(mark_by_unit.values())))
    margin = (
        critical_value(1 - _MAX_P_VALUE, labelled_share.clusters) * labelled_share.standard_error
    )
    if abs(labelled_share.value - judged_share) > max(_MIN_DISTANCE, margin):
        description = (
            "battles the judge called ties" if is_pair else "answers graded above its median"
        )
        yield (
            f"The {labelled.noun}s are no random part of what the judge judged: {labelled_share.value:.0%} are "
            f"on {description}, of all {judged_share:.0%}. Label others drawn at random, about "
            f"{labelled.label_count} for as many labels as these."
        )
