"""Decisions read once more from the replies that a run keeps, as its judges were read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.domain import GradedJudgment, Reading, Verdict
from evalharness.judge.prompts import SCORE_SCALE
from evalharness.judge.reply_json import read_score_from_json, read_verdict_from_json
from evalharness.judge.reply_text import (
    REPAIR_SEPARATOR,
    UnscoredReason,
    read_score_from_probabilities,
    read_score_from_text,
    read_verdict_from_probabilities,
    read_verdict_from_text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalharness.domain import Judgment, RunRecords

_UNVERIFIABLE_REASONS = {UnscoredReason.TRUNCATED, UnscoredReason.LOW_MASS, UnscoredReason.EMPTY}
"""Of these the reply does not tell all: why it ended, or how probable its words were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionCheck:
    """How many decisions there are, how many could be read again, and those that differ."""

    total: int
    again: int
    differences: tuple[str, ...]


def check_decisions(records: RunRecords) -> DecisionCheck:
    """Return whether the run's grades and verdicts are what its judges' replies say.

    Only what was asked with the configuration's judges and prompts is read: imported judgments
    follow other tools' rules.
    """
    readings = _reading_by_judge_prompt(records.config)
    known = [row for row in records.judgments if (row.judge, row.prompt) in readings]
    found = [(row, _read_decision(row, readings[row.judge, row.prompt])) for row in known]
    differences = [
        f"judgments.jsonl: {row.judge} on question {row.question_id}, turn {row.turn}, "
        f"{_describe_models(row)}: kept {_kept_decision(row)}, its reply says {said}"
        for row, said in found
        if said != _kept_decision(row) and not _is_unverifiable(row)
    ]
    return DecisionCheck(
        total=len(records.judgments), again=len(known), differences=tuple(differences)
    )


def _reading_by_judge_prompt(config: Mapping[str, Any]) -> dict[tuple[str, str], Reading]:
    """Return how decisions are read, by judge and prompt."""
    confs = [config.get("judge") or {}, *(config.get("panel") or {}).values()]
    return {
        (conf["name"], prompt["name"]): Reading(conf["reading"])
        for conf in confs
        for prompt in (conf.get("prompts") or {}).values()
        if conf.get("reading") in set(Reading)
    }


def _is_unverifiable(row: Judgment) -> bool:
    """Whether a decision is missing for a reason that the reply does not show."""
    return _kept_decision(row) is None and row.unscored in _UNVERIFIABLE_REASONS


def _kept_decision(row: Judgment) -> float | Verdict | None:
    return row.score if isinstance(row, GradedJudgment) else row.verdict


def _describe_models(row: Judgment) -> str:
    if isinstance(row, GradedJudgment):
        return row.model
    return f"{row.model_a} before {row.model_b}"


def _read_decision(row: Judgment, reading: Reading) -> float | Verdict | None:
    """Return the decision in a reply; of one that was asked for again, in the second."""
    is_grade = isinstance(row, GradedJudgment)
    if row.probabilities is not None:
        if is_grade:
            return read_score_from_probabilities(
                [row.probabilities.get(str(score), 0.0) for score in SCORE_SCALE]
            ).score
        return read_verdict_from_probabilities(
            [row.probabilities.get(each, 0.0) for each in Verdict]
        ).verdict
    last = row.reply.rpartition(REPAIR_SEPARATOR)[2] if row.repaired else row.reply
    if is_grade:
        read_score = read_score_from_json if reading is Reading.JSON else read_score_from_text
        return read_score(last).score
    read_verdict = read_verdict_from_json if reading is Reading.JSON else read_verdict_from_text
    return read_verdict(last).verdict
