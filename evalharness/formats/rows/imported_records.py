"""Collect and check what an import reads, including the fields that our records do not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalharness.domain import Answer, AnswerTurn, Question, Vote, Winner, compute_digest
from evalharness.errors import ConfigError
from evalharness.formats.rows.import_remarks import (
    describe_missing_rows,
    describe_thoughts,
    describe_unknown_names,
)
from evalharness.formats.rows.imported_names import ImportedNames, describe_imported_variants
from evalharness.formats.rows.left_out_rows import LeftOutRows
from evalharness.formats.rows.repeated_rows import RepeatedRows
from evalharness.formats.rows.row_reader import convert_row
from evalharness.formats.rows.unmapped_fields import UnmappedFields, is_same_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalharness.domain import Judgment
    from evalharness.formats.rows.row_location import RowLocation
    from evalharness.formats.rows.row_reader import JsonRow, Shape

UNSCORED_IN_SOURCE = "unscored_in_source"
"""The reason for a missing score or verdict that the source itself marks as missing."""
OUT_OF_SCALE = "out_of_scale"
"""The reason for a missing score that is outside the scale."""

_MAX_TURN = 1000


class ImportedRecords:
    """The records that an import reads from another tool's files.

    Attributes:
        questions: by id.
        answers: by model, question and sample; the digest is empty until the run is known.
        judgments: by digest.
        votes: by digest, in the order of their files.
        unmapped_fields: what our records do not have, by kind and key of the row.
        paths: the files that were read.
        names: the names of models and judges.
        rows: the number of rows that were read.
        repeats: the rows that stand twice.
        left_out: the rows that were left out.
        locations: the rows of judgments and votes, by digest.
        warnings: sentences that the user who imports the files must know.
        cautions: sentences that a reader of the results must know.
        needs_run: whether the records refer to answers that a run must already hold.
    """

    def __init__(
        self, name: str, renames: Mapping[str, str] | None = None, *, needs_run: bool = False
    ) -> None:
        """Begin with no records.

        Args:
            name: the name of the format.
            renames: the new names of models and judges, by their names in the files.
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
        self.names = ImportedNames(renames or {})
        self.rows = 0
        self.repeats = RepeatedRows()
        self.left_out = LeftOutRows()
        self.locations: dict[str, RowLocation] = {}

    def read_row(
        self, row: JsonRow, shape: type[Shape], location: RowLocation, *names: str
    ) -> Shape:
        """Count a row and return it as a record.

        Args:
            row: the row.
            shape: the class of the record.
            location: the place of the row.
            names: the fields that name a model or a judge.

        Raises:
            InputError: a field is missing or of another type.
        """
        self.rows += 1
        parsed = convert_row(row, shape, location)
        for name in names:
            written = getattr(parsed, name)
            if isinstance(written, str):
                setattr(parsed, name, self.names.read(written))
        return parsed

    def register_row(
        self,
        kind: str,
        key: str,
        row: Mapping[str, Any],
        location: RowLocation,
        *,
        is_scored: bool = True,
        later_counts: bool = False,
    ) -> bool:
        """Return whether a row counts; see `RepeatedRows.register`."""
        return self.repeats.register(
            kind, key, row, location, is_scored=is_scored, later_counts=later_counts
        )

    def leave_out_self_comparison(self, models: Sequence[str], location: RowLocation) -> bool:
        """Return whether a row compares a model with itself; such a row is left out."""
        is_own = len(set(models)) < len(models)
        if is_own:
            self.left_out.add(f"{models[0]} is set against itself", location)
        return is_own

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
            InputError: a name is empty, a model is compared with itself, or there is no such turn.
        """
        self._refuse_invalid_judgment(judgment, location)
        self.judgments[judgment.digest] = judgment
        self.locations[judgment.digest] = location

    def add_vote(self, vote: Vote, location: RowLocation) -> None:
        """Add a vote.

        Raises:
            InputError: a name is empty, a model is compared with itself, or there is no such turn.
        """
        self._refuse_invalid_judgment(vote, location)
        self.votes[vote.digest] = vote
        self.locations[vote.digest] = location

    def drop_judgments(self, *digests: str) -> None:
        """Drop the judgments and votes with these digests, which a better row replaces."""
        for digest in digests:
            self.judgments.pop(digest, None)
            self.votes.pop(digest, None)

    def refuse_contradiction(self, vote: Vote, location: RowLocation) -> bool:
        """Return whether a vote of a judge on a pair is the first one, in either order.

        Raises:
            InputError: the judge preferred the other model in the other order.
        """
        better = {Winner.MODEL_A: vote.model_a, Winner.MODEL_B: vote.model_b}
        pair = [vote.question_id, vote.turn, vote.judge, vote.prompt, *sorted(vote.models)]
        return self.register_row(
            f"vote of {vote.judge} on this pair",
            compute_digest(pair),
            {"better": better.get(vote.winner or Winner.TIE, "")},
            location,
        )

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
        """Return these records after adding warnings about repeated, odd and missing rows.

        Raises:
            ConfigError: there are no records, or a name that the user renames is not there.
        """
        self.names.refuse_unused_renames()
        judged = [*self.judgments.values(), *self.votes.values()]
        models = {answer.model for answer in self.answers.values()}
        models |= {model for each in judged for model in each.models}
        self.warnings += [
            *self.repeats.describe(),
            *self.left_out.describe(),
            *self.names.describe_spellings(),
            *describe_imported_variants(models, {each.judge for each in judged}),
            *describe_unknown_names(self.questions, self.answers, judged),
            *describe_missing_rows(self.questions, self.answers, judged),
            *describe_thoughts(self.answers),
        ]
        if not (self.questions or self.answers or self.judgments or self.votes):
            problem = "; ".join(
                (
                    f"nothing of the format {self.format} is in these files",
                    *self.left_out.describe(),
                )
            )
            raise ConfigError(problem)
        return self

    def _refuse_invalid_judgment(self, judgment: Judgment | Vote, location: RowLocation) -> None:
        models = judgment.models
        if not all(models) or not judgment.judge:
            location.refuse("the name of a model or of the judge is empty")
        if len(models) > len(set(models)):
            location.refuse(f"{models[0]} is set against itself")
        if judgment.turn < 1:
            location.refuse(f"turn {judgment.turn}: turns are counted from 1")
        question = self.questions.get(judgment.question_id)
        turns = _MAX_TURN if question is None else len(question.turns)
        if judgment.turn > turns:
            what = "no question has more than" if question is None else "it has only"
            location.refuse(
                f"turn {judgment.turn} of question {judgment.question_id}: {what} {turns}"
            )
