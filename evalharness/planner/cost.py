"""Estimate the tokens, cost and time of a run's calls before any is made.

Texts that exist count by their length. Texts to come are assumed to be as long as those of the same
model in the run's folder, or else as typical answers and judgments of MT-bench. A model that thinks
writes a thought before each of them, as long as in the folder or else as assumed. The upper bound
of the cost assumes replies as long as the settings allow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, partial
from statistics import fmean
from typing import TYPE_CHECKING

from evalharness.backends import find_address, find_backend, render_judge_template
from evalharness.domain import (
    CHARACTERS_PER_TOKEN,
    JudgmentKind,
    Reading,
    RunRecords,
    RunStage,
    estimate_tokens,
)
from evalharness.judge import list_showings, render_judge_prompt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalharness.domain import Answer, JudgeSpec, ModelSpec, Question, RunSpec, Usage

ANSWER_TOKENS = 300
JUDGMENT_TOKENS = 250
THOUGHT_TOKENS = 1000
"""The length of a thought that is assumed where none was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostEstimate:
    """The cost of a model's or judge's calls.

    Attributes:
        stage: answers or judgments.
        name: of the model or judge.
        calls: the number of calls that are missing.
        done: the number of calls that the folder holds.
        prompt_tokens: of the missing calls.
        completion_tokens: of the missing calls, with their thoughts.
        thought_tokens: the part of `completion_tokens` that is expected to be thoughts.
        are_thoughts_assumed: whether no thought of this model was measured.
        is_price_missing: whether the calls cost money and nobody knows how much.
        usd: US dollars; None without prices.
        usd_at_most: US dollars if all replies are as long as allowed; None without prices.
        seconds: the time of the missing calls; None where it is unknown, as of models on this
            machine and of batches. A sum has the time of the parts whose time is known.
        is_time_missing: whether the time of the calls, or of some of them, is unknown.
    """

    stage: RunStage
    name: str
    calls: int
    done: int
    prompt_tokens: float
    completion_tokens: float
    usd: float | None
    usd_at_most: float | None
    seconds: float | None
    thought_tokens: float = 0.0
    are_thoughts_assumed: bool = False
    is_price_missing: bool = False
    is_time_missing: bool = False


def estimate_costs(spec: RunSpec, records: RunRecords | None) -> tuple[CostEstimate, ...]:
    """Return an estimate for each model and judge of a run.

    Args:
        spec: what to run.
        records: what its folder holds, if it exists.
    """
    existing = records or RunRecords(name=spec.name)
    return (
        *(_answer_cost(model, spec, existing) for model in spec.models),
        *(_judgment_cost(judge, spec, existing) for judge in spec.judges),
    )


def _answer_cost(model: ModelSpec, spec: RunSpec, existing: RunRecords) -> CostEstimate:
    answers = {
        (answer.question_id, answer.sample): answer
        for answer in existing.answers
        if answer.model == model.name
    }
    used = [turn.usage for answer in answers.values() for turn in answer.turns]
    calls = [
        call
        for question in spec.questions
        for sample in range(spec.judging.samples)
        for call in _answer_calls(
            model, question, answers.get((question.question_id, sample)), used
        )
    ]
    return _build_estimate(RunStage.ANSWER, model.name, model, calls, used)


@dataclass(frozen=True, slots=True, kw_only=True)
class _CallTokens:
    """The expected tokens of one call, and the largest number that its reply may have."""

    prompt: float
    completion: float
    max_completion: float
    thought: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReplyTokens:
    """The expected tokens of a reply, and of the thought before it."""

    text: float
    thought: float
    is_thought_assumed: bool

    def limit(self, longest: float) -> _ReplyTokens:
        """Return the reply within its limit, which the thought takes first."""
        thought = min(self.thought, longest)
        return replace(self, thought=thought, text=min(self.text, longest - thought))

    @property
    def total(self) -> float:
        """All tokens that are generated."""
        return self.text + self.thought


def _expect_reply(model: ModelSpec, used: Sequence[Usage], default: float) -> _ReplyTokens:
    """Return the mean reply of a model so far, or without one what is usual."""
    counted = [usage for usage in used if usage.completion_tokens is not None]
    thoughts = [usage.reasoning_tokens for usage in counted if usage.reasoning_tokens is not None]
    if not counted:
        thought = float(THOUGHT_TOKENS) if model.thinks else 0.0
        return _ReplyTokens(text=default, thought=thought, is_thought_assumed=model.thinks)
    total = fmean(usage.completion_tokens or 0 for usage in counted)
    thought = min(sum(thoughts) / len(counted), total)
    return _ReplyTokens(text=total - thought, thought=thought, is_thought_assumed=False)


def _answer_calls(
    model: ModelSpec, question: Question, begun: Answer | None, used: Sequence[Usage]
) -> Iterable[_CallTokens]:
    """Yield the calls for the turns that an answer lacks."""
    longest = model.sampling_for(question.category).assumed_max_tokens
    reply = _expect_reply(model, used, ANSWER_TOKENS).limit(longest)
    prompt = estimate_tokens(len(model.system or ""))
    done = begun.turns if begun else ()
    for number, turn in enumerate(question.turns):
        prompt += estimate_tokens(len(turn))
        if number < len(done):
            prompt += estimate_tokens(len(done[number].text))
            continue
        yield _CallTokens(
            prompt=prompt,
            completion=reply.total,
            max_completion=longest,
            thought=reply.thought,
        )
        prompt += reply.text


def _judgment_cost(judge: JudgeSpec, spec: RunSpec, existing: RunRecords) -> CostEstimate:
    judgments = [row for row in existing.judgments if row.judge == judge.name]
    done = {(row.question_id, row.turn, row.sample, row.models) for row in judgments}
    used = [row.usage for row in judgments]
    questions = {question.question_id: question for question in spec.questions}
    answer = "x" * int(CHARACTERS_PER_TOKEN * _mean_answer_tokens(existing))

    render = partial(render_judge_template, limits=judge.model.template_limits)

    @cache
    def prompt_tokens(question_id: str, turn: int, kind: JudgmentKind) -> float:
        shown = [[answer] * turn] * (1 if kind is JudgmentKind.GRADED else 2)
        messages = render_judge_prompt(
            judge.prompts[kind],
            questions[question_id],
            shown,
            turn,
            reading=judge.reading,
            render=render,
        )
        return sum(estimate_tokens(len(message.content)) for message in messages)

    longest = (
        1 if judge.reading is Reading.PROBABILITIES else judge.model.sampling.assumed_max_tokens
    )
    reply = _expect_reply(judge.model, used, JUDGMENT_TOKENS).limit(longest)
    calls = []
    for task, models in list_showings(spec, judge):
        if (task.question_id, task.turn, task.sample, models) in done:
            continue
        kind = JudgmentKind.GRADED if len(models) == 1 else JudgmentKind.PAIRWISE
        prompt = prompt_tokens(task.question_id, task.turn, kind)
        calls.append(
            _CallTokens(
                prompt=prompt,
                completion=reply.total,
                max_completion=longest,
                thought=reply.thought,
            )
        )
    return _build_estimate(RunStage.JUDGE, judge.name, judge.model, calls, used)


def _build_estimate(
    stage: RunStage,
    name: str,
    model: ModelSpec,
    calls: Sequence[_CallTokens],
    used: Sequence[Usage],
) -> CostEstimate:
    prompt = sum(call.prompt for call in calls)
    completion = sum(call.completion for call in calls)
    thought = sum(call.thought for call in calls)
    seconds = _duration_s(model, len(calls), completion, used)
    return CostEstimate(
        stage=stage,
        name=name,
        calls=len(calls),
        done=len(used),
        prompt_tokens=prompt,
        completion_tokens=completion,
        usd=_sum_usd(model, ((call.prompt, call.completion) for call in calls)),
        usd_at_most=_sum_usd(model, ((call.prompt, call.max_completion) for call in calls)),
        seconds=seconds,
        is_time_missing=seconds is None,
        thought_tokens=thought,
        are_thoughts_assumed=bool(thought) and not any(each.completion_tokens for each in used),
        is_price_missing=is_price_missing(model),
    )


def is_price_missing(model: ModelSpec) -> bool:
    """Whether a model is asked at an address where tokens cost money, and its prices are unknown.

    Args:
        model: the model.
    """
    address = find_address(model)
    return address is not None and not address.is_private and not model.prices.is_known


def _sum_usd(model: ModelSpec, calls: Iterable[tuple[float, float]]) -> float | None:
    """Return the price of calls, each with the tokens that it reads and writes; None if unknown."""
    if not model.prices.is_known:
        return None
    return sum(model.usd_for_tokens(prompt, completion) for prompt, completion in calls)


def _duration_s(
    model: ModelSpec, calls: int, completion: float, used: Sequence[Usage]
) -> float | None:
    """Return the time of the calls, made concurrently; None where it cannot be estimated."""
    if not calls:
        return 0.0
    usual = find_backend(model.backend).estimate_call_s(model, completion / calls)
    if model.batch or usual is None:
        return None
    if not usual:
        return 0.0
    known = [usage.seconds for usage in used if usage.seconds]
    return calls * (fmean(known) if known else usual) / min(calls, model.max_concurrency)


def _answer_usage(existing: RunRecords) -> list[Usage]:
    return [turn.usage for answer in existing.answers for turn in answer.turns]


def _mean_answer_tokens(existing: RunRecords) -> float:
    """Return the mean number of tokens of the replies that a judge is shown, without thoughts."""
    counted = [
        usage.completion_tokens - min(usage.reasoning_tokens or 0, usage.completion_tokens)
        for usage in _answer_usage(existing)
        if usage.completion_tokens is not None
    ]
    return fmean(counted) if counted else ANSWER_TOKENS
