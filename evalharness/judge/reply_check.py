"""Derive the decisions of a run again from the replies that it keeps, by its configured reading."""

from __future__ import annotations

from collections.abc import Collection  # noqa: TC003 - the face shows it
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.domain import GradedJudgment, Reading, Verdict
from evalharness.judge.decisions import (
    read_score,
    read_verdict,
    select_conclusion,
    split_last_reply,
)
from evalharness.judge.prompts import SCORE_SCALE
from evalharness.judge.reply_text import ScoreDecision, UnscoredReason, VerdictDecision

if TYPE_CHECKING:
    from evalharness.domain import Judgment, RunRecords, SavedJudge

_UNREADABLE = {UnscoredReason.EMPTY, UnscoredReason.NO_VERDICT}
"""What a reply without a decision says where its judgment does not keep that it was cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionCheck:
    """The result of a check of a run's decisions.

    Attributes:
        total: the number of decisions of the run.
        checked: the number of decisions that were derived again.
        imported: the number of imported decisions, which follow the rules of other tools.
        differences: one line for each saved decision that does not follow from its reply.
    """

    total: int
    checked: int
    imported: int
    differences: tuple[str, ...]


def check_decisions(records: RunRecords, imported: Collection[str] = ()) -> DecisionCheck:
    """Return how the run's scores and verdicts compare with the replies of its judges.

    Each decision is derived by the reading of the judge that the configuration names. A judgment by
    a judge or with a prompt that the configuration does not have is a difference, unless it was
    imported.

    Args:
        records: what the run holds.
        imported: the digests of imported judgments.
    """
    judges = {
        (judge.name, kind, prompt): judge
        for judge in records.config.judges
        for kind, prompt in judge.prompts.items()
    }
    checked = foreign = 0
    differences = []
    for row in records.judgments:
        judge = judges.get((row.judge, row.kind, row.prompt))
        if judge is None and row.digest in imported:
            foreign += 1
            continue
        checked += judge is not None
        problem = _find_problem(row, judge) if judge else _describe_unknown_judge(row)
        if problem:
            differences.append(f"judgments.jsonl: {_describe_place(row)}: {problem}")
    return DecisionCheck(
        total=len(records.judgments),
        checked=checked,
        imported=foreign,
        differences=tuple(differences),
    )


def _describe_place(row: Judgment) -> str:
    shown = " before ".join(row.models)
    return f"{row.judge} on question {row.question_id}, turn {row.turn}, {shown}"


def _describe_unknown_judge(row: Judgment) -> str:
    return f"config.yaml has no judge {row.judge} with the {row.kind} prompt {row.prompt}"


def _find_problem(row: Judgment, judge: SavedJudge) -> str | None:
    """Return why a judgment does not follow from its reply, or None."""
    if judge.reading is None:
        return f"config.yaml has no reading of {judge.place} that this release knows"
    if row.repaired and not judge.repairs:
        return f"holds a repaired reply, and {judge.place}.repairs is 0"
    if row.probabilities is not None and judge.reading is not Reading.PROBABILITIES:
        return f"holds probabilities, and {judge.place}.reading is {judge.reading}"
    try:
        derived = _derive_decision(row, judge.reading, thinks=judge.model.thinks)
    except ValueError:
        return "its probabilities are not those of the options"
    saved = _saved_decision(row)
    if saved == _list_parts(derived) or _lost_its_cut(row, derived):
        return None
    return _describe_difference(saved, _list_parts(derived))


def _derive_decision(
    row: Judgment, reading: Reading, *, thinks: bool
) -> ScoreDecision | VerdictDecision:
    """Return the decision of a saved reply; after a repair request, of the second reply.

    Raises:
        ValueError: the saved probabilities are not those of the options.
    """
    last = split_last_reply(row.reply) if row.repaired else row.reply
    thought = split_last_reply(row.reasoning or "") if row.repaired else row.reasoning
    text = select_conclusion(
        last,
        finish_reason=row.finish_reason,
        has_thought=bool(thought and thought.strip()),
        thinks=thinks,
    )
    is_grade = isinstance(row, GradedJudgment)
    read = read_score if is_grade else read_verdict
    probabilities = _list_probabilities(row)
    return read(reading, text, probabilities=probabilities, finish_reason=row.finish_reason)


def _list_probabilities(row: Judgment) -> list[float] | None:
    """Return the saved probabilities in the order of the options.

    Raises:
        ValueError: they are of other options.
    """
    if row.probabilities is None:
        return None
    options = SCORE_SCALE if isinstance(row, GradedJudgment) else tuple(Verdict)
    names = [str(option) for option in options]
    if row.probabilities.keys() != set(names):
        msg = f"probabilities of {', '.join(row.probabilities)}"
        raise ValueError(msg)
    return [row.probabilities[name] for name in names]


_DecisionParts = tuple[float | Verdict | None, int | None, str | None]
"""A score or verdict, its strength, and the reason where there is none."""


def _saved_decision(row: Judgment) -> _DecisionParts:
    if isinstance(row, GradedJudgment):
        return row.score, None, row.unscored
    return row.verdict, row.strength, row.unscored


def _list_parts(decision: ScoreDecision | VerdictDecision) -> _DecisionParts:
    if isinstance(decision, ScoreDecision):
        return decision.score, None, decision.unscored
    return decision.verdict, decision.strength, decision.unscored


def _lost_its_cut(row: Judgment, derived: ScoreDecision | VerdictDecision) -> bool:
    """Whether an unreadable reply was cut, and an older release did not keep how it ended."""
    return (
        _saved_decision(row) == (None, None, UnscoredReason.TRUNCATED)
        and row.finish_reason is None
        and derived.unscored in _UNREADABLE
    )


def _describe_difference(saved: _DecisionParts, derived: _DecisionParts) -> str:
    if saved[0] == derived[0] and saved[1] != derived[1]:
        return f"kept strength {saved[1]}, its reply says {derived[1]}"
    return f"kept {_describe_decision(saved)}, its reply says {_describe_decision(derived)}"


def _describe_decision(parts: _DecisionParts) -> str:
    decision, _, reason = parts
    return f"{decision}{f' ({reason})' if reason else ''}"
