"""Collect and check what an import reads, including the fields that our records do not have."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from evalharness.domain import Answer, AnswerTurn, Question, Vote, compute_digest
from evalharness.errors import ConfigError, InputError
from evalharness.formats.rows.unmapped_fields import UnmappedFields, is_same_json
from evalharness.stats import HUMAN_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalharness.domain import Judgment

Meaning = TypeVar("Meaning")

UNSCORED_IN_SOURCE = "unscored_in_source"
"""The reason for a missing score or verdict that the source itself marks as missing."""
OUT_OF_SCALE = "out_of_scale"
"""The reason for a missing score that is outside the scale."""

_MAX_LISTED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLocation:
    """The file and the line of a row."""

    path: Path
    line: int

    def refuse(self, message: str) -> NoReturn:
        """Refuse this row.

        Raises:
            InputError: always; the message begins with the file and the line.
        """
        raise InputError(message, path=self.path, line=self.line)


class ImportedRecords:
    """The records that an import reads from another tool's files.

    Attributes:
        questions: by id.
        answers: by model, question and sample; the digest is empty until the run is known.
        judgments: by digest.
        votes: by digest, in the order of their files.
        unmapped_fields: what our records do not have, by kind and key of the row.
        paths: the files that were read.
        warnings: sentences that the user who imports the files must know.
        cautions: sentences that a reader of the results must know.
        needs_run: whether the records refer to answers that a run must already hold.
    """

    def __init__(self, name: str, *, needs_run: bool = False) -> None:
        """Begin with no records.

        Args:
            name: the name of the format.
            needs_run: whether the records refer to answers that a run must already hold.
        """
        self.format = name
        self.needs_run = needs_run
        self.questions: dict[str, Question] = {}
        self.answers: dict[tuple[str, str, int], Answer] = {}
        self.judgments: dict[str, Judgment] = {}
        self.votes: dict[str, Vote] = {}
        self.unmapped_fields: dict[tuple[str, str], UnmappedFields] = {}
        self.paths: list[Path] = []
        self.warnings: list[str] = []
        self.cautions: list[str] = []
        self._row_digests: dict[tuple[str, str], bytes] = {}
        self._repeats: Counter[tuple[Path, str]] = Counter()

    def register_row(
        self, kind: str, key: str, row: Mapping[str, Any], location: RowLocation
    ) -> bool:
        """Return whether a row is new; a repeated row is counted and must not be added again.

        Raises:
            InputError: another row has the same key and other content.
        """
        row_digest = bytes.fromhex(compute_digest(row))
        registered = self._row_digests.setdefault((kind, key), row_digest)
        if registered is row_digest:
            return True
        if registered != row_digest:
            location.refuse(f"this {kind} stands twice, and not alike; remove the wrong row")
        self._repeats[location.path, kind] += 1
        return False

    def keep_unmapped_fields(
        self, kind: str, key: str, row: Mapping[str, Any], rendered: Mapping[str, Any]
    ) -> None:
        """Keep the fields of a row that its rendering does not give back."""
        fields = {
            name: value
            for name, value in row.items()
            if name not in rendered or not is_same_json(value, rendered[name])
        }
        absent = [name for name in rendered if name not in row]
        self.unmapped_fields[kind, key] = UnmappedFields(
            format=self.format, kind=kind, key=key, fields=fields, absent=absent
        )

    def add_question(self, question: Question, location: RowLocation) -> None:
        """Add a question, or check that it equals the question with the same id.

        Raises:
            InputError: the id, category or text is empty, or another question has the same id.
        """
        if not question.question_id or not question.category:
            location.refuse("question id and category must not be empty")
        if not question.turns or not all(turn.strip() for turn in question.turns):
            location.refuse("a question must have at least one turn, and none may be empty")
        if self.questions.setdefault(question.question_id, question) != question:
            location.refuse(f"question {question.question_id!r} stands twice, and not alike")

    def add_answer(
        self,
        question_id: str,
        model: str,
        texts: Sequence[str],
        location: RowLocation,
        *,
        sample: int = 0,
    ) -> bool:
        """Add an answer; return False, and keep the first answer, if the model has another one.

        Raises:
            InputError: the model's name is empty, or there is no turn.
        """
        if not model or not texts:
            location.refuse("an answer needs a model and at least one turn")
        turns = [AnswerTurn(text=text, finish_reason=None).without_thought() for text in texts]
        answer = Answer(
            question_id=question_id, model=model, sample=sample, turns=tuple(turns), digest=""
        )
        return self.answers.setdefault((model, question_id, sample), answer) == answer

    def add_judgment(self, judgment: Judgment, location: RowLocation) -> None:
        """Add a grade or a game.

        Raises:
            InputError: a name is empty, a model is compared with itself, or the turn is below 1.
        """
        _refuse_invalid_judgment(judgment, location)
        self.judgments[judgment.digest] = judgment

    def add_vote(self, vote: Vote, location: RowLocation) -> None:
        """Add a vote.

        Raises:
            InputError: a name is empty, a model is compared with itself, or the turn is below 1.
        """
        _refuse_invalid_judgment(vote, location)
        self.votes[vote.digest] = vote

    def add_gold_vote(self, vote: Vote, message: str, location: RowLocation) -> None:
        """Add the label of a labelled pair, which several files may repeat.

        Args:
            vote: the label.
            message: the refusal if the pair has another label.
            location: the row of the label.

        Raises:
            InputError: the pair has another label.
        """
        if self.votes.setdefault(vote.digest, vote) != vote:
            location.refuse(message)

    def complete(self) -> ImportedRecords:
        """Return these records after adding warnings about repeated and missing rows.

        Raises:
            ConfigError: there are no records.
        """
        for (path, kind), number in self._repeats.items():
            self.warnings.append(f"{path}: {number} rows ({kind}) stand twice; each counts once")
        self.warnings += [*self._describe_unknown_names(), *self._describe_missing_rows()]
        self.warnings += self._describe_thoughts()
        if not (self.questions or self.answers or self.judgments or self.votes):
            msg = f"nothing of the format {self.format} is in these files"
            raise ConfigError(msg)
        return self

    def _describe_unknown_names(self) -> list[str]:
        """Return sentences about judged models without answers, and ids that no question has."""
        sentences = []
        answering = {answer.model for answer in self.answers.values()}
        if answering:
            judged = dict.fromkeys(
                model for each in self._judgments_and_votes() for model in each.models
            )
            unknown_models = [model for model in judged if model not in answering]
            if unknown_models:
                sentences.append(f"judged, but without answers here: {_list_names(unknown_models)}")
        if self.questions:
            ids = [answer.question_id for answer in self.answers.values()]
            ids += [each.question_id for each in self._judgments_and_votes()]
            unknown_ids = [name for name in dict.fromkeys(ids) if name not in self.questions]
            if unknown_ids:
                sentences.append(f"no question has the id {_list_names(unknown_ids)}")
        return sentences

    def _describe_thoughts(self) -> list[str]:
        """Return a sentence about answers that began with the model's thought."""
        thoughtful = [
            answer
            for answer in self.answers.values()
            if any(turn.reasoning is not None for turn in answer.turns)
        ]
        if not thoughtful:
            return []
        models = list(dict.fromkeys(answer.model for answer in thoughtful))
        whose = f"{len(thoughtful)} answers of {_list_names(models)}"
        return [
            f"{whose} began with a thought: it is kept as `reasoning`, and judges see the answer only"
        ]

    def _describe_missing_rows(self) -> list[str]:
        """Return sentences about missing answers and judgments; people may judge any part."""
        ids_by_label: dict[str, set[str]] = {}
        for model, question_id, _ in self.answers:
            ids_by_label.setdefault(f"{model}: no answer to", set()).add(question_id)
        for each in self._judgments_and_votes():
            if not each.judge.startswith(HUMAN_PREFIX):
                models = " and ".join(sorted(each.models))
                ids_by_label.setdefault(f"{models}: no judgment of", set()).add(each.question_id)
        missing_by_label = {
            label: [key for key in self.questions if key not in ids]
            for label, ids in ids_by_label.items()
        }
        return [
            f"{label} {len(missing)} of {len(self.questions)} questions ({_list_names(missing)})"
            for label, missing in missing_by_label.items()
            if missing
        ]

    def _judgments_and_votes(self) -> list[Judgment | Vote]:
        return [*self.judgments.values(), *self.votes.values()]


def look_up_label(
    labels: Mapping[Any, Meaning], label: str | None, name: str, location: RowLocation
) -> Meaning:
    """Return the meaning of a label.

    Args:
        labels: the meanings by label.
        label: the label of a row.
        name: the name of its field, for the message.
        location: the row.

    Raises:
        InputError: the label is unknown; it is never counted as a tie.
    """
    if label not in labels:
        location.refuse(f"unknown {name} {label!r}: must be one of {', '.join(map(str, labels))}")
    return labels[label]


def _refuse_invalid_judgment(judgment: Judgment | Vote, location: RowLocation) -> None:
    models = judgment.models
    if not all(models) or not judgment.judge:
        location.refuse("the name of a model or of the judge is empty")
    if len(models) > len(set(models)):
        location.refuse(f"{models[0]} is set against itself")
    if judgment.turn < 1:
        location.refuse(f"turn {judgment.turn}: turns are counted from 1")


def _list_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_LISTED} more" if len(names) > _MAX_LISTED else ""
    return ", ".join(names[:_MAX_LISTED]) + more
