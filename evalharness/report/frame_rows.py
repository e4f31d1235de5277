"""Build the rows of a run's data frames: one dictionary per row, with the columns as keys."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from evalharness.domain import Battle, GradedJudgment, PairwiseJudgment, Usage
from evalharness.report.leaderboard_table import make_corrected_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    import pandas as pd

    from evalharness.analysis import HealthCard, Leaderboard
    from evalharness.domain import RunRecords

ANSWER_KEYS = ("question_id", "category", "model", "sample", "turn")
"""The columns that say which turn of which answer a row is about."""

AGREEMENT_FIGURES = ("value", "low", "high", "count")

CORRECTION_COLUMNS = (
    "kind",
    "labels",
    "judged",
    "questions",
    "trust",
    "label_factor",
    "saved",
    "half_width",
    "sentence",
)


def make_frame(rows: Iterable[dict[str, Any]], *columns: str) -> pd.DataFrame:
    """Return rows as a data frame, with these columns even if there are no rows."""
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(columns) or None)


def list_field_names(record: type[Any]) -> tuple[str, ...]:
    """Return the names of a dataclass's fields."""
    return tuple(field.name for field in fields(record))


def list_judgment_columns() -> tuple[str, ...]:
    """Return the columns of judgments: the fields of both kinds, and those of their usage."""
    names = (*list_field_names(GradedJudgment), *list_field_names(PairwiseJudgment))
    return (*(name for name in dict.fromkeys(names) if name != "usage"), *list_field_names(Usage))


def list_answer_rows(records: RunRecords) -> Iterator[dict[str, Any]]:
    """Yield a row for each answered turn."""
    categories = _category_by_question(records)
    for answer in records.answers:
        for number, turn in enumerate(answer.turns, start=1):
            yield {
                "question_id": answer.question_id,
                "category": categories.get(answer.question_id),
                "model": answer.model,
                "sample": answer.sample,
                "turn": number,
            } | _shallow_dict(turn)


def list_judgment_rows(records: RunRecords) -> Iterator[dict[str, Any]]:
    """Yield a row for each judgment as the judge was shown it."""
    return (_shallow_dict(row) | _shallow_dict(row.usage) for row in records.judgments)


def list_battle_rows(records: RunRecords, battles: Sequence[Battle]) -> Iterator[dict[str, Any]]:
    """Yield a row for each battle, with the category of its question."""
    categories = _category_by_question(records)
    for battle in battles:
        yield asdict(battle) | {
            "winner": battle.winner.value,
            "category": categories.get(battle.question_id),
        }


def list_health_rows(card: HealthCard | None) -> Iterator[dict[str, Any]]:
    """Yield a row for each judge and rate of an audit."""
    for judge in card.judges if card else ():
        for measure in judge.measures:
            yield {"judge": judge.judge} | asdict(measure)


def list_agreement_rows(
    battles: Sequence[Battle], rng: np.random.Generator
) -> Iterator[dict[str, Any]]:
    """Yield a row for each judge, group of people and turn."""
    from evalharness.stats import measure_human_agreement

    for row in measure_human_agreement(battles, rng):
        figures = {name: getattr(row.with_ties, name) for name in AGREEMENT_FIGURES}
        yield {"judge": row.judge, "people": row.people, "turn": row.turn} | figures


def list_corrected_rows(board: Leaderboard) -> Iterator[dict[str, Any]]:
    """Yield a row for each judge and model with figures that are corrected by people's labels."""
    for table in board.corrected:
        for row in table.rows:
            yield {"judge": table.judge} | make_corrected_record(row)


def list_correction_rows(board: Leaderboard) -> Iterator[dict[str, Any]]:
    """Yield a row for each judge and kind of figure that is corrected by people's labels."""
    for table in board.corrected:
        for each in table.corrections:
            figures = {name: getattr(each, name) for name in CORRECTION_COLUMNS}
            yield {"judge": table.judge} | figures


def _category_by_question(records: RunRecords) -> dict[str, str]:
    return {question.question_id: question.category for question in records.questions}


def _shallow_dict(record: Any) -> dict[str, Any]:
    """Return the fields of a record; `asdict` would take seconds to copy their content."""
    return {field: getattr(record, field) for field in record.__slots__}
