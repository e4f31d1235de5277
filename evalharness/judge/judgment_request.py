"""Build the requests for one judgment, and the judgment from the replies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import add
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
    is_complete_reason,
)
from evalharness.judge.decisions import (
    join_replies,
    join_thoughts,
    read_score,
    read_verdict,
    select_conclusion,
)
from evalharness.judge.prompts import (
    build_reply_schema,
    describe_json_form,
    list_reply_options,
    render_judge_prompt,
    render_repair_request,
)
from evalharness.judge.reply_text import UnscoredReason
from evalharness.judge.template_environment import render_prompt_template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import (
        Answer,
        AnswerTurn,
        Completion,
        JudgePrompt,
        JudgeSpec,
        Judgment,
        Question,
    )
    from evalharness.judge.prompts import RenderTemplate

# Empty and truncated replies are not repaired: a shorter request would hide their cause.
_REPAIRABLE = {UnscoredReason.NO_VERDICT, UnscoredReason.AMBIGUOUS, UnscoredReason.OUT_OF_SCALE}
_DEFAULT_LANGUAGE = "en"


@dataclass(frozen=True, kw_only=True)
class JudgmentRequest:
    """What a judge is shown: one answer to grade, or two answers to compare in this order.

    Attributes:
        judge: the judge.
        question: the question that was answered.
        turn: the judged turn, counted from 1.
        answers: one answer or two.
    """

    judge: JudgeSpec
    question: Question
    turn: int
    answers: tuple[Answer, ...]

    @property
    def kind(self) -> JudgmentKind:
        """Graded for one answer, pairwise for two."""
        return JudgmentKind.GRADED if len(self.answers) == 1 else JudgmentKind.PAIRWISE

    @property
    def prompt(self) -> JudgePrompt:
        """The judge's prompt for this kind of judgment."""
        return self.judge.prompts[self.kind]

    def digest(self) -> str:
        """Return the key: the judge, its prompt, the models shown, and the texts of the answers."""
        return self._digest

    @cached_property  # used before and after the call; a cached property excludes slots
    def _digest(self) -> str:
        prompt = self.prompt
        return compute_digest(
            [
                self.judge.model.identity(),
                self.judge.reading,
                [prompt.name, prompt.system, prompt.template, prompt.prefill],
                [self.question.question_id, list(self.question.turns[: self.turn])],
                list(self.question.references[: self.turn]),
                [[answer.model, answer.sample] for answer in self.answers],
                [answer.text_digest(self.turn) for answer in self.answers],
                *self._optional_content(),
            ]
        )

    def _optional_content(self) -> list[dict[str, Any]]:
        """Return the other content of the request that does not have its default value.

        Defaults are left out, so that a setting that a judge does not use changes no key.
        """
        prompt, reading = self.prompt, self.judge.reading
        reads_json = reading is Reading.JSON
        content = {
            "rubric": list(self.question.rubric),
            "language": "" if prompt.language == _DEFAULT_LANGUAGE else prompt.language,
            "form": describe_json_form(prompt) if reads_json else "",
            "schema": build_reply_schema(prompt) if reads_json else {},
            "repair": render_repair_request(prompt, reading) if self.judge.repairs else "",
            "thoughts": self._list_shown_thoughts(),
        }
        used = {name: value for name, value in content.items() if value}
        return [used] if used else []

    def _list_shown_thoughts(self) -> list[list[str]]:
        """Return the thoughts that the judge is shown, by answer and turn; empty without any."""
        if not self.judge.show_reasoning:
            return []
        turns = [answer.turns[: self.turn] for answer in self.answers]
        thoughts = [[turn.reasoning or "" for turn in each] for each in turns]
        return thoughts if any(map(any, thoughts)) else []

    def _show(self, turn: AnswerTurn) -> str:
        """Return the text of an answer as the judge sees it."""
        if self.judge.show_reasoning and turn.reasoning:
            return f"[Reasoning]\n{turn.reasoning}\n\n[Answer]\n{turn.text}"
        return turn.text

    def build_request(self, render: RenderTemplate = render_prompt_template) -> Request:
        """Return the backend's request for the judgment.

        Args:
            render: fills a template with variables; the default has no limits of time and memory.

        Raises:
            ConfigError: a template of the prompt fails.
        """
        spec, prompt = self.judge, self.prompt
        reads_probabilities = spec.reading is Reading.PROBABILITIES
        return Request(
            messages=render_judge_prompt(
                prompt,
                self.question,
                [[self._show(turn) for turn in answer.turns] for answer in self.answers],
                self.turn,
                reading=spec.reading,
                render=render,
            ),
            sampling=spec.model.sampling,
            prefill=prompt.prefill if reads_probabilities else "",
            options=list_reply_options(self.kind) if reads_probabilities else (),
            schema=build_reply_schema(prompt) if spec.reading is Reading.JSON else None,
            question_id=self.question.question_id,
            turn=self.turn,
        )

    def build_repair_request(self, request: Request, reply: str) -> Request:
        """Return a request that asks for the decision again, in the same conversation.

        Args:
            request: the request that got the unreadable reply.
            reply: the unreadable reply.
        """
        repair = render_repair_request(self.prompt, self.judge.reading)
        messages = (
            *request.messages,
            Message(role=Role.ASSISTANT, content=reply),
            Message(role=Role.USER, content=repair),
        )
        return replace(request, messages=messages)


def build_judgment(request: JudgmentRequest, completions: Sequence[Completion]) -> Judgment:
    """Return the judgment read from a judge's replies; an unreadable reply is unscored.

    Args:
        request: what the judge was shown.
        completions: its reply, followed by the reply to a repair request if there was one. The
            decision is read from the last reply; all replies are kept and counted.
    """
    if request.kind is JudgmentKind.GRADED:
        return _build_grade(request, completions)
    return _build_game(request, completions)


def needs_repair(request: JudgmentRequest, judgment: Judgment) -> bool:
    """Whether the judge should get a repair request for a readable decision."""
    return bool(request.judge.repairs) and judgment.unscored in _REPAIRABLE


def _select_conclusion(request: JudgmentRequest, last: Completion) -> str:
    return select_conclusion(
        last.text,
        finish_reason=last.finish_reason,
        has_thought=bool(last.reasoning),
        thinks=request.judge.model.thinks,
    )


def _name_cut(last: Completion) -> str | None:
    """Return the server's word for why a reply was cut, or None."""
    is_whole = last.option_probabilities is not None or is_complete_reason(last.finish_reason)
    return None if is_whole else last.finish_reason


def _build_grade(request: JudgmentRequest, completions: Sequence[Completion]) -> GradedJudgment:
    last, (answer,) = completions[-1], request.answers
    decision = read_score(
        request.judge.reading,
        _select_conclusion(request, last),
        probabilities=last.option_probabilities,
        finish_reason=last.finish_reason,
    )
    return GradedJudgment(
        question_id=request.question.question_id,
        turn=request.turn,
        judge=request.judge.name,
        prompt=request.prompt.name,
        model=answer.model,
        sample=answer.sample,
        score=decision.score,
        unscored=decision.unscored,
        reply=join_replies([each.text for each in completions]),
        reasoning=join_thoughts([each.reasoning for each in completions]),
        probabilities=decision.probabilities,
        repaired=len(completions) > 1,
        served=last.served,
        sent=last.sent,
        finish_reason=_name_cut(last),
        usage=reduce(add, (each.usage for each in completions)),
        digest=request.digest(),
    )


def _build_game(request: JudgmentRequest, completions: Sequence[Completion]) -> PairwiseJudgment:
    last, (first, second) = completions[-1], request.answers
    decision = read_verdict(
        request.judge.reading,
        _select_conclusion(request, last),
        probabilities=last.option_probabilities,
        finish_reason=last.finish_reason,
    )
    return PairwiseJudgment(
        question_id=request.question.question_id,
        turn=request.turn,
        judge=request.judge.name,
        prompt=request.prompt.name,
        model_a=first.model,
        model_b=second.model,
        sample=first.sample,
        verdict=decision.verdict,
        strength=decision.strength,
        unscored=decision.unscored,
        reply=join_replies([each.text for each in completions]),
        reasoning=join_thoughts([each.reasoning for each in completions]),
        probabilities=decision.probabilities,
        repaired=len(completions) > 1,
        served=last.served,
        sent=last.sent,
        finish_reason=_name_cut(last),
        usage=reduce(add, (each.usage for each in completions)),
        digest=request.digest(),
    )
