"""Answered tokens a second beside FastChat's loop: one prompt after another, one turn at a time.

    python tests/performance/local_generation.py [--questions 80] [--tokens 64] [--alone 80] [--threads 2]

Both answer questions of `mt` at both turns with the same model, prompts, temperatures and limits.
Theirs does what `fastchat.llm_judge.gen_model_answer` does with each prompt: transformers'
`generate` with `max_new_tokens`, drawn where the category's temperature is not 0. Its speed does not
depend on the number of questions, so `--alone` may give it fewer, of all categories. On a machine
that others use, compare processor time, with one thread.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from evalharness.backends import render_local_prompt
from evalharness.backends.local.weights import Weights, load_model, load_tokenizer
from evalharness.backends.local_transformers import connect
from evalharness.config import load_settings
from evalharness.domain import Request, Sampling, build_conversation
from evalharness.runner import answer_question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import ModelSpec, Question

MODEL = "smollm2-135m-chat"
SAMPLING = f"+sampling@models.{MODEL}.sampling=mt_bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Tokens, and how long they took by the clock and by the processor."""

    tokens: int
    seconds: float
    processor_s: float
    greedy: dict[str, list[str]]

    def __str__(self) -> str:
        """Return both speeds."""
        return (
            f"{self.tokens} tokens, {self.tokens / self.seconds:.1f} a second, "
            f"{self.tokens / self.processor_s:.1f} a processor second"
        )


async def ours(model: ModelSpec, questions: Sequence[Question]) -> Written:
    """Return what our batches write for all questions at once, loading left out."""
    backend = connect(model)
    first = build_conversation(questions[0].turns[:1], [])
    await backend.complete(Request(messages=first, sampling=Sampling(max_tokens=1)))  # loads
    began, began_s = time.perf_counter(), time.process_time()
    settings = {"sample": 0, "seed": 0, "begun": None, "keep": lambda _answer: None}
    found = await asyncio.gather(
        *(answer_question(each, model, backend, **settings) for each in questions)
    )
    seconds, processor_s = time.perf_counter() - began, time.process_time() - began_s
    await backend.close()
    texts = {each.question_id: [turn.text for turn in each.turns] for each in found}
    return Written(
        tokens=sum(turn.completion_tokens or 0 for each in found for turn in each.turns),
        seconds=seconds,
        processor_s=processor_s,
        greedy={each.question_id: texts[each.question_id] for each in greedy(model, questions)},
    )


def greedy(model: ModelSpec, questions: Sequence[Question]) -> list[Question]:
    """Return the questions to which no text is drawn at random."""
    return [each for each in questions if model.sampling_for(each.category).temperature == 0]


def theirs(spec: ModelSpec, questions: Sequence[Question]) -> Written:
    """Return what `generate` writes, one prompt after another."""
    model: Any = load_model(Weights.of(spec))
    tokenizer = load_tokenizer(Weights.of(spec))
    tokens, texts = 0, {}
    began, began_s = time.perf_counter(), time.process_time()
    for question in questions:
        torch.manual_seed(0)
        sampling, replies = spec.sampling_for(question.category), []
        drawn = {"do_sample": False}
        if sampling.temperature > 0:
            drawn = {"do_sample": True, "temperature": sampling.temperature, "top_k": 0}
        for turn in range(1, len(question.turns) + 1):
            messages = build_conversation(question.turns[:turn], replies, spec.system)
            text = render_local_prompt(spec, messages)
            prompt = tokenizer(text, add_special_tokens=False, return_tensors="pt")
            with torch.inference_mode():
                output = model.generate(**prompt, max_new_tokens=sampling.max_tokens, **drawn)
            reply = output[0, prompt["input_ids"].shape[1] :]
            tokens += len(reply)
            replies.append(tokenizer.decode(reply, skip_special_tokens=True).strip())
        texts[question.question_id] = replies
    return Written(
        tokens=tokens,
        seconds=time.perf_counter() - began,
        processor_s=time.process_time() - began_s,
        greedy={each.question_id: texts[each.question_id] for each in greedy(spec, questions)},
    )


def main() -> None:
    """Print both speeds and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=80)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--alone", type=int, default=80)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    limits = (
        f"questions.limit={asked.questions}",
        f"models.{MODEL}.sampling.max_tokens={asked.tokens}",
    )
    run = load_settings([f"models=[{MODEL}]", SAMPLING, "questions=mt", *limits]).run
    (model,), questions = run.models, run.questions
    some = questions[:: max(1, len(questions) // asked.alone)][: asked.alone]
    mine, other = asyncio.run(ours(model, questions)), theirs(model, some)
    same = sum(mine.greedy[key] == other.greedy[key] for key in other.greedy)
    wall = mine.tokens / mine.seconds / (other.tokens / other.seconds)
    processor = mine.tokens / mine.processor_s / (other.tokens / other.processor_s)
    sys.stdout.write(
        f"batched        {mine}\n"
        f"one at a time  {other}\n"
        f"ratio          {wall:.1f} by the clock, {processor:.1f} by the processor\n"
        f"same answers   {same} of the {len(other.greedy)} that are greedy\n"
    )


if __name__ == "__main__":
    main()
