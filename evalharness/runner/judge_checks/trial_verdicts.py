"""Ask each judge behind an endpoint for one verdict on a fixed pair, before answers are paid for.

The pair is shown with the judge's own prompts, and the reply is read as configured. So a wrong
name, key or field, or a reading that the server does not offer, costs one call and not a run.
Every reply is kept in the run's folder and counted in its usage. A judge that gave a verdict there,
or that has judged in this run, is not asked again.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalharness.backends import find_address
from evalharness.domain import (
    Answer,
    AnswerTurn,
    JudgmentKind,
    Question,
    Reading,
    RequestRules,
    escape_to_one_line,
    is_refusal_reason,
    list_request_rules,
)
from evalharness.errors import BackendError, ConfigError, PermanentError, RunStoppedError
from evalharness.judge import JudgmentRequest, UnscoredReason
from evalharness.runner.judgment import request_judgment
from evalharness.store import add_trial, read_manifest, read_trials

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence

    from evalharness.domain import Backend, JudgeSpec, JudgingSpec, Judgment, ModelSpec
    from evalharness.store import RunFolder

_LONGEST_WAIT_S = 120.0
"""After so long the run begins; a server that is slow or away for a while is no wrong setting."""

_MAX_SHOWN_CHARS = 200
_QUESTION = Question(
    question_id="trial",
    category="trial",
    turns=("Which planet of the solar system is the largest? Answer in one sentence.",),
)
_ANSWERS = tuple(
    Answer(question_id="trial", model=f"trial-{name}", turns=(AnswerTurn(text=text),), digest=name)
    for name, text in (
        ("right", "Jupiter is the largest planet of the solar system."),
        ("wrong", "The largest planet of the solar system is Mercury."),
    )
)


async def try_judges(
    judges: Sequence[JudgeSpec],
    judging: JudgingSpec,
    folder: RunFolder,
    connect: Callable[[ModelSpec], Backend],
) -> None:
    """Ask the judges that have said nothing in this run, all at the same time.

    Args:
        judges: the judges of the run.
        judging: what they judge.
        folder: the run's folder, where verdicts are kept.
        connect: returns the backend of a model, past all caches.

    Raises:
        ConfigError: a server refuses the request, or no verdict can be read from the reply.
    """
    passed = {row.digest for row in read_trials(folder.path) if row.unscored is None}
    known = {row.judge for row in folder.judgments.values()}
    requests = [
        _build_request(judge, judging)
        for judge in judges
        if judge.trial and judge.name not in known and find_address(judge.model) is not None
    ]
    missing = [request for request in requests if request.digest() not in passed]
    backends = [connect(request.judge.model) for request in missing]
    try:
        asked = await _await_all(
            _try_judge(request, folder, backend)
            for request, backend in zip(missing, backends, strict=True)
        )
    finally:
        for backend in backends:
            await backend.close()
    if refusals := list(filter(None, asked)):
        raise ConfigError("\n".join(refusals))


async def _await_all(works: Iterable[Coroutine[Any, Any, str | None]]) -> list[str | None]:
    """Return what the trials say that end in time; the others are given up."""
    tasks = [asyncio.create_task(work) for work in works]
    if not tasks:
        return []
    try:
        await asyncio.wait(tasks, timeout=_LONGEST_WAIT_S)
        return [task.result() for task in tasks if task.done() and not task.cancelled()]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _build_request(judge: JudgeSpec, judging: JudgingSpec) -> JudgmentRequest:
    """Return the request for a verdict; a live one, also where judgments go in batches."""
    live = replace(judge, model=replace(judge.model, batch=False))
    is_pairwise = judging.pairwise and JudgmentKind.PAIRWISE in judge.prompts
    return JudgmentRequest(
        judge=live, question=_QUESTION, turn=1, answers=_ANSWERS if is_pairwise else _ANSWERS[:1]
    )


async def _try_judge(request: JudgmentRequest, folder: RunFolder, backend: Backend) -> str | None:
    """Request a verdict and keep it; return why the judge is refused, or None."""
    try:
        judgment = await request_judgment(request, backend)
    except RunStoppedError:  # the budget or the user ended the run, which ends by itself
        return None
    except PermanentError as error:
        return _describe_refusal(request.judge, f"its server refuses a trial verdict: {error}")
    except BackendError:  # the server may be back in a moment; the run waits for it as usual
        return None
    add_trial(folder.path, judgment)
    rules = list_request_rules(read_manifest(folder.path), "judges").get(request.judge.name)
    return _explain_unreadable(request.judge, judgment, rules or RequestRules())


def _explain_unreadable(judge: JudgeSpec, judgment: Judgment, rules: RequestRules) -> str | None:
    """Return why a reply gives no verdict; None if it does."""
    if judgment.unscored is None:
        return None
    shown = escape_to_one_line(judgment.reply[-_MAX_SHOWN_CHARS:])
    if is_refusal_reason(judgment.finish_reason):
        said = f"it refused to judge the trial pair: {shown!r} ({judgment.finish_reason})"
        return _describe_refusal(judge, said, "choose another judge or prompt")
    place = "judge.model.sampling.max_tokens"
    if judgment.unscored == UnscoredReason.TRUNCATED and rules.max_tokens is not None:
        said = f"its trial reply was cut at {rules.max_tokens} tokens, the most its server allows"
        return _describe_refusal(judge, said, "choose another judge, or let it think less")
    if judgment.unscored in (UnscoredReason.TRUNCATED, UnscoredReason.EMPTY):
        said = "cut" if judgment.unscored == UnscoredReason.TRUNCATED else "empty"
        limit = judge.model.sampling.max_tokens
        return _describe_refusal(
            judge, f"its trial reply was {said} ({place}={limit})", f"raise {place}"
        )
    said = f"no verdict can be read from its trial reply ({judgment.unscored}): {shown!r}"
    others = [] if judge.reading is Reading.JSON else ["judge.reading=json"]
    others += [] if judge.repairs or judge.reading is Reading.PROBABILITIES else ["judge.repairs=1"]
    choices = ", ".join(["another judge or prompt", *others])
    return _describe_refusal(
        judge, said, f"run the same command to ask again, or try one of: {choices}"
    )


def _describe_refusal(judge: JudgeSpec, said: str, remedy: str = "") -> str:
    address = find_address(judge.model)
    place = f" ({address.name} at {address.urls[0]})" if address else ""
    remedy = (
        remedy
        or "correct judge.model.api_name, judge.model.base_url, judge.model.api_key_env or the refused setting"
    )
    return (
        f"judge {judge.name}{place}: {said}\n"
        f"no answers were requested; {remedy}, or skip this check (judge.trial=false)"
    )
