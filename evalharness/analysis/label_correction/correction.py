"""A judge's figures corrected by people's labels, where people labelled a part of its work.

Votes correct ratings and win rates, grades correct scores. Every figure stands beside the judge's
own, and where the labels do not support it there is a sentence instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from evalharness.analysis.estimates.ranks import RankRange, rank_by_estimates
from evalharness.analysis.estimates.ratings import fit_ratings
from evalharness.analysis.judgment_matrix import PANEL
from evalharness.analysis.label_correction.corrected_rows import (
    CORRECTED_KINDS,
    CorrectedFigure,
    CorrectedRow,
    CorrectedTable,
    LabelCorrection,
)
from evalharness.analysis.label_correction.label_checks import (
    find_disconnected_reason,
    find_refusal_reason,
)
from evalharness.analysis.label_correction.labelled_units import collect_judge_labels
from evalharness.errors import EvalHarnessError
from evalharness.stats import (
    GroupedValues,
    build_comparisons,
    clustered_mean,
    clustered_proportion,
    prediction_powered_means,
    prediction_powered_ratings,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalharness.analysis.estimates.panel import JudgePanel
    from evalharness.analysis.judgment_matrix import JudgedUnit
    from evalharness.analysis.label_correction.corrected_rows import CorrectedKind
    from evalharness.analysis.label_correction.labelled_units import LabelledUnits
    from evalharness.domain import Battle, RunRecords
    from evalharness.stats import ClusteredMean, Comparisons, IntervalEstimate, LabelSaving


@dataclass(frozen=True, slots=True, kw_only=True)
class _CorrectedPart:
    """One kind of figure: what the labels did for it, the figures, and the places they give."""

    correction: LabelCorrection
    figures: Mapping[str, CorrectedFigure] = field(default_factory=dict)
    places: Mapping[str, RankRange] = field(default_factory=dict)


def correct_by_labels(
    records: RunRecords,
    battles: Sequence[Battle],
    panel: JudgePanel | None,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
) -> tuple[CorrectedTable, ...]:
    """Return for the panel, and every judge, its table as people would give it.

    Only judges of whose work people labelled something are there.

    Args:
        records: a run with people's grades (whose judges' names begin with `human`).
        battles: all of it, with people's votes.
        panel: its judges together, where there are several.
        rng: of the checks that labels are a random part, and of the rank sets.
        level: the level of the intervals.
    """
    tables = []
    for work in collect_judge_labels(records, battles, panel):
        parts = []
        if work.pairs:
            refused = find_refusal_reason(work.pairs, rng)
            parts += [_correct_ratings(work.pairs, refused, rng, level)]
            parts += [_correct_means("win_rate", work.pairs, refused, rng, level)]
        if work.answers:
            parts += [
                _correct_means(
                    "score", work.answers, find_refusal_reason(work.answers, rng), rng, level
                )
            ]
        tables.append(_build_corrected_table(work.judge, parts))
    return tuple(tables)


def select_corrected_fields(tables: Sequence[CorrectedTable], model: str) -> dict[str, Any]:
    """Return a model's corrected figures for the row of a table: the panel's, or the only judge's.

    Nothing where several judges made no panel, as no single one's correction is that of the table.
    """
    if not tables or (len(tables) > 1 and tables[0].judge != PANEL):
        return {}
    row = next((each for each in tables[0].rows if each.model == model), None)
    if row is None:
        return {}
    fields: dict[str, Any] = {
        f"corrected_{name}": getattr(row, name) for name in ("rank", "rank_low", "rank_high")
    }
    for kind in CORRECTED_KINDS:
        figure: CorrectedFigure | None = getattr(row, kind)
        if figure is not None:
            fields |= {
                f"corrected_{kind}": figure.value,
                f"corrected_{kind}_low": figure.low,
                f"corrected_{kind}_high": figure.high,
            }
    return fields


def _build_corrected_table(judge: str, parts: Sequence[_CorrectedPart]) -> CorrectedTable:
    """Return the models with all their figures, best first by the first part that places them."""
    places = next((part.places for part in parts if part.places), {})
    models = dict.fromkeys(model for part in parts for model in part.figures)
    rows = [
        CorrectedRow(
            model=model,
            rank=places[model].rank if model in places else None,
            rank_low=places[model].low if model in places else None,
            rank_high=places[model].high if model in places else None,
            **{
                part.correction.kind: part.figures[model] for part in parts if model in part.figures
            },
        )
        for model in models
    ]
    return CorrectedTable(
        judge=judge,
        rows=tuple(sorted(rows, key=lambda row: (row.rank is None, row.rank, row.model))),
        corrections=tuple(part.correction for part in parts),
    )


def _correct_ratings(
    labelled: LabelledUnits, refused: str, rng: np.random.Generator, level: float
) -> _CorrectedPart:
    people, judge, everything = _vote_comparisons(labelled)
    refused = refused or find_disconnected_reason(people)
    if refused:
        return _CorrectedPart(correction=_build_correction("rating", labelled, refused=refused))
    try:
        found = prediction_powered_ratings(people, judge, everything, level=level)
        own, _ = fit_ratings(everything, level)
    except EvalHarnessError as error:
        return _CorrectedPart(
            correction=_build_correction("rating", labelled, refused=_error_sentence(error))
        )
    ratings = found.ratings
    counts = labelled.counts
    figures = {
        model: _build_figure(
            ratings.rating(model), own.rating(model) if own else None, counts[model]
        )
        for model in ratings.models
    }
    places = rank_by_estimates(
        ratings.models,
        ratings.ratings,
        ratings.rating_covariance,
        ratings.clusters,
        rng,
        level,
    )
    correction = _build_correction("rating", labelled, figures.values(), found.trust, found.saving)
    return _CorrectedPart(correction=correction, figures=figures, places=places)


def _correct_means(
    kind: CorrectedKind,
    labelled: LabelledUnits,
    refused: str,
    rng: np.random.Generator,
    level: float,
) -> _CorrectedPart:
    """Return win rates against all others, ties half, or mean scores."""
    if refused:
        return _CorrectedPart(correction=_build_correction(kind, labelled, refused=refused))
    size, models = len(labelled.models), labelled.models
    everything = _group_by_model(labelled, labelled.judged)
    found = prediction_powered_means(
        _group_by_model(labelled, {unit: labelled.mean(unit) for unit in labelled.labels}),
        _group_by_model(labelled, {unit: labelled.judged[unit] for unit in labelled.labels}).value,
        everything,
        size,
        level=level,
    )
    is_share, counts = kind == "win_rate", labelled.counts
    summary = clustered_proportion if is_share else clustered_mean
    figures = {}
    for place, model in enumerate(models):
        own = everything.group == place
        figures[model] = _build_figure(
            found.share(place) if is_share else found.estimate(place),
            summary(everything.value[own], everything.question[own], level=level),
            counts[model],
        )
    places: Mapping[str, RankRange] = {}
    if not is_share:  # win rates are beside ratings, by which models are placed
        clusters = int(found.clusters.min())
        places = rank_by_estimates(models, found.values, found.covariance, clusters, rng, level)
    return _CorrectedPart(
        correction=_build_correction(kind, labelled, figures.values(), found.trust, found.saving),
        figures=figures,
        places=places,
    )


def _vote_comparisons(labelled: LabelledUnits) -> tuple[Comparisons, list[int], Comparisons]:
    """Return people's votes, the judge's outcomes of the same battles, and all its battles.

    Several votes on a battle share its weight.
    """
    questions = labelled.numbers

    def compared(rows: Sequence[tuple[JudgedUnit, float, float]]) -> Comparisons:
        return build_comparisons(
            labelled.models,
            [labelled.models.index(unit.models[0]) for unit, _, _ in rows],
            [labelled.models.index(unit.models[1]) for unit, _, _ in rows],
            [round(2 * points) for _, points, _ in rows],
            weight=[weight for _, _, weight in rows],
            question=[questions[unit.question_id] for unit, _, _ in rows],
        )

    votes = [
        (unit, points, 1 / len(said)) for unit, said in labelled.labels.items() for points in said
    ]
    return (
        compared(votes),
        [round(2 * labelled.judged[unit]) for unit, _, _ in votes],
        compared([(unit, points, 1.0) for unit, points in labelled.judged.items()]),
    )


def _group_by_model(labelled: LabelledUnits, values: Mapping[JudgedUnit, float]) -> GroupedValues:
    """Return a row for each model of each unit: what the first has, the second has not."""
    questions = labelled.numbers
    place = {model: number for number, model in enumerate(labelled.models)}
    sides = [
        (1 - value if second else value, place[model], questions[unit.question_id])
        for unit, value in values.items()
        for second, model in enumerate(unit.models)
    ]
    value, group, question = zip(*sides, strict=True)
    return GroupedValues(value=np.array(value), group=np.array(group), question=np.array(question))


def _build_figure(
    people: IntervalEstimate, judge: IntervalEstimate | ClusteredMean | None, labels: int
) -> CorrectedFigure:
    own = (None, None, None) if judge is None else (judge.value, judge.low, judge.high)
    value, low, high = (None if each is None or math.isnan(each) else each for each in own)
    return CorrectedFigure(
        value=people.value,
        low=people.low,
        high=people.high,
        judge=value,
        judge_low=low,
        judge_high=high,
        labels=labels,
    )


def _build_correction(
    kind: CorrectedKind,
    labelled: LabelledUnits,
    figures: Iterable[CorrectedFigure] = (),
    trust: float | None = None,
    saving: LabelSaving | None = None,
    *,
    refused: str = "",
) -> LabelCorrection:
    widths = [(figure.high - figure.low) / 2 for figure in figures]
    return LabelCorrection(
        kind=kind,
        labels=labelled.count,
        judged=len(labelled.judged),
        questions=labelled.questions,
        trust=trust,
        half_width=float(np.mean(widths)) if widths else None,
        saving=saving,
        refusal=refused,
    )


def _error_sentence(error: EvalHarnessError) -> str:
    said = str(error)
    return f"{said[:1].upper()}{said[1:]}{'' if said.endswith('.') else '.'}"
