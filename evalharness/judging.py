"""One judgment: the judge is shown answers, and its reply is read and kept as it stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evalharness import prompts, replies, structured
from evalharness.domain import (
    GradedJudgment,
    Kind,
    Message,
    PairwiseJudgment,
    Reading,
    Request,
    Role,
    digest,
)
from evalharness.replies import ASKED_AGAIN, Unscored

if TYPE_CHECKING:
    from evalharness.domain import Answer, Backend, Completion, JudgeSpec, Judgment, Question, Usage
    from evalharness.replies import ScoreRead, VerdictRead


# Empty and cut replies are not among them: asking again for less would hide why they are so.
_REPAIRABLE = {Unscored.NO_VERDICT, Unscored.AMBIGUOUS, Unscored.OUT_OF_SCALE}
_USUAL_LANGUAGE = "en"


@dataclass(frozen=True, kw_only=True)
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
        return self._digest

    @cached_property  # it is wanted before and after the call; hence no slots
    def _digest(self) -> str:
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
                *self._special(),
            ]
        )

    def _special(self) -> list[dict[str, Any]]:
        """Return what else decides what is asked, as far as it is not as usual.

        What is as usual is left out, so that a setting that a judge does not use changes no key.
        """
        prompt, reading = self.judge.prompts[self.kind], self.judge.reading
        reads_json = reading is Reading.JSON
        special = {
            "rubric": list(self.question.rubric),
            "language": "" if prompt.language == _USUAL_LANGUAGE else prompt.language,
            "form": prompts.form(prompt) if reads_json else "",
            "schema": prompts.schema(prompt) if reads_json else {},
            "repair": prompts.repair(prompt, reading) if self.judge.repairs else "",
        }
        asked = {name: value for name, value in special.items() if value}
        return [asked] if asked else []


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """All that a judge said; its decision is read from the last."""

    last: Completion
    reply: str
    usage: Usage
    repaired: bool = False


async def judge(showing: Showing, backend: Backend) -> Judgment:
    """Return the judgment; a reply that cannot be read is unscored, with its reason.

    Where the judge's `repairs` allow it, such a reply is answered with a request for the decision
    alone, and what comes back is read instead. Both replies are kept and both are counted.

    Raises:
        BackendError: the judge could not be asked.
    """
    request = _request(showing)
    completion = await backend.complete(request)
    heard = _Heard(last=completion, reply=completion.text, usage=completion.usage)
    judgment = _judgment(showing, heard)
    if showing.judge.repairs and judgment.unscored in _REPAIRABLE:
        judgment = _judgment(showing, await _repaired(showing, request, heard, backend))
    return judgment


def _request(showing: Showing) -> Request:
    spec, prompt = showing.judge, showing.judge.prompts[showing.kind]
    reads_probabilities = spec.reading is Reading.PROBABILITIES
    return Request(
        messages=prompts.render(
            prompt,
            showing.question,
            [[turn.text for turn in answer.turns] for answer in showing.answers],
            showing.turn,
            reading=spec.reading,
        ),
        sampling=spec.model.sampling,
        prefill=prompt.prefill if reads_probabilities else "",
        options=prompts.options(showing.kind) if reads_probabilities else (),
        schema=prompts.schema(prompt) if spec.reading is Reading.JSON else None,
        question_id=showing.question.question_id,
        turn=showing.turn,
    )


async def _repaired(showing: Showing, request: Request, first: _Heard, backend: Backend) -> _Heard:
    """Return both replies; the decision is asked for in the same conversation."""
    spec = showing.judge
    asked = prompts.repair(spec.prompts[showing.kind], spec.reading)
    messages = (
        *request.messages,
        Message(role=Role.ASSISTANT, content=first.reply),
        Message(role=Role.USER, content=asked),
    )
    completion = await backend.complete(replace(request, messages=messages))
    return _Heard(
        last=completion,
        reply=f"{first.reply}\n\n{ASKED_AGAIN}\n\n{completion.text}",
        usage=first.usage + completion.usage,
        repaired=True,
    )


def _judgment(showing: Showing, heard: _Heard) -> Judgment:
    return _graded(showing, heard) if showing.kind is Kind.GRADED else _game(showing, heard)


def _read_score(reading: Reading, completion: Completion) -> ScoreRead:
    if completion.option_probabilities is not None:
        return replies.score_from_probabilities(completion.option_probabilities)
    read = structured.read_score if reading is Reading.JSON else replies.read_score
    return read(completion.text, completion.finish_reason)


def _read_verdict(reading: Reading, completion: Completion) -> VerdictRead:
    if completion.option_probabilities is not None:
        return replies.verdict_from_probabilities(completion.option_probabilities)
    read = structured.read_verdict if reading is Reading.JSON else replies.read_verdict
    return read(completion.text, completion.finish_reason)


def _graded(showing: Showing, heard: _Heard) -> GradedJudgment:
    read = _read_score(showing.judge.reading, heard.last)
    return GradedJudgment(
        question_id=showing.question.question_id,
        turn=showing.turn,
        judge=showing.judge.name,
        prompt=showing.judge.prompts[Kind.GRADED].name,
        model=showing.answers[0].model,
        sample=showing.answers[0].sample,
        score=read.score,
        unscored=read.unscored,
        reply=heard.reply,
        probabilities=read.probabilities,
        repaired=heard.repaired,
        served=heard.last.served,
        usage=heard.usage,
        digest=showing.digest(),
    )


def _game(showing: Showing, heard: _Heard) -> PairwiseJudgment:
    read = _read_verdict(showing.judge.reading, heard.last)
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
        strength=read.strength,
        unscored=read.unscored,
        reply=heard.reply,
        probabilities=read.probabilities,
        repaired=heard.repaired,
        served=heard.last.served,
        usage=heard.usage,
        digest=showing.digest(),
    )
