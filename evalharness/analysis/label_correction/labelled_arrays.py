"""Arrange labelled units as arrays for prediction-powered inference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalharness.stats import (
    GroupedValues,
    build_comparisons,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.analysis.judgment_matrix import JudgedUnit
    from evalharness.analysis.label_correction.labelled_units import LabelledUnits
    from evalharness.stats import Comparisons


def compare_votes(labelled: LabelledUnits) -> tuple[Comparisons, list[int], Comparisons]:
    """Return people's votes, the judge's outcomes of the same battles, and all its battles.

    Several votes on a battle share its weight.
    """
    question_numbers = labelled.question_numbers

    def build(rows: Sequence[tuple[JudgedUnit, float, float]]) -> Comparisons:
        return build_comparisons(
            labelled.models,
            [labelled.models.index(unit.models[0]) for unit, _, _ in rows],
            [labelled.models.index(unit.models[1]) for unit, _, _ in rows],
            [round(2 * points) for _, points, _ in rows],
            weight=[weight for _, _, weight in rows],
            question=[question_numbers[unit.question_id] for unit, _, _ in rows],
        )

    votes = [
        (unit, points, 1 / len(values))
        for unit, values in labelled.labels.items()
        for points in values
    ]
    return (
        build(votes),
        [round(2 * labelled.judged[unit]) for unit, _, _ in votes],
        build([(unit, points, 1.0) for unit, points in labelled.judged.items()]),
    )


def group_by_model(labelled: LabelledUnits, values: Mapping[JudgedUnit, float]) -> GroupedValues:
    """Return one row per unit and model; the second model has 1 minus the value of the first."""
    question_numbers = labelled.question_numbers
    model_numbers = {model: number for number, model in enumerate(labelled.models)}
    rows = [
        (
            1 - value if is_second else value,
            model_numbers[model],
            question_numbers[unit.question_id],
        )
        for unit, value in values.items()
        for is_second, model in enumerate(unit.models)
    ]
    value, group, question = zip(*rows, strict=True)
    return GroupedValues(value=np.array(value), group=np.array(group), question=np.array(question))
