"""Estimate the tokens, cost and time of a run's calls before any is made.

Texts that exist count by their length. Texts to come are assumed to be as long as those of the same
model in the run's folder, or else as typical answers and judgments of MT-bench. The upper bound of
the cost assumes replies as long as the settings allow.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import TYPE_CHECKING

from evalharness.backends import find_backend
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CostEstimate:
    """The cost of a model's or judge's calls.

    Attributes:
        stage: answers or judgments.
        name: of the model or judge.
        calls: the number of calls that are missing.
        done: the number of calls that the folder holds.
        prompt_tokens: of the missing calls.
        completion_tokens: of the missing calls.
        usd: US dollars; None without prices.
        usd_at_most: US dollars if all replies are as long as allowed; None without prices.
        seconds: the time of the missing calls; None for models on this machine and for batches.
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


def _answer_calls(
    model: ModelSpec, question: Question, begun: Answer | None, used: Sequence[Usage]
) -> Iterable[_CallTokens]:
    """Yield the calls for the turns that an answer lacks."""
    longest = model.sampling_for(question.category).assumed_max_tokens
    reply = min(_mean_completion_tokens(used, ANSWER_TOKENS), longest)
    prompt = estimate_tokens(len(model.system or ""))
    done = begun.turns if begun else ()
    for number, turn in enumerate(question.turns):
        prompt += estimate_tokens(len(turn))
        if number < len(done):
            prompt += estimate_tokens(len(done[number].text))
            continue
        yield _CallTokens(prompt=prompt, completion=reply, max_completion=longest)
        prompt += reply


def _judgment_cost(judge: JudgeSpec, spec: RunSpec, existing: RunRecords) -> CostEstimate:
    judgments = [row for row in existing.judgments if row.judge == judge.name]
    done = {(row.question_id, row.turn, row.sample, row.models) for row in judgments}
    used = [row.usage for row in judgments]
    questions = {question.question_id: question for question in spec.questions}
    answer = "x" * int(
        CHARACTERS_PER_TOKEN * _mean_completion_tokens(_answer_usage(existing), ANSWER_TOKENS)
    )

    @cache
    def prompt_tokens(question_id: str, turn: int, kind: JudgmentKind) -> float:
        shown = [[answer] * turn] * (1 if kind is JudgmentKind.GRADED else 2)
        messages = render_judge_prompt(
            judge.prompts[kind], questions[question_id], shown, turn, reading=judge.reading
        )
        return sum(estimate_tokens(len(message.content)) for message in messages)

    longest = (
        1 if judge.reading is Reading.PROBABILITIES else judge.model.sampling.assumed_max_tokens
    )
    reply = min(_mean_completion_tokens(used, JUDGMENT_TOKENS), longest)
    calls = []
    for task, models in list_showings(spec, judge):
        if (task.question_id, task.turn, task.sample, models) in done:
            continue
        kind = JudgmentKind.GRADED if len(models) == 1 else JudgmentKind.PAIRWISE
        prompt = prompt_tokens(task.question_id, task.turn, kind)
        calls.append(_CallTokens(prompt=prompt, completion=reply, max_completion=longest))
    return _build_estimate(RunStage.JUDGE, judge.name, judge.model, calls, used)


def _build_estimate(
    stage: RunStage,
    name: str,
    model: ModelSpec,
    calls: Sequence[_CallTokens],
    used: Sequence[Usage],
) -> CostEstimate:
    is_priced = model.prices.is_known
    prompt = sum(call.prompt for call in calls)
    completion = sum(call.completion for call in calls)
    most = sum(call.max_completion for call in calls)
    return CostEstimate(
        stage=stage,
        name=name,
        calls=len(calls),
        done=len(used),
        prompt_tokens=prompt,
        completion_tokens=completion,
        usd=model.usd_for_tokens(prompt, completion) if is_priced else None,
        usd_at_most=model.usd_for_tokens(prompt, most) if is_priced else None,
        seconds=_duration_s(model, len(calls), completion, used),
    )


def _duration_s(
    model: ModelSpec, calls: int, completion: float, used: Sequence[Usage]
) -> float | None:
    """Return the time of the calls, made concurrently; None where it cannot be estimated."""
    usual = find_backend(model.backend).estimate_call_s(model, completion / max(calls, 1))
    if model.batch or usual is None:
        return None
    if not (calls and usual):
        return 0.0
    known = [usage.seconds for usage in used if usage.seconds]
    return calls * (fmean(known) if known else usual) / min(calls, model.max_concurrency)


def _answer_usage(existing: RunRecords) -> list[Usage]:
    return [turn.usage for answer in existing.answers for turn in answer.turns]


def _mean_completion_tokens(used: Sequence[Usage], default: float) -> float:
    """Return the mean number of tokens of the replies whose tokens were counted."""
    counted = [usage.completion_tokens for usage in used if usage.completion_tokens is not None]
    return fmean(counted) if counted else default
