"""Verdicts read from probabilities beside verdicts that the judge writes, on one judging load.

    python tests/performance/local_verdicts.py [--questions 4] [--tokens 200] [--alone 6] [--threads 1]

Four variants of the embedded model answer questions of `mt` at both turns, and the embedded model
compares every pair in both orders three times: with its own short prompt, whose verdict is read;
with the stock prompt, which asks for reasons, written by our batches in up to 256 tokens; and some
of the latter by transformers' `generate`, one after another. What is compared is processor time, by
one thread unless told otherwise, as others may use the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from evalharness.backends import render_local_prompt
from evalharness.backends.local.weights import Weights, load_model, load_tokenizer
from evalharness.backends.local_transformers import connect
from evalharness.config import load_settings
from evalharness.judge import JudgmentRequest, list_showings, render_judge_prompt
from evalharness.runner import answer_question, request_judgment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import Answer, Judgment, ModelSpec, Question, RunSpec

    Judged = tuple[float, list[Judgment]]

RUN = (
    "models=[smollm2-135m-chat,smollm2-135m-plain,smollm2-135m-sampled]",
    *("questions=mt", "judge=embedded", "judging=pairwise"),
)
WRITTEN = (
    *("judge.reading=text", "prompts@judge.prompts.pairwise=pairwise"),
    "judge.model.sampling.max_tokens=256",
)


def load(questions: int, tokens: int, *overrides: str) -> RunSpec:
    """Return the run: three stock variants, and one at a higher temperature."""
    spec = load_settings([*RUN, f"questions.limit={questions}", *overrides]).run
    last = spec.models[-1]
    hot = replace(last, name="hot", sampling=replace(last.sampling, temperature=1.0))
    models = (
        replace(each, sampling=replace(each.sampling, max_tokens=tokens))
        for each in (*spec.models, hot)
    )
    return replace(spec, models=tuple(models))


async def answer(model: ModelSpec, questions: Sequence[Question]) -> list[Answer]:
    """Return a model's answers."""
    backend = connect(model)
    settings = {"sample": 0, "seed": 0, "begun": None, "keep": lambda _answer: None}
    found = await asyncio.gather(
        *(answer_question(each, model, backend, **settings) for each in questions)
    )
    await backend.close()
    return found


def games_of(spec: RunSpec, answers: Sequence[Answer]) -> list[JudgmentRequest]:
    """Return all that the judge is shown: every pair in both orders at both turns."""
    (judge,) = spec.judges
    questions = {each.question_id: each for each in spec.questions}
    found = {(each.model, each.question_id): each for each in answers}
    return [
        JudgmentRequest(
            judge=judge,
            question=questions[task.question_id],
            turn=task.turn,
            answers=tuple(found[name, task.question_id] for name in names),
        )
        for task, names in list_showings(spec, judge)
    ]


async def measure(read: RunSpec, written: RunSpec) -> tuple[list[JudgmentRequest], Judged, Judged]:
    """Return the games as written, and both ways' seconds and judgments, loading left out."""
    backend = connect(read.judges[0].model)  # the candidates' weights
    found = await asyncio.gather(*(answer(each, read.questions) for each in read.models))
    answers = [each for several in found for each in several]
    ways = []
    for spec in (read, written):
        games = games_of(spec, answers)
        began = time.process_time()
        judgments = await asyncio.gather(*(request_judgment(each, backend) for each in games))
        ways.append((time.process_time() - began, judgments))
    await backend.close()
    return games, *ways


def one_at_a_time(games: Sequence[JudgmentRequest]) -> tuple[float, int]:
    """Return the seconds and tokens of `generate`, one verdict after another."""
    spec = games[0].judge.model
    model, tokenizer = load_model(Weights.of(spec)), load_tokenizer(Weights.of(spec))
    tokens, began = 0, time.process_time()
    for game in games:
        texts = [[turn.text for turn in answer.turns] for answer in game.answers]
        messages = render_judge_prompt(
            game.judge.prompts[game.kind], game.question, texts, game.turn
        )
        text = render_local_prompt(spec, messages)
        prompt = tokenizer(text, add_special_tokens=False, return_tensors="pt")
        with torch.inference_mode():
            limit = spec.sampling.max_tokens
            output = model.generate(**prompt, max_new_tokens=limit, do_sample=False)
        tokens += output.shape[1] - prompt["input_ids"].shape[1]
    return time.process_time() - began, tokens


def main() -> None:
    """Print the seconds of a verdict each way, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--alone", type=int, default=6)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    sizes = asked.questions, asked.tokens
    games, read, written = asyncio.run(measure(load(*sizes), load(*sizes, *WRITTEN)))
    some = games[:: max(1, len(games) // asked.alone)][: asked.alone]
    alone_s, alone_tokens = one_at_a_time(some)
    (read_s, verdicts), (written_s, replies) = read, written
    one, batched, alone = read_s / len(games), written_s / len(games), alone_s / len(some)
    prompt, known = (
        sum(getattr(each.usage, name) for each in verdicts) / len(games)
        for name in ("prompt_tokens", "cached_tokens")
    )
    length = sum(each.usage.completion_tokens for each in replies) / len(games)
    sys.stdout.write(
        f"games            {len(games)}\n"
        f"read             {one:7.2f} s a verdict: {prompt:.0f} tokens, {known:.0f} of them known\n"
        f"written together {batched:7.2f} s a verdict of {length:.0f} tokens\n"
        f"written alone    {alone:7.2f} s a verdict of {alone_tokens / len(some):.0f} tokens\n"
        f"ratios           {batched / one:7.1f} {alone / one:7.1f}\n"
    )


if __name__ == "__main__":
    main()
