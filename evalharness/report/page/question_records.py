"""All that a run knows about one question, brought together for reading."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Protocol, TypeVar

from evalharness.domain import Verdict, Winner

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalharness.domain import (
        Answer,
        AnswerTurn,
        Battle,
        Failure,
        GradedJudgment,
        Judgment,
        PairwiseJudgment,
        Question,
    )
    from evalharness.report.page.page_data import PageData

WIDE_GRADE_SPREAD = 3.0
"""Mean grades of two models that differ by this much count as disagreement worth reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRecord:
    """What a model said at one turn, with its grades; `turn` is None where it never answered."""

    model: str
    sample: int
    turn: AnswerTurn | None
    grades: tuple[GradedJudgment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedPair:
    """Two models compared by one judge at one turn: the games as shown, and who won the battle.

    `winner` is a model or `tie`; it is None when the games were not settled.
    """

    models: tuple[str, str]
    judge: str
    sample: int
    winner: str | None
    games: tuple[PairwiseJudgment, ...]

    @property
    def orders_disagree(self) -> bool:
        """Whether swapping the answers changed which model the judge prefers."""
        return len({preferred_model(game) for game in self.games if game.verdict is not None}) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRecord:
    """One turn: what was asked, what each model replied, and how pairs of replies compared."""

    number: int
    text: str
    reference: str | None
    replies: tuple[ReplyRecord, ...]
    pairs: tuple[ComparedPair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRecord:
    """One question with everything that belongs to it."""

    question: Question
    turns: tuple[TurnRecord, ...]
    failures: tuple[Failure, ...]

    @property
    def spread(self) -> float | None:
        """How far the best and the worst model's mean grades lie apart."""
        grades: dict[str, list[float]] = defaultdict(list)
        for grade in self._grades():
            if grade.score is not None:
                grades[grade.model].append(grade.score)
        means = [fmean(scores) for scores in grades.values()]
        return max(means) - min(means) if len(means) > 1 else None

    @property
    def flags(self) -> tuple[str, ...]:
        """What a reader may filter by."""
        pairs = [pair for turn in self.turns for pair in turn.pairs]
        decided = any(pair.winner not in {None, Winner.TIE} for pair in pairs)
        replies = [reply.turn for turn in self.turns for reply in turn.replies if reply.turn]
        judgments: list[Judgment] = [
            *self._grades(),
            *(game for pair in pairs for game in pair.games),
        ]
        held = {
            "differ": decided if self.spread is None else self.spread >= WIDE_GRADE_SPREAD,
            "orders": any(pair.orders_disagree for pair in pairs),
            "unscored": any(judgment.unscored is not None for judgment in judgments),
            "truncated": any(reply.is_truncated for reply in replies),
            "failed": bool(self.failures),
        }
        return tuple(flag for flag, holds in held.items() if holds)

    def _grades(self) -> list[GradedJudgment]:
        return [grade for turn in self.turns for reply in turn.replies for grade in reply.grades]


def preferred_model(game: PairwiseJudgment) -> str | None:
    """Return the model that a game's verdict names, `tie`, or None when it could not be read."""
    match game.verdict:
        case Verdict.A:
            return game.model_a
        case Verdict.B:
            return game.model_b
        case Verdict.TIE:
            return Verdict.TIE.value
        case None:
            return None


def group_by_question(facts: PageData) -> list[QuestionRecord]:
    """Return every question's dossier, in the order in which they were asked."""
    records = facts.records
    answers, grades = _by_question_id(records.answers), _by_question_id(records.graded)
    games, battles = _by_question_id(records.games), _by_question_id(facts.battles)
    failures = _by_question_id(records.failures)
    return [
        QuestionRecord(
            question=question,
            turns=tuple(
                TurnRecord(
                    number=number,
                    text=text,
                    reference=question.reference(number),
                    replies=_turn_replies(facts, number, answers[key], grades[key]),
                    pairs=_compared_pairs(facts, number, games[key], battles[key]),
                )
                for number, text in enumerate(question.turns, start=1)
            ),
            failures=tuple(failures[key]),
        )
        for question in records.questions
        for key in (question.question_id,)
    ]


class _HasQuestionId(Protocol):
    @property
    def question_id(self) -> str: ...


_RecordT = TypeVar("_RecordT", bound=_HasQuestionId)


def _by_question_id(records: Iterable[_RecordT]) -> dict[str, list[_RecordT]]:
    grouped: dict[str, list[_RecordT]] = defaultdict(list)
    for record in records:
        grouped[record.question_id].append(record)
    return grouped


def _turn_replies(
    facts: PageData, turn: int, answers: Sequence[Answer], grades: Sequence[GradedJudgment]
) -> tuple[ReplyRecord, ...]:
    """Return the replies to a turn in the models' order, with those that are only graded."""
    graded: dict[tuple[str, int], list[GradedJudgment]] = defaultdict(list)
    for grade in grades:
        if grade.turn == turn:
            graded[grade.model, grade.sample].append(grade)
    said = {
        (answer.model, answer.sample): answer.turns[turn - 1]
        for answer in answers
        if len(answer.turns) >= turn
    }
    keys = sorted({*said, *graded}, key=lambda key: (facts.number(key[0]), key[1]))
    return tuple(
        ReplyRecord(
            model=model,
            sample=sample,
            turn=said.get((model, sample)),
            grades=tuple(graded[model, sample]),
        )
        for model, sample in keys
    )


_PairKey = tuple[int, int, str, int]


def _compared_pairs(
    facts: PageData, turn: int, games: Sequence[PairwiseJudgment], battles: Sequence[Battle]
) -> tuple[ComparedPair, ...]:
    """Return the compared pairs of a turn: both orders beside the battle they were settled to."""

    def key(record: PairwiseJudgment | Battle) -> _PairKey:
        first, second = sorted(map(facts.number, (record.model_a, record.model_b)))
        return first, second, record.judge, record.sample

    shown: dict[_PairKey, list[PairwiseJudgment]] = defaultdict(list)
    for game in games:
        if game.turn == turn:
            shown[key(game)].append(game)
    settled = {key(battle): _winning_model(battle) for battle in battles if battle.turn == turn}
    return tuple(
        ComparedPair(
            models=(facts.models[place[0]], facts.models[place[1]]),
            judge=place[2],
            sample=place[3],
            winner=settled.get(place),
            games=tuple(shown[place]),
        )
        for place in sorted({*shown, *settled})
    )


def _winning_model(battle: Battle) -> str:
    match battle.winner:
        case Winner.MODEL_A:
            return battle.model_a
        case Winner.MODEL_B:
            return battle.model_b
        case Winner.TIE:
            return Winner.TIE.value
