"""What a run's calls would use and cost, before any is made.

Texts that are there count as they are; of those to come it is assumed that they are as long as
those that the run's folder has of the same model, or else as MT-bench's answers and judgments
usually are. The most is reckoned with replies as long as the settings allow.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import TYPE_CHECKING

from evalharness.backends import find_backend
from evalharness.domain import JudgmentKind, Reading, RunRecords, RunStage
from evalharness.judge import list_showings, render_judge_prompt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalharness.domain import Answer, JudgeSpec, ModelSpec, Question, RunSpec, Usage

CHARACTERS_PER_TOKEN = 4  # of English, as OpenAI's documentation has it
ANSWER_TOKENS = 300
JUDGMENT_TOKENS = 250
# An endpoint of 2024: half a second to the first token, then 60 tokens a second.
_FIRST_TOKEN_S = 0.5
_TOKENS_PER_SECOND = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CostEstimate:
    """What a model's or judge's calls would take; None where it cannot be said.

    `calls` are those that are missing, `done` those that the folder holds.
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
        records: what its folder holds, if there is one.
    """
    there = records or RunRecords(name=spec.name)
    return (
        *(_answer_cost(model, spec, there) for model in spec.models),
        *(_judgment_cost(judge, spec, there) for judge in spec.judges),
    )


def _answer_cost(model: ModelSpec, spec: RunSpec, there: RunRecords) -> CostEstimate:
    own = {
        (answer.question_id, answer.sample): answer
        for answer in there.answers
        if answer.model == model.name
    }
    used = [turn.usage for answer in own.values() for turn in answer.turns]
    calls = [
        call
        for question in spec.questions
        for sample in range(spec.judging.samples)
        for call in _answer_calls(model, question, own.get((question.question_id, sample)), used)
    ]
    return _build_estimate(RunStage.ANSWER, model.name, model, calls, used)


@dataclass(frozen=True, slots=True, kw_only=True)
class _CallTokens:
    prompt: float
    completion: float
    most: float


def _answer_calls(
    model: ModelSpec, question: Question, begun: Answer | None, used: Sequence[Usage]
) -> Iterable[_CallTokens]:
    """Yield the calls for the turns that an answer lacks."""
    most = model.sampling_for(question.category).max_tokens
    reply = min(_mean_completion_tokens(used, ANSWER_TOKENS), most)
    said = _estimate_tokens(model.system or "")
    done = begun.turns if begun else ()
    for number, turn in enumerate(question.turns):
        said += _estimate_tokens(turn)
        if number < len(done):
            said += _estimate_tokens(done[number].text)
            continue
        yield _CallTokens(prompt=said, completion=reply, most=most)
        said += reply


def _judgment_cost(judge: JudgeSpec, spec: RunSpec, there: RunRecords) -> CostEstimate:
    own = [row for row in there.judgments if row.judge == judge.name]
    done = {(row.question_id, row.turn, row.sample, row.models) for row in own}
    used = [row.usage for row in own]
    questions = {question.question_id: question for question in spec.questions}
    answer = "x" * int(
        CHARACTERS_PER_TOKEN * _mean_completion_tokens(_answer_usage(there), ANSWER_TOKENS)
    )

    @cache
    def prompt_tokens(question_id: str, turn: int, kind: JudgmentKind) -> float:
        shown = [[answer] * turn] * (1 if kind is JudgmentKind.GRADED else 2)
        messages = render_judge_prompt(
            judge.prompts[kind], questions[question_id], shown, turn, reading=judge.reading
        )
        return sum(_estimate_tokens(message.content) for message in messages)

    most = 1 if judge.reading is Reading.PROBABILITIES else judge.model.sampling.max_tokens
    reply = min(_mean_completion_tokens(used, JUDGMENT_TOKENS), most)
    calls = []
    for task, models in list_showings(spec, judge):
        if (task.question_id, task.turn, task.sample, models) in done:
            continue
        kind = JudgmentKind.GRADED if len(models) == 1 else JudgmentKind.PAIRWISE
        prompt = prompt_tokens(task.question_id, task.turn, kind)
        calls.append(_CallTokens(prompt=prompt, completion=reply, most=most))
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
    most = sum(call.most for call in calls)
    return CostEstimate(
        stage=stage,
        name=name,
        calls=len(calls),
        done=len(used),
        prompt_tokens=prompt,
        completion_tokens=completion,
        usd=model.usd_of(prompt, completion) if is_priced else None,
        usd_at_most=model.usd_of(prompt, most) if is_priced else None,
        seconds=_duration_s(model, len(calls), completion, used),
    )


def _duration_s(
    model: ModelSpec, calls: int, completion: float, used: Sequence[Usage]
) -> float | None:
    """Return the time that the calls would take, many at once; None for a model on this machine."""
    if model.batch or find_backend(model.backend).occupies(model) is not None:
        return None
    if not calls or model.backend != "openai_compatible":
        return 0.0
    usual = _FIRST_TOKEN_S + completion / calls / _TOKENS_PER_SECOND
    known = [usage.seconds for usage in used if usage.seconds]
    return calls * (fmean(known) if known else usual) / min(calls, model.most_at_once)


def _answer_usage(there: RunRecords) -> list[Usage]:
    return [turn.usage for answer in there.answers for turn in answer.turns]


def _mean_completion_tokens(used: Sequence[Usage], otherwise: float) -> float:
    """Return the mean length of replies, as far as they were counted."""
    counted = [usage.completion_tokens for usage in used if usage.completion_tokens is not None]
    return fmean(counted) if counted else otherwise


def _estimate_tokens(text: str) -> float:
    return len(text) / CHARACTERS_PER_TOKEN
