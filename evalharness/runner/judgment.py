"""One judgment: the judge is shown answers, and its reply is read and kept as it stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evalharness.domain import (
    GradedJudgment,
    JudgmentKind,
    Message,
    PairwiseJudgment,
    Reading,
    Request,
    Role,
    compute_digest,
)
from evalharness.judge import (
    REPAIR_SEPARATOR,
    UnscoredReason,
    build_reply_schema,
    describe_json_form,
    list_reply_options,
    read_score_from_json,
    read_score_from_probabilities,
    read_score_from_text,
    read_verdict_from_json,
    read_verdict_from_probabilities,
    read_verdict_from_text,
    render_judge_prompt,
    render_repair_request,
)

if TYPE_CHECKING:
    from evalharness.domain import Answer, Backend, Completion, JudgeSpec, Judgment, Question, Usage
    from evalharness.judge import ScoreDecision, VerdictDecision


# Empty and cut replies are not among them: asking again for less would hide why they are so.
_REPAIRABLE = {UnscoredReason.NO_VERDICT, UnscoredReason.AMBIGUOUS, UnscoredReason.OUT_OF_SCALE}
_DEFAULT_LANGUAGE = "en"


@dataclass(frozen=True, kw_only=True)
class JudgmentRequest:
    """What a judge is shown: one answer to grade, or two to compare in this order."""

    judge: JudgeSpec
    question: Question
    turn: int
    answers: tuple[Answer, ...]

    @property
    def kind(self) -> JudgmentKind:
        """Graded for one answer, pairwise for two."""
        return JudgmentKind.GRADED if len(self.answers) == 1 else JudgmentKind.PAIRWISE

    def digest(self) -> str:
        """Return the key: the judge, its prompt, whose answers these are, and their texts."""
        return self._digest

    @cached_property  # it is wanted before and after the call; hence no slots
    def _digest(self) -> str:
        prompt = self.judge.prompts[self.kind]
        return compute_digest(
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
            "language": "" if prompt.language == _DEFAULT_LANGUAGE else prompt.language,
            "form": describe_json_form(prompt) if reads_json else "",
            "schema": build_reply_schema(prompt) if reads_json else {},
            "repair": render_repair_request(prompt, reading) if self.judge.repairs else "",
        }
        asked = {name: value for name, value in special.items() if value}
        return [asked] if asked else []


@dataclass(frozen=True, slots=True, kw_only=True)
class _JudgeReply:
    """All that a judge said; its decision is read from the last."""

    last: Completion
    reply: str
    usage: Usage
    repaired: bool = False


async def request_judgment(showing: JudgmentRequest, backend: Backend) -> Judgment:
    """Return the judgment; a reply that cannot be read is unscored, with its reason.

    Where the judge's `repairs` allow it, such a reply is answered with a request for the decision
    alone, and what comes back is read instead. Both replies are kept and both are counted.

    Raises:
        BackendError: the judge could not be asked.
    """
    request = _completion_request(showing)
    completion = await backend.complete(request)
    heard = _JudgeReply(last=completion, reply=completion.text, usage=completion.usage)
    judgment = _build_judgment(showing, heard)
    if showing.judge.repairs and judgment.unscored in _REPAIRABLE:
        judgment = _build_judgment(showing, await _request_repair(showing, request, heard, backend))
    return judgment


def _completion_request(showing: JudgmentRequest) -> Request:
    spec, prompt = showing.judge, showing.judge.prompts[showing.kind]
    reads_probabilities = spec.reading is Reading.PROBABILITIES
    return Request(
        messages=render_judge_prompt(
            prompt,
            showing.question,
            [[turn.text for turn in answer.turns] for answer in showing.answers],
            showing.turn,
            reading=spec.reading,
        ),
        sampling=spec.model.sampling,
        prefill=prompt.prefill if reads_probabilities else "",
        options=list_reply_options(showing.kind) if reads_probabilities else (),
        schema=build_reply_schema(prompt) if spec.reading is Reading.JSON else None,
        question_id=showing.question.question_id,
        turn=showing.turn,
    )


async def _request_repair(
    showing: JudgmentRequest, request: Request, first: _JudgeReply, backend: Backend
) -> _JudgeReply:
    """Return both replies; the decision is asked for in the same conversation."""
    spec = showing.judge
    asked = render_repair_request(spec.prompts[showing.kind], spec.reading)
    messages = (
        *request.messages,
        Message(role=Role.ASSISTANT, content=first.reply),
        Message(role=Role.USER, content=asked),
    )
    completion = await backend.complete(replace(request, messages=messages))
    return _JudgeReply(
        last=completion,
        reply=f"{first.reply}\n\n{REPAIR_SEPARATOR}\n\n{completion.text}",
        usage=first.usage + completion.usage,
        repaired=True,
    )


def _build_judgment(showing: JudgmentRequest, heard: _JudgeReply) -> Judgment:
    return (
        _build_grade(showing, heard)
        if showing.kind is JudgmentKind.GRADED
        else _build_game(showing, heard)
    )


def _read_score(reading: Reading, completion: Completion) -> ScoreDecision:
    if completion.option_probabilities is not None:
        return read_score_from_probabilities(completion.option_probabilities)
    read = read_score_from_json if reading is Reading.JSON else read_score_from_text
    return read(completion.text, completion.finish_reason)


def _read_verdict(reading: Reading, completion: Completion) -> VerdictDecision:
    if completion.option_probabilities is not None:
        return read_verdict_from_probabilities(completion.option_probabilities)
    read = read_verdict_from_json if reading is Reading.JSON else read_verdict_from_text
    return read(completion.text, completion.finish_reason)


def _build_grade(showing: JudgmentRequest, heard: _JudgeReply) -> GradedJudgment:
    read = _read_score(showing.judge.reading, heard.last)
    return GradedJudgment(
        question_id=showing.question.question_id,
        turn=showing.turn,
        judge=showing.judge.name,
        prompt=showing.judge.prompts[JudgmentKind.GRADED].name,
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


def _build_game(showing: JudgmentRequest, heard: _JudgeReply) -> PairwiseJudgment:
    read = _read_verdict(showing.judge.reading, heard.last)
    first, second = showing.answers
    return PairwiseJudgment(
        question_id=showing.question.question_id,
        turn=showing.turn,
        judge=showing.judge.name,
        prompt=showing.judge.prompts[JudgmentKind.PAIRWISE].name,
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
