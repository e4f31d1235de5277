"""Runs of random words; a test inserts texts that a search must find."""

from __future__ import annotations

import random
from dataclasses import replace

from builders import answer, question

from evalharness.domain import AnswerTurn, RunConfig, RunRecords

MODELS = ("one", "two", "three")


def prose(seed: object, words: int = 80) -> str:
    """Return random words; every seed gives a different sequence."""
    rng = random.Random(str(seed))
    letters = ["".join(rng.choices("aeioubdgklmnprst", k=rng.randint(2, 8))) for _ in range(words)]
    return " ".join(letters).capitalize() + "."


def a_run(questions: int = 12, models: tuple[str, ...] = MODELS, **config: object) -> RunRecords:
    """Return questions of two turns with references, and answers that share nothing."""
    asked = [
        question(
            f"q{number}",
            turns=(prose(("asked", number, 1), 30), prose(("asked", number, 2), 20)),
            references=(prose(("reference", number, 1)), prose(("reference", number, 2))),
        )
        for number in range(questions)
    ]
    answers = [
        answer(
            model,
            each.question_id,
            texts=(prose((model, each.question_id, 1)), prose((model, each.question_id, 2))),
        )
        for each in asked
        for model in models
    ]
    return RunRecords(
        name="random",
        questions=tuple(asked),
        answers=tuple(answers),
        config=RunConfig.from_tree({"models": config}),
    )


def with_texts(records: RunRecords, texts: dict[tuple[str, str, int], str]) -> RunRecords:
    """Return a run that contains these texts, given by model, question and turn."""

    def turns(own):
        return tuple(
            AnswerTurn(text=texts.get((own.model, own.question_id, number), turn.text))
            for number, turn in enumerate(own.turns, start=1)
        )

    return replace(
        records, answers=tuple(replace(own, turns=turns(own)) for own in records.answers)
    )
