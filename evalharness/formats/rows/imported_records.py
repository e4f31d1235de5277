"""What an import finds, collected and checked, and what of it our records have no place for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from evalharness.domain import Answer, AnswerTurn, GradedJudgment, Question, Vote, digest
from evalharness.errors import ConfigError, InputError
from evalharness.formats.rows.unmapped_fields import UnmappedFields, is_same_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalharness.domain import Judgment

Meaning = TypeVar("Meaning")

HUMAN_JUDGE = "human"
"""How the names of judges begin who are people."""
UNSCORED_IN_SOURCE = "unscored_in_source"
"""Why a judgment has no score or verdict: the source itself says that it has none."""
OUT_OF_SCALE = "out_of_scale"

_MAX_LISTED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLocation:
    """The place of a row: its file and line."""

    path: Path
    line: int

    def refuse(self, message: str) -> NoReturn:
        """Refuse this row.

        Raises:
            InputError: always, with the place before the message.
        """
        raise InputError(message, path=self.path, line=self.line)


class ImportedRecords:
    """Everything that an import found.

    Attributes:
        questions: by id.
        answers: by model, question and sample; their digests are set when their run is known.
        judgments: by digest.
        votes: by digest, in the order of their files.
        foreign: what our records have no place for.
        paths: the files that were read.
        warnings: what a user must know about these files, a sentence each.
        cautions: what a reader of the results must know.
        needs_run: whether all this is about answers that a run must hold already.
    """

    def __init__(self, name: str, *, needs_run: bool = False) -> None:
        self.format = name
        self.needs_run = needs_run
        self.questions: dict[str, Question] = {}
        self.answers: dict[tuple[str, str, int], Answer] = {}
        self.judgments: dict[str, Judgment] = {}
        self.votes: dict[str, Vote] = {}
        self.foreign: dict[tuple[str, str], UnmappedFields] = {}
        self.paths: list[Path] = []
        self.warnings: list[str] = []
        self.cautions: list[str] = []
        self._seen: dict[tuple[str, str], bytes] = {}
        self._doubles: Counter[tuple[Path, str]] = Counter()

    def is_new(self, kind: str, key: str, row: Mapping[str, Any], at: RowLocation) -> bool:
        """Return whether a row comes for the first time; one that stands twice counts once.

        Raises:
            InputError: another row has the same key and says something else.
        """
        found = bytes.fromhex(digest(row))
        before = self._seen.setdefault((kind, key), found)
        if before is found:
            return True
        if before != found:
            at.refuse(f"this {kind} stands twice, and not alike; remove the wrong row")
        self._doubles[at.path, kind] += 1
        return False

    def keep_beyond(
        self, kind: str, key: str, row: Mapping[str, Any], rendered: Mapping[str, Any]
    ) -> None:
        """Keep what a row holds that its rendering does not give back."""
        fields = {
            name: value
            for name, value in row.items()
            if name not in rendered or not is_same_json(value, rendered[name])
        }
        absent = [name for name in rendered if name not in row]
        self.foreign[kind, key] = UnmappedFields(
            format=self.format, kind=kind, key=key, fields=fields, absent=absent
        )

    def add_question(self, question: Question, at: RowLocation) -> None:
        """Add a question, or check that it is the one that is there.

        Raises:
            InputError: it has no id, category or text, or another has its id.
        """
        if not question.question_id or not question.category:
            at.refuse("question id and category must not be empty")
        if not question.turns or not all(turn.strip() for turn in question.turns):
            at.refuse("a question must have at least one turn, and none may be empty")
        if self.questions.setdefault(question.question_id, question) != question:
            at.refuse(f"question {question.question_id!r} stands twice, and not alike")

    def add_answer(
        self,
        question_id: str,
        model: str,
        texts: Sequence[str],
        at: RowLocation,
        *,
        sample: int = 0,
    ) -> bool:
        """Add an answer; return False, and keep the first, when the model said something else.

        Raises:
            InputError: it has no model or no turn.
        """
        if not model or not texts:
            at.refuse("an answer needs a model and at least one turn")
        given = Answer(
            question_id=question_id,
            model=model,
            sample=sample,
            turns=tuple(AnswerTurn(text=text, finish_reason=None) for text in texts),
            digest="",
        )
        return self.answers.setdefault((model, question_id, sample), given) == given

    def add_judgment(self, judgment: Judgment, at: RowLocation) -> None:
        """Add a grade or a game.

        Raises:
            InputError: it names no model, a model against itself, or a turn below 1.
        """
        self._refuse_nonsense(judgment, at)
        self.judgments[judgment.digest] = judgment

    def add_vote(self, vote: Vote, at: RowLocation) -> None:
        """Add a vote.

        Raises:
            InputError: it names no model, a model against itself, or a turn below 1.
        """
        self._refuse_nonsense(vote, at)
        self.votes[vote.digest] = vote

    def finish(self) -> ImportedRecords:
        """Return this gathering with what is doubled or missing among its warnings.

        Raises:
            ConfigError: nothing was found.
        """
        for (path, kind), number in self._doubles.items():
            self.warnings.append(f"{path}: {number} rows ({kind}) stand twice; each counts once")
        self.warnings += [*self._strangers(), *self._gaps()]
        if not (self.questions or self.answers or self.judgments or self.votes):
            msg = f"nothing of the format {self.format} is in these files"
            raise ConfigError(msg)
        return self

    def _refuse_nonsense(self, judgment: Judgment | Vote, at: RowLocation) -> None:
        models = models_of(judgment)
        if not all(models) or not judgment.judge:
            at.refuse("the name of a model or of the judge is empty")
        if len(models) > len(set(models)):
            at.refuse(f"{models[0]} is set against itself")
        if judgment.turn < 1:
            at.refuse(f"turn {judgment.turn}: turns are counted from 1")

    def _strangers(self) -> list[str]:
        """Say which judged models have no answers, and which ids no question has."""
        said = []
        answering = {answer.model for answer in self.answers.values()}
        if answering:
            judged = dict.fromkeys(model for each in self._judged() for model in models_of(each))
            strangers = [model for model in judged if model not in answering]
            if strangers:
                said.append(f"judged, but without answers here: {_list_names(strangers)}")
        if self.questions:
            ids = [answer.question_id for answer in self.answers.values()]
            ids += [each.question_id for each in self._judged()]
            unknown = [name for name in dict.fromkeys(ids) if name not in self.questions]
            if unknown:
                said.append(f"no question has the id {_list_names(unknown)}")
        return said

    def _gaps(self) -> list[str]:
        """Say what was not answered or not judged; people judge what they please."""
        found: dict[str, set[str]] = {}
        for model, question_id, _ in self.answers:
            found.setdefault(f"{model}: no answer to", set()).add(question_id)
        for each in self._judged():
            if not each.judge.startswith(HUMAN_JUDGE):
                models = " and ".join(sorted(models_of(each)))
                found.setdefault(f"{models}: no judgment of", set()).add(each.question_id)
        gaps = {
            said: [key for key in self.questions if key not in ids] for said, ids in found.items()
        }
        return [
            f"{said} {len(missing)} of {len(self.questions)} questions ({_list_names(missing)})"
            for said, missing in gaps.items()
            if missing
        ]

    def _judged(self) -> list[Judgment | Vote]:
        return [*self.judgments.values(), *self.votes.values()]


def look_up_label(
    labels: Mapping[Any, Meaning], label: str | None, name: str, at: RowLocation
) -> Meaning:
    """Return what a label means.

    Raises:
        InputError: it is unknown: an error, never a tie.
    """
    if label not in labels:
        at.refuse(f"unknown {name} {label!r}: must be one of {', '.join(map(str, labels))}")
    return labels[label]


def models_of(judgment: Judgment | Vote) -> tuple[str, ...]:
    """Return the models that a judgment is of."""
    if isinstance(judgment, GradedJudgment):
        return (judgment.model,)
    return (judgment.model_a, judgment.model_b)


def _list_names(words: Sequence[str]) -> str:
    more = f" and {len(words) - _MAX_LISTED} more" if len(words) > _MAX_LISTED else ""
    return ", ".join(words[:_MAX_LISTED]) + more
