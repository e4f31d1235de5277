"""Group the records of a run by question, for reading."""

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
"""A difference of mean grades from which on a question is flagged as `differ`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRecord:
    """The reply of a model at one turn, with its grades; `turn` is None without an answer."""

    model: str
    sample: int
    turn: AnswerTurn | None
    grades: tuple[GradedJudgment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedPair:
    """Two models compared by one judge at one turn.

    Attributes:
        models: the two models, the one with the smaller number first.
        judge: the judge.
        sample: the sample of the answers.
        winner: a model or `tie`; None if the games were not settled.
        games: the games of the battle.
    """

    models: tuple[str, str]
    judge: str
    sample: int
    winner: str | None
    games: tuple[PairwiseJudgment, ...]

    @property
    def orders_disagree(self) -> bool:
        """Whether swapping the answers changed the model that the judge prefers."""
        return len({preferred_model(game) for game in self.games if game.verdict is not None}) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRecord:
    """One turn of a question, with the replies of the models and the compared pairs."""

    number: int
    text: str
    reference: str | None
    replies: tuple[ReplyRecord, ...]
    pairs: tuple[ComparedPair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRecord:
    """One question with its turns and failures."""

    question: Question
    turns: tuple[TurnRecord, ...]
    failures: tuple[Failure, ...]

    @property
    def spread(self) -> float | None:
        """The difference between the best and the worst mean grade of a model."""
        grades: dict[str, list[float]] = defaultdict(list)
        for grade in self._grades():
            if grade.score is not None:
                grades[grade.model].append(grade.score)
        means = [fmean(scores) for scores in grades.values()]
        return max(means) - min(means) if len(means) > 1 else None

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags by which a reader can filter."""
        pairs = [pair for turn in self.turns for pair in turn.pairs]
        decided = any(pair.winner not in {None, Winner.TIE} for pair in pairs)
        replies = [reply.turn for turn in self.turns for reply in turn.replies if reply.turn]
        judgments: list[Judgment] = [
            *self._grades(),
            *(game for pair in pairs for game in pair.games),
        ]
        by_flag = {
            "differ": decided if self.spread is None else self.spread >= WIDE_GRADE_SPREAD,
            "orders": any(pair.orders_disagree for pair in pairs),
            "unscored": any(judgment.unscored is not None for judgment in judgments),
            "truncated": any(reply.is_truncated for reply in replies),
            "empty": any(reply.empty_cause is not None for reply in replies),
            "failed": bool(self.failures),
        }
        return tuple(flag for flag, holds in by_flag.items() if holds)

    def _grades(self) -> list[GradedJudgment]:
        return [grade for turn in self.turns for reply in turn.replies for grade in reply.grades]


def preferred_model(game: PairwiseJudgment) -> str | None:
    """Return the model that a game's verdict prefers, `tie`, or None without a verdict."""
    match game.verdict:
        case Verdict.A:
            return game.model_a
        case Verdict.B:
            return game.model_b
        case Verdict.TIE:
            return Verdict.TIE.value
        case None:
            return None


def group_by_question(data: PageData) -> list[QuestionRecord]:
    """Return the records of each question, in the order of the run."""
    records = data.records
    answers, grades = _by_question_id(records.answers), _by_question_id(records.graded)
    games, battles = _by_question_id(records.games), _by_question_id(data.battles)
    failures = _by_question_id(records.failures)
    return [
        QuestionRecord(
            question=question,
            turns=tuple(
                TurnRecord(
                    number=number,
                    text=text,
                    reference=question.reference(number),
                    replies=_turn_replies(data, number, answers[key], grades[key]),
                    pairs=_compared_pairs(data, number, games[key], battles[key]),
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
    data: PageData, turn: int, answers: Sequence[Answer], grades: Sequence[GradedJudgment]
) -> tuple[ReplyRecord, ...]:
    """Return the replies to a turn in the order of the models, including replies that exist only as grades."""
    graded: dict[tuple[str, int], list[GradedJudgment]] = defaultdict(list)
    for grade in grades:
        if grade.turn == turn:
            graded[grade.model, grade.sample].append(grade)
    turns = {
        (answer.model, answer.sample): answer.turns[turn - 1]
        for answer in answers
        if len(answer.turns) >= turn
    }
    keys = sorted({*turns, *graded}, key=lambda key: (data.model_number(key[0]), key[1]))
    return tuple(
        ReplyRecord(
            model=model,
            sample=sample,
            turn=turns.get((model, sample)),
            grades=tuple(graded[model, sample]),
        )
        for model, sample in keys
    )


_PairKey = tuple[int, int, str, int]


def _compared_pairs(
    data: PageData, turn: int, games: Sequence[PairwiseJudgment], battles: Sequence[Battle]
) -> tuple[ComparedPair, ...]:
    """Return the compared pairs of a turn: the games of both orders, and their battle."""

    def key(record: PairwiseJudgment | Battle) -> _PairKey:
        first, second = sorted(map(data.model_number, (record.model_a, record.model_b)))
        return first, second, record.judge, record.sample

    shown: dict[_PairKey, list[PairwiseJudgment]] = defaultdict(list)
    for game in games:
        if game.turn == turn:
            shown[key(game)].append(game)
    settled = {key(battle): _winning_model(battle) for battle in battles if battle.turn == turn}
    return tuple(
        ComparedPair(
            models=(data.models[pair_key[0]], data.models[pair_key[1]]),
            judge=pair_key[2],
            sample=pair_key[3],
            winner=settled.get(pair_key),
            games=tuple(shown[pair_key]),
        )
        for pair_key in sorted({*shown, *settled})
    )


def _winning_model(battle: Battle) -> str:
    match battle.winner:
        case Winner.MODEL_A:
            return battle.model_a
        case Winner.MODEL_B:
            return battle.model_b
        case Winner.TIE:
            return Winner.TIE.value
