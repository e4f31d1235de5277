"""Check that the judgments of a bundle are about the answers, questions and settings that it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.config import build_judge_spec, complete_saved_judge
from evalharness.errors import EvalHarnessError
from evalharness.runner import rebuild_judgment_request

if TYPE_CHECKING:
    from collections.abc import Collection

    from evalharness.domain import JudgeSpec, RunConfig, RunRecords

_UNREADABLE_CONFIG_ERRORS = (EvalHarnessError, LookupError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCheck:
    """How the keys of judgments compare with what they would be asked now.

    Attributes:
        total: the judgments that were not imported.
        checked: those whose judge this release can build from the configuration.
        differences: a line for each judgment of another answer, question, prompt or setting.
    """

    total: int
    checked: int
    differences: tuple[str, ...]


def check_requests(records: RunRecords, imported: Collection[str] = ()) -> RequestCheck:
    """Return which judgments are of the answers and settings of the run.

    The key of a judgment is a digest of all that its judge was shown, and of the settings that
    change a reply. So an answer, a question or a prompt that was changed afterwards has another key.

    Args:
        records: what the run holds.
        imported: the digests of imported judgments, whose keys follow other rules.
    """
    judges = _read_judges(records.config)
    questions = {question.question_id: question for question in records.questions}
    answers = {(each.question_id, each.model, each.sample): each for each in records.answers}
    own = [row for row in records.judgments if row.digest not in imported]
    checked, differences = 0, []
    for row in own:
        if row.judge not in judges:
            continue
        checked += 1
        question = questions.get(row.question_id)
        if not (question and rebuild_judgment_request(judges[row.judge], question, row, answers)):
            shown = " before ".join(row.models)
            differences.append(
                f"judgments.jsonl: {row.judge} on question {row.question_id}, turn {row.turn}, {shown}: was "
                "made of another question, answer, prompt or setting than the bundle holds"
            )
    return RequestCheck(total=len(own), checked=checked, differences=tuple(differences))


def _read_judges(config: RunConfig) -> dict[str, JudgeSpec]:
    """Return the judges whose whole settings a run's configuration has, by name."""
    judges = {}
    for judge in config.judges:
        try:
            spec = build_judge_spec(complete_saved_judge(judge.tree), judge.place)
        except _UNREADABLE_CONFIG_ERRORS:
            continue
        judges[spec.name] = spec
    return judges
