"""Futures of a run's answers: judgments wait for them while other answers are requested."""

from __future__ import annotations

import asyncio
from itertools import product
from typing import TYPE_CHECKING

from evalharness.runner.answer import answer_digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import Answer, ModelSpec, Question, RunSpec
    from evalharness.judge import GradedTask, PairTask


class AnswerFutures:
    """A future for each answer of a run, by model, question and sample.

    Create it inside the event loop.
    """

    def __init__(self, spec: RunSpec) -> None:
        loop = asyncio.get_running_loop()
        self._futures: dict[tuple[str, str, int], asyncio.Future[Answer | None]] = {}
        self._keys: dict[tuple[str, str, int], str] = {}
        for model, question, sample in product(
            spec.models, spec.questions, range(spec.judging.samples)
        ):
            place = (model.name, question.question_id, sample)
            self._futures[place] = loop.create_future()
            self._keys[place] = answer_digest(model, question, sample, spec.seed)

    def __len__(self) -> int:
        """Return the number of answers."""
        return len(self._futures)

    def key(self, model: ModelSpec, question: Question, sample: int) -> str:
        """Return the digest of an answer."""
        return self._keys[model.name, question.question_id, sample]

    def resolve(
        self, model: ModelSpec, question: Question, sample: int, answer: Answer | None
    ) -> None:
        """Pass an answer to the judgments that wait for it; None if the answer failed."""
        self._futures[model.name, question.question_id, sample].set_result(answer)

    def resolve_all(self, answers: Mapping[str, Answer]) -> None:
        """Resolve all futures by the digests of answers that exist already."""
        for place, future in self._futures.items():
            future.set_result(answers.get(self._keys[place]))

    def cancel(self, model: ModelSpec, question: Question, sample: int) -> None:
        """Cancel the judgments that wait for an answer."""
        self._futures[model.name, question.question_id, sample].cancel()

    async def wait(self, task: GradedTask | PairTask, models: Sequence[str]) -> tuple[Answer, ...]:
        """Return the answers that a task judges, without those that lack its turn."""
        answers = [
            await asyncio.shield(self._futures[model, task.question_id, task.sample])
            for model in models
        ]
        return tuple(answer for answer in answers if answer and len(answer.turns) >= task.turn)
