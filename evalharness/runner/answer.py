"""Request a model's answer to a question, turn by turn; each turn is stored before the next one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalharness.domain import Answer, AnswerTurn, Request, build_conversation, compute_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalharness.domain import Backend, ModelSpec, Question, Sampling


def sampling_for_answer(model: ModelSpec, question: Question, sample: int, seed: int) -> Sampling:
    """Return the sampling settings of one answer.

    Random sampling gets a seed that is derived from the run's, unless the settings have one or want
    none. Where the server decides on the temperature, sampling is random too.
    """
    sampling = model.sampling_for(question.category)
    if sampling.temperature == 0 or sampling.seed is not None or sampling.seedless:
        return sampling
    derived = int(compute_digest([seed, model.name, question.question_id, sample])[:8], 16) >> 1
    return replace(sampling, seed=derived)


def answer_digest(model: ModelSpec, question: Question, sample: int, seed: int) -> str:
    """Return the key of an answer: the model, the question, and the sampling that decides its text.

    The question's id is part of the key: two questions of the same text have their own answers.
    """
    sampling = sampling_for_answer(model, question, sample, seed)
    asked = [question.question_id, list(question.turns)]
    return compute_digest([model.identity(), asked, sample, sampling.seed])


async def answer_question(
    question: Question,
    model: ModelSpec,
    backend: Backend,
    *,
    sample: int,
    seed: int,
    begun: Answer | None,
    keep: Callable[[Answer], None],
) -> Answer:
    """Return the answer. Only the turns that `begun` lacks are requested.

    Args:
        question: the question.
        model: the model.
        backend: the connection to the model.
        sample: the number of the answer among several to the same question, from 0.
        seed: the seed of the run.
        begun: the first turns, if an earlier run requested them.
        keep: is called with the unfinished answer after every turn, before the next request.

    Raises:
        BackendError: a request failed; the turns before it are kept.
    """
    sampling = sampling_for_answer(model, question, sample, seed)
    turns = begun.turns if begun else ()
    while len(turns) < len(question.turns):
        number = len(turns) + 1
        completion = await backend.complete(
            Request(
                messages=build_conversation(
                    question.turns[:number],
                    [turn.text for turn in turns],
                    model.system,
                    [turn.reasoning for turn in turns],
                ),
                sampling=sampling,
                question_id=question.question_id,
                turn=number,
                sample=sample,
            )
        )
        turns = (*turns, AnswerTurn.from_completion(completion))
        begun = Answer(
            question_id=question.question_id,
            model=model.name,
            sample=sample,
            turns=turns,
            digest=answer_digest(model, question, sample, seed),
        )
        keep(begun)
    if begun is None:
        msg = f"a question without turns: {question}"
        raise ValueError(msg)
    return begun
