"""Whether people's labels support corrected figures: enough, on a random part, of a judge that varies.

Prediction-powered inference supposes that labels are on a random part of what the judge judged.
That cannot be proven, but its plain violations show: labels of some categories, pairs or turns only,
or of what the judge called ties. The checks refuse what chance makes less often than once in a
thousand runs and what is also large (a fifth of the labels are elsewhere than they would be).
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
"""Of a model's labelled questions: with fewer, intervals of extreme figures fall short of their level."""

_MAX_P_VALUE = 0.001
_MIN_DISTANCE = 0.2
_DRAWS, _DRAW_BATCH = 9_999, 909
_MAX_NAMED_LEVELS = 3


def find_refusal_reason(labelled: LabelledUnits, rng: np.random.Generator) -> str:
    """Return why labels support no corrected figure, and what would do; nothing where they do."""
    for check in (_find_contradiction, _find_too_few_labels, _find_constant_judge):
        found = check(labelled)
        if found:
            return found
    return next(_find_nonrandom_labels(labelled, rng), "")


def find_disconnected_reason(comparisons: Comparisons) -> str:
    """Return why votes give no common scale, and what would do; nothing where they do."""
    found = find_connected_groups(comparisons, "weak")
    if len(found) == 1:
        return ""
    listed = "; ".join(format_model_group(group) for group in found)
    number = MIN_LABELLED_QUESTIONS * (len(found) - 1)
    return (
        f"The votes do not connect all models ({listed}), so ratings share no scale: vote on about "
        f"{number} battles between these groups."
    )


def _find_contradiction(labelled: LabelledUnits) -> str:
    if not labelled.contradicted:
        return ""
    unit, person = next(iter(labelled.contradicted.items()))
    number = len(labelled.contradicted)
    one = "1 battle" if number == 1 else f"{number} battles"
    return (
        f"{person} voted twice, and not alike, on {one} (question {unit.question_id}, turn "
        f"{unit.turn}, {' and '.join(unit.models)}): take the wrong vote out."
    )


def _find_too_few_labels(labelled: LabelledUnits) -> str:
    """Name the model with the fewest labelled questions, where these are too few."""
    held: dict[str, set[str]] = {model: set() for model in labelled.models}
    for unit in labelled.labels:
        for model in unit.models:
            held[model].add(unit.question_id)
    fewest = min(labelled.models, key=lambda model: len(held[model]))
    number = len(held[fewest])
    if number >= MIN_LABELLED_QUESTIONS:
        return ""
    plural = "" if number == 1 else "s"
    short = sum(len(questions) < MIN_LABELLED_QUESTIONS for questions in held.values())
    more = "1 other model has" if short == 2 else f"{short - 1} other models have"  # noqa: PLR2004
    others = f" ({more} too few as well)" if short > 1 else ""
    return (
        f"{labelled.count} {labelled.noun}{' is' if labelled.count == 1 else 's are'} too few: "
        f"{fewest} has {labelled.noun}s on {number} question{plural}{others}, and an interval takes "
        f"{MIN_LABELLED_QUESTIONS} of each model. {MIN_LABELLED_QUESTIONS - number} more questions with "
        f"{labelled.noun}s on {'it' if short == 1 else 'each'} would do."
    )


def _find_constant_judge(labelled: LabelledUnits) -> str:
    """Refuse a judge that says the same of everything."""
    if len(set(labelled.judged.values())) > 1:
        return ""
    return (
        f"The judge says the same of all {len(labelled.judged)} that it judged, so it tells nothing "
        f"of people: no more {labelled.noun}s will do, another judge or judge prompt may."
    )


def _find_nonrandom_labels(labelled: LabelledUnits, rng: np.random.Generator) -> Iterator[str]:
    """Say where labels are not, although the judge's judgments are."""
    for what, theirs, every, words in _iterate_label_mixes(labelled):
        missing = _count_missing_labels(Counter(theirs), Counter(every), rng)
        if missing:
            shown = sorted(missing.items(), key=lambda each: -each[1])[:_MAX_NAMED_LEVELS]
            wanted = ", ".join(f"{number} {words(level)}" for level, number in shown)
            more = " and others" if len(missing) > _MAX_NAMED_LEVELS else ""
            yield (
                f"The {labelled.noun}s are no random part of what the judge judged; as they stand, "
                f"{what} are missing: {wanted}{more}."
            )
    yield from _find_skewed_values(labelled)
    if len({labelled.judged[unit] for unit in labelled.labels}) == 1:
        yield (
            f"The judge says the same of all {len(labelled.labels)} that people labelled, though not "
            f"of the rest, so nothing shows how far it follows people: label others drawn at "
            f"random, about {labelled.count}."
        )


def _iterate_label_mixes(
    labelled: LabelledUnits,
) -> Iterator[tuple[str, Sequence[Any], Sequence[Any], Callable[[Any], str]]]:
    """Yield what is counted, its levels among the labelled and among all, and a level's words."""
    units, labels = list(labelled.judged), list(labelled.labels)
    questions, asked = (
        [labelled.categories.get(each) for each in sorted({unit.question_id for unit in found})]
        for found in (labels, units)
    )
    yield "questions", questions, asked, lambda category: f"of the category {category}"
    many = f"{labelled.noun}s"
    for level, words in (
        (lambda unit: unit.turn, lambda turn: f"on turn {turn}"),
        (lambda unit: unit.models, lambda models: f"of {' and '.join(models)}"),
    ):
        yield many, list(map(level, labels)), list(map(level, units)), words


def _count_missing_labels(
    theirs: Counter[Hashable], every: Counter[Hashable], rng: np.random.Generator
) -> dict[Hashable, int]:
    """Return how many labels of which levels are missing; none where chance may have drawn these.

    The chance is that of the chi-squared statistic under draws without replacement.
    """
    levels = list(every)
    found, whole = (np.array([held[level] for level in levels]) for held in (theirs, every))
    number = int(found.sum())
    if _total_variation(found, whole) <= _MIN_DISTANCE:
        return {}
    expected = number * whole / whole.sum()
    statistic, extreme = np.sum((found - expected) ** 2 / expected), 0
    for _ in range(_DRAWS // _DRAW_BATCH):  # a hundred models have thousands of pairs
        drawn = rng.multivariate_hypergeometric(whole, number, _DRAW_BATCH, method="marginals")
        extreme += int(np.sum(np.sum((drawn - expected) ** 2 / expected, axis=1) >= statistic))
    if (extreme + 1) / (_DRAWS + 1) > _MAX_P_VALUE:
        return {}
    for density in np.linspace(number / whole.sum(), np.max(found / whole), 21):
        enough = np.maximum(found, np.ceil(density * whole))
        if _total_variation(enough, whole) <= _MIN_DISTANCE:
            break
    short = (enough - found).tolist()
    return {level: int(each) for level, each in zip(levels, short, strict=True) if each > 0}


def _total_variation(found: IntArray | FloatArray, whole: IntArray) -> float:
    """Return which share of labels would have to move for the mix to be that of the whole."""
    return float(np.abs(found / found.sum() - whole / whole.sum()).sum() / 2)


def _find_skewed_values(labelled: LabelledUnits) -> Iterator[str]:
    """Refuse labels of what the judge judged otherwise than the rest (of its ties, say)."""
    is_pair = labelled.noun == "vote"
    middle = 0.5 if is_pair else float(np.median(list(labelled.judged.values())))
    marked = {
        unit: float(value == middle if is_pair else value > middle)
        for unit, value in labelled.judged.items()
    }
    theirs = [marked[unit] for unit in labelled.labels]
    own = clustered_mean(theirs, [unit.question_id for unit in labelled.labels])
    share = float(np.mean(list(marked.values())))
    reach = critical_value(1 - _MAX_P_VALUE, own.clusters) * own.standard_error
    if abs(own.value - share) > max(_MIN_DISTANCE, reach):
        what = "battles the judge called ties" if is_pair else "answers graded above its median"
        yield (
            f"The {labelled.noun}s are no random part of what the judge judged: {own.value:.0%} are "
            f"on {what}, of all {share:.0%}. Label others drawn at random, about "
            f"{labelled.count} for as many labels as these."
        )
