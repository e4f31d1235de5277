"""One judgment: the judge is shown answers, and its reply is read and kept as it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness import prompts, replies
from evalharness.domain import (
    GradedJudgment,
    Kind,
    PairwiseJudgment,
    Reading,
    Request,
    digest,
)

if TYPE_CHECKING:
    from evalharness.backends import Backend
    from evalharness.domain import Answer, Completion, JudgeSpec, Judgment, Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """What a judge is shown: one answer to grade, or two to compare in this order."""

    judge: JudgeSpec
    question: Question
    turn: int
    answers: tuple[Answer, ...]

    @property
    def kind(self) -> Kind:
        """Graded for one answer, pairwise for two."""
        return Kind.GRADED if len(self.answers) == 1 else Kind.PAIRWISE

    def digest(self) -> str:
        """Return the key: the judge, its prompt, whose answers these are, and their texts."""
        prompt = self.judge.prompts[self.kind]
        return digest(
            [
                self.judge.model.identity(),
                self.judge.reading,
                [prompt.name, prompt.system, prompt.template, prompt.prefill],
                [self.question.question_id, list(self.question.turns[: self.turn])],
                list(self.question.references[: self.turn]),
                [[answer.model, answer.sample] for answer in self.answers],
                [answer.text_digest(self.turn) for answer in self.answers],
            ]
        )


async def judge(showing: Showing, backend: Backend) -> Judgment:
    """Return the judgment; a reply that cannot be read is unscored, with its reason.

    Raises:
        BackendError: the judge could not be asked.
    """
    spec, kind = showing.judge, showing.kind
    prompt = spec.prompts[kind]
    reads_probabilities = spec.reading is Reading.PROBABILITIES
    completion = await backend.complete(
        Request(
            messages=prompts.render(
                prompt,
                showing.question,
                [[turn.text for turn in answer.turns] for answer in showing.answers],
                showing.turn,
            ),
            sampling=spec.model.sampling,
            prefill=prompt.prefill if reads_probabilities else "",
            options=prompts.options(kind) if reads_probabilities else (),
            question_id=showing.question.question_id,
            turn=showing.turn,
        )
    )
    if kind is Kind.GRADED:
        return _graded(showing, completion)
    return _game(showing, completion)


def _graded(showing: Showing, completion: Completion) -> GradedJudgment:
    if completion.option_probabilities is None:
        read = replies.read_score(completion.text, completion.finish_reason)
    else:
        read = replies.score_from_probabilities(completion.option_probabilities)
    return GradedJudgment(
        question_id=showing.question.question_id,
        turn=showing.turn,
        judge=showing.judge.name,
        prompt=showing.judge.prompts[Kind.GRADED].name,
        model=showing.answers[0].model,
        sample=showing.answers[0].sample,
        score=read.score,
        unscored=read.unscored,
        reply=completion.text,
        probabilities=read.probabilities,
        usage=completion.usage,
        digest=showing.digest(),
    )


def _game(showing: Showing, completion: Completion) -> PairwiseJudgment:
    if completion.option_probabilities is None:
        read = replies.read_verdict(completion.text, completion.finish_reason)
    else:
        read = replies.verdict_from_probabilities(completion.option_probabilities)
    first, second = showing.answers
    return PairwiseJudgment(
        question_id=showing.question.question_id,
        turn=showing.turn,
        judge=showing.judge.name,
        prompt=showing.judge.prompts[Kind.PAIRWISE].name,
        model_a=first.model,
        model_b=second.model,
        sample=first.sample,
        verdict=read.verdict,
        unscored=read.unscored,
        reply=completion.text,
        probabilities=read.probabilities,
        usage=completion.usage,
        digest=showing.digest(),
    )
