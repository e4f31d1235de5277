"""Decisions read once more from the replies that a run keeps, as its judges were read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness import replies, structured
from evalharness.domain import GradedJudgment, Reading, Verdict
from evalharness.prompts import SCORES
from evalharness.replies import ASKED_AGAIN, Unscored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalharness.domain import Judgment, RunRecords

_OTHER_REASONS = {Unscored.TRUNCATED, Unscored.LOW_MASS, Unscored.EMPTY}
"""Of these the reply does not tell all: why it ended, or how probable its words were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reread:
    """How many decisions there are, how many could be read again, and those that differ."""

    total: int
    again: int
    differences: tuple[str, ...]


def decisions(records: RunRecords) -> Reread:
    """Return whether the run's grades and verdicts are what its judges' replies say.

    Only what was asked with the configuration's judges and prompts is read: imported judgments
    follow other tools' rules.
    """
    readings = _readings(records.config)
    known = [row for row in records.judgments if (row.judge, row.prompt) in readings]
    found = [(row, _said(row, readings[row.judge, row.prompt])) for row in known]
    differences = [
        f"judgments.jsonl: {row.judge} on question {row.question_id}, turn {row.turn}, "
        f"{_models(row)}: kept {_decision(row)}, its reply says {said}"
        for row, said in found
        if said != _decision(row) and not _is_beyond(row)
    ]
    return Reread(total=len(records.judgments), again=len(known), differences=tuple(differences))


def _readings(config: Mapping[str, Any]) -> dict[tuple[str, str], Reading]:
    """Return how decisions are read, by judge and prompt."""
    confs = [config.get("judge") or {}, *(config.get("panel") or {}).values()]
    return {
        (conf["name"], prompt["name"]): Reading(conf["reading"])
        for conf in confs
        for prompt in (conf.get("prompts") or {}).values()
        if conf.get("reading") in set(Reading)
    }


def _is_beyond(row: Judgment) -> bool:
    """Whether a decision is missing for a reason that the reply does not show."""
    return _decision(row) is None and row.unscored in _OTHER_REASONS


def _decision(row: Judgment) -> float | Verdict | None:
    return row.score if isinstance(row, GradedJudgment) else row.verdict


def _models(row: Judgment) -> str:
    if isinstance(row, GradedJudgment):
        return row.model
    return f"{row.model_a} before {row.model_b}"


def _said(row: Judgment, reading: Reading) -> float | Verdict | None:
    """Return the decision in a reply; of one that was asked for again, in the second."""
    is_grade = isinstance(row, GradedJudgment)
    if row.probabilities is not None:
        if is_grade:
            return replies.score_from_probabilities(
                [row.probabilities.get(str(score), 0.0) for score in SCORES]
            ).score
        return replies.verdict_from_probabilities(
            [row.probabilities.get(each, 0.0) for each in Verdict]
        ).verdict
    last = row.reply.rpartition(ASKED_AGAIN)[2] if row.repaired else row.reply
    if is_grade:
        read_score = structured.read_score if reading is Reading.JSON else replies.read_score
        return read_score(last).score
    read_verdict = structured.read_verdict if reading is Reading.JSON else replies.read_verdict
    return read_verdict(last).verdict
