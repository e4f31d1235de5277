"""Check the saved decisions of a run against the replies that it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.domain import GradedJudgment, Verdict
from evalharness.judge.decisions import read_score, read_verdict, split_last_reply
from evalharness.judge.prompts import SCORE_SCALE
from evalharness.judge.reply_text import UnscoredReason

if TYPE_CHECKING:
    from evalharness.domain import Judgment, Reading, RunRecords

_UNVERIFIABLE_REASONS = {UnscoredReason.TRUNCATED, UnscoredReason.LOW_MASS, UnscoredReason.EMPTY}
"""Reasons that the saved reply does not show: how it ended, or the probabilities of the options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionCheck:
    """The result of a check of a run's decisions.

    Attributes:
        total: the number of decisions of the run.
        checked: the number of decisions that could be read again.
        differences: one line for each saved decision that differs from its reply.
    """

    total: int
    checked: int
    differences: tuple[str, ...]


def check_decisions(records: RunRecords) -> DecisionCheck:
    """Return how the run's scores and verdicts compare with the replies of its judges.

    Only judgments by the configured judges and prompts are checked, because imported judgments
    follow the rules of other tools.
    """
    readings = {
        (judge.name, prompt): judge.reading
        for judge in records.config.judges
        for prompt in judge.prompts
        if judge.reading is not None
    }
    checked = [row for row in records.judgments if (row.judge, row.prompt) in readings]
    reread = [(row, _read_decision(row, readings[row.judge, row.prompt])) for row in checked]
    differences = [
        f"judgments.jsonl: {row.judge} on question {row.question_id}, turn {row.turn}, "
        f"{' before '.join(row.models)}: kept {_saved_decision(row)}, its reply says {decision}"
        for row, decision in reread
        if decision != _saved_decision(row) and not _is_unverifiable(row)
    ]
    return DecisionCheck(
        total=len(records.judgments), checked=len(checked), differences=tuple(differences)
    )


def _is_unverifiable(row: Judgment) -> bool:
    """Whether the decision is missing for a reason that the saved reply does not show."""
    return _saved_decision(row) is None and row.unscored in _UNVERIFIABLE_REASONS


def _saved_decision(row: Judgment) -> float | Verdict | None:
    return row.score if isinstance(row, GradedJudgment) else row.verdict


def _read_decision(row: Judgment, reading: Reading) -> float | Verdict | None:
    """Return the decision of a saved reply; after a repair request, of the second reply."""
    text = split_last_reply(row.reply) if row.repaired else row.reply
    names = SCORE_SCALE if isinstance(row, GradedJudgment) else tuple(Verdict)
    saved = row.probabilities
    probabilities = None if saved is None else [saved.get(str(name), 0.0) for name in names]
    if isinstance(row, GradedJudgment):
        return read_score(
            reading, text, probabilities=probabilities, finish_reason=row.finish_reason
        ).score
    return read_verdict(
        reading, text, probabilities=probabilities, finish_reason=row.finish_reason
    ).verdict
