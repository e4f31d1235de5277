"""Define the results of a run: judgments, battles, votes, failures."""

from __future__ import annotations

import math
from collections.abc import Mapping  # noqa: TC003 - the store reads the annotations
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from evalharness.domain.answers import Answer  # noqa: TC001 - the store reads the annotations
from evalharness.domain.calls import Usage
from evalharness.domain.run_config import RunConfig
from evalharness.domain.vocabulary import Question, RunStage, Verdict, Winner  # noqa: TC001

if TYPE_CHECKING:
    from evalharness.domain.benchmarks import BenchmarkSample, BenchmarkScore
    from evalharness.errors import BackendError


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedJudgment:
    """One answer graded from 1 to 10 at one turn; `score` is None when `unscored` gives a reason.

    `repaired` means that the judge got a repair request, because its first reply had no readable
    score; `reply` then holds both replies. `reasoning` is the judge's thought before its reply, `served`
    the model that the judge's server reported, and `sent` the sampling fields of the request.
    `finish_reason` is given only for a reply that was cut: the server's word for the cause.
    """

    kind: Literal["graded"] = "graded"
    question_id: str
    turn: int
    judge: str
    prompt: str
    model: str
    sample: int = 0
    score: float | None
    unscored: str | None = None
    reply: str
    reasoning: str | None = None
    probabilities: Mapping[str, float] | None = None
    repaired: bool = False
    served: str | None = None
    sent: tuple[str, ...] = ()
    finish_reason: str | None = None
    usage: Usage = field(default_factory=Usage)
    digest: str

    @property
    def models(self) -> tuple[str]:
        """The judged model."""
        return (self.model,)

    @property
    def task_key(self) -> tuple[object, ...]:
        """What was judged, by whom and with which prompt; one judgment of it counts."""
        place = (self.question_id, self.turn, self.sample)
        return (self.kind, self.judge, self.prompt, *place, self.models)

    @property
    def mass(self) -> float | None:
        """The total probability of the options, where probabilities were read."""
        return _total_probability(self.probabilities)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairwiseJudgment:
    """One game: two answers compared at one turn, `model_a` shown first.

    `strength` is how much better the preferred answer is, if the prompt asks for it: 1 slightly, 2
    much, 0 in a tie. `repaired`, `reasoning`, `served`, `sent` and `finish_reason`
    mean the same as in `GradedJudgment`.
    """

    kind: Literal["pairwise"] = "pairwise"
    question_id: str
    turn: int
    judge: str
    prompt: str
    model_a: str
    model_b: str
    sample: int = 0
    verdict: Verdict | None
    strength: int | None = None
    unscored: str | None = None
    reply: str
    reasoning: str | None = None
    probabilities: Mapping[str, float] | None = None
    repaired: bool = False
    served: str | None = None
    sent: tuple[str, ...] = ()
    finish_reason: str | None = None
    usage: Usage = field(default_factory=Usage)
    digest: str

    @property
    def mass(self) -> float | None:
        """The total probability of the options, where probabilities were read."""
        return _total_probability(self.probabilities)

    @property
    def models(self) -> tuple[str, str]:
        """The judged models, in the order shown."""
        return (self.model_a, self.model_b)

    @property
    def task_key(self) -> tuple[object, ...]:
        """What was judged, in which order, by whom and with which prompt; one game of it counts."""
        place = (self.question_id, self.turn, self.sample)
        return (self.kind, self.judge, self.prompt, *place, self.models)

    def is_swap_of(self, other: PairwiseJudgment) -> bool:
        """Whether the two games differ only in the order of the answers."""
        return (self.question_id, self.turn, self.judge, self.prompt, self.sample) == (
            other.question_id,
            other.turn,
            other.judge,
            other.prompt,
            other.sample,
        ) and self.models == (other.model_b, other.model_a)


Judgment = GradedJudgment | PairwiseJudgment


@dataclass(frozen=True, slots=True, kw_only=True)
class Battle:
    """The settled outcome of both games of a pair."""

    question_id: str
    turn: int
    judge: str
    model_a: str
    model_b: str
    sample: int = 0
    winner: Winner

    @property
    def models(self) -> tuple[str, str]:
        """The models of the battle."""
        return (self.model_a, self.model_b)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """A single preference of a person, a label or another tool, from one showing of two answers.

    A vote is not a game: the answers were shown in one order only. `winner` is None when
    `unscored` gives a reason; `label` is the source's own label if it holds more than the winner;
    `preference` is the probability that `model_b` is better; `scores` are the scores of `model_a`
    and `model_b`; `lengths` are the characters of the judged texts where these are not the run's
    answers.
    """

    question_id: str
    turn: int = 1
    judge: str
    prompt: str = ""
    model_a: str
    model_b: str
    sample: int = 0
    winner: Winner | None
    unscored: str | None = None
    label: str | None = None
    preference: float | None = None
    scores: tuple[float, float] | None = None
    lengths: tuple[int, int] | None = None
    reply: str = ""
    digest: str

    @property
    def models(self) -> tuple[str, str]:
        """The models of the vote."""
        return (self.model_a, self.model_b)

    @property
    def battle(self) -> Battle | None:
        """The vote as a battle, or None when it has no winner."""
        if self.winner is None:
            return None
        return Battle(
            question_id=self.question_id,
            turn=self.turn,
            judge=self.judge,
            model_a=self.model_a,
            model_b=self.model_b,
            sample=self.sample,
            winner=self.winner,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A request that failed. It is stored as a row and never counts as a score.

    `key` is the digest of the request; `model` is the model that failed (the judge of a judgment).
    """

    stage: RunStage
    key: str
    model: str
    question_id: str
    turn: int | None
    reason: str
    detail: str
    attempts: int

    @classmethod
    def from_error(
        cls,
        error: BackendError,
        *,
        stage: RunStage,
        key: str,
        model: str,
        question_id: str,
        turn: int | None,
    ) -> Failure:
        """Return the failure that an error describes."""
        return cls(
            stage=stage,
            key=key,
            model=model,
            question_id=question_id,
            turn=turn,
            reason=error.reason,
            detail=str(error),
            attempts=error.attempts,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecords:
    """The records of a run's folder.

    `config` is the configuration of the run and `manifest` holds versions, hashes, seeds and usage
    as plain JSON-like content. `samples` are the first examples of each benchmark. `superseded` is the
    number of judgments that do not count, because the folder holds a later one of the same task.
    """

    name: str
    questions: tuple[Question, ...] = ()
    answers: tuple[Answer, ...] = ()
    graded: tuple[GradedJudgment, ...] = ()
    games: tuple[PairwiseJudgment, ...] = ()
    votes: tuple[Vote, ...] = ()
    failures: tuple[Failure, ...] = ()
    benchmarks: tuple[BenchmarkScore, ...] = ()
    samples: tuple[BenchmarkSample, ...] = ()
    config: RunConfig = field(default_factory=RunConfig)
    manifest: Mapping[str, Any] = field(default_factory=dict)
    superseded: int = 0

    @property
    def judgments(self) -> tuple[Judgment, ...]:
        """Grades and games together."""
        return (*self.graded, *self.games)


def _total_probability(probabilities: Mapping[str, float] | None) -> float | None:
    return None if probabilities is None else math.fsum(probabilities.values())
