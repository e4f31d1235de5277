"""Measure how often judges find the label in sets of labelled pairs, whose sides are no models.

The sides of such a pair (`output_1`, `response_A`) are places in a file, not models, so they have no
ratings and no ranks. What such a run shows is the accuracy of its judges, set by set.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.domain import LABELLED_SIDES, Verdict, Winner
from evalharness.stats import GOLD_JUDGE, clustered_proportion

if TYPE_CHECKING:
    from evalharness.domain import RunRecords, Vote

ALL_SETS = "all sets"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSetAccuracy:
    """How often a judge found the label of one set of pairs.

    Attributes:
        judge: the name of the judge.
        labelled_set: the set, which is the category of its questions; or all sets together.
        accuracy: the share of verdicts that agree with the label; an unreadable one does not.
        low: the lower end of its interval, clustered by pair.
        high: the upper end of its interval.
        verdicts: the number of verdicts.
        unscored: the number of them that could not be read.
        pairs: the number of pairs.
    """

    judge: str
    labelled_set: str
    accuracy: float
    low: float
    high: float
    verdicts: int
    unscored: int
    pairs: int


def find_labelled_sides(records: RunRecords) -> frozenset[str]:
    """Return the names that are sides of labelled pairs, not models; empty without such pairs.

    A label of known truth on two models' answers makes them no sides: it checks the judge.
    """
    return frozenset(side for vote in _list_labels(records) for side in vote.models)


def _list_labels(records: RunRecords) -> list[Vote]:
    """Return the labels of pairs whose two sides are places in a file."""
    return [
        vote
        for vote in records.votes
        if vote.judge == GOLD_JUDGE and LABELLED_SIDES.issuperset(vote.models)
    ]


def measure_labelled_sets(
    records: RunRecords, *, level: float = 0.95
) -> tuple[LabelledSetAccuracy, ...]:
    """Return the accuracy of each judge on each set of labelled pairs, best judge first.

    Args:
        records: the run.
        level: the level of the intervals.
    """
    better = {
        vote.question_id: vote.model_a if vote.winner is Winner.MODEL_A else vote.model_b
        for vote in _list_labels(records)
        if vote.winner in (Winner.MODEL_A, Winner.MODEL_B)
    }
    sets = {question.question_id: question.category for question in records.questions}
    rows: dict[tuple[str, str], list[tuple[str, bool | None]]] = defaultdict(list)
    for game in records.games:
        label = better.get(game.question_id)
        if label not in game.models:
            continue
        wanted = Verdict.A if game.model_a == label else Verdict.B
        found = None if game.verdict is None else game.verdict is wanted
        for name in (ALL_SETS, sets.get(game.question_id, ALL_SETS)):
            rows[game.judge, name].append((game.question_id, found))
    measured = [_measure(judge, name, found, level) for (judge, name), found in rows.items()]
    overall = {each.judge: each.accuracy for each in measured if each.labelled_set == ALL_SETS}
    has_several = len({each.labelled_set for each in measured}) > len((ALL_SETS, "one set"))
    return tuple(
        sorted(
            (each for each in measured if has_several or each.labelled_set != ALL_SETS),
            key=lambda each: (
                -overall[each.judge],
                each.judge,
                each.labelled_set != ALL_SETS,
                each.labelled_set,
            ),
        )
    )


def _measure(
    judge: str, name: str, found: list[tuple[str, bool | None]], level: float
) -> LabelledSetAccuracy:
    questions = [question_id for question_id, _ in found]
    mean = clustered_proportion(
        np.array([bool(is_found) for _, is_found in found], dtype=np.float64),
        np.array(questions),
        level=level,
    )
    return LabelledSetAccuracy(
        judge=judge,
        labelled_set=name,
        accuracy=mean.value,
        low=mean.low,
        high=mean.high,
        verdicts=len(found),
        unscored=sum(is_found is None for _, is_found in found),
        pairs=len(set(questions)),
    )
