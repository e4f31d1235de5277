"""Hypothesis strategies that draw whole runs: small, and with everything that a run may hold."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import TYPE_CHECKING

import yaml
from builders import answer, failure, graded_judgment, pairwise_judgment, question
from hypothesis import Phase, settings
from hypothesis import strategies as st

from evalharness.domain import RunConfig, RunRecords, RunStage, Verdict, Vote, Winner
from evalharness.store import encode_record

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = os.environ.get("EVALHARNESS_EXAMPLES")
run_settings = settings(
    max_examples=int(EXAMPLES or 15),
    derandomize=EXAMPLES is None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
)
"""Few runs, always the same ones; EVALHARNESS_EXAMPLES asks for so many, drawn at random."""

NAMES = ("gpt-4", "Zephyr", "aya", "llama 3", "mistral-7b", "b.1", "ünal", "B.1")


@dataclass(frozen=True)
class RunShape:
    """What a generated run is like.

    Attributes:
        seed: of all that is not named here.
        models: how many.
        questions: how many; some have two turns.
        judges: how many; more than one make a panel.
        samples: answers to each question.
        prompts: how many prompts each judge compares with.
        spread: 0 for equal models; 1 for models that win nearly all against the next.
        missing: the share of judgments that are not there.
        unscored: the share that could not be read.
        ties: the share of verdicts that are ties.
        probabilities: whether verdicts were read by their probabilities.
        baseline: whether only pairs with the first model were compared.
        graded: whether there are grades.
        compared: whether there are games.
        votes: preferences of one showing.
        answered: whether there are answers, some of which were cut, are empty, or failed.
    """

    seed: int
    models: int = 3
    questions: int = 4
    judges: int = 1
    samples: int = 1
    prompts: int = 1
    spread: float = 0.3
    missing: float = 0.0
    unscored: float = 0.0
    ties: float = 0.2
    probabilities: bool = False
    baseline: bool = False
    graded: bool = True
    compared: bool = True
    votes: int = 0
    answered: bool = True


_SHARES = st.sampled_from([0.0, 0.0, 0.1, 0.4])

run_shapes = st.builds(
    RunShape,
    seed=st.integers(0, 2**32),
    models=st.integers(1, 5),
    questions=st.integers(1, 7),
    judges=st.sampled_from([1, 1, 1, 2, 3]),
    samples=st.sampled_from([1, 1, 2]),
    prompts=st.sampled_from([1, 1, 1, 2]),
    spread=st.sampled_from([0.0, 0.3, 0.6, 1.0]),
    missing=_SHARES,
    unscored=_SHARES,
    ties=st.sampled_from([0.0, 0.2, 0.6, 1.0]),
    probabilities=st.booleans(),
    baseline=st.booleans(),
    graded=st.sampled_from([True, True, False]),
    compared=st.sampled_from([True, True, False]),
    votes=st.sampled_from([0, 0, 3, 20]),
    answered=st.sampled_from([True, True, False]),
)
"""Shapes of runs."""


def generate_run(shape: RunShape) -> RunRecords:
    """Return the run of this shape; the same shape gives the same run."""
    rng = random.Random(shape.seed)
    models = rng.sample(NAMES, shape.models)
    questions = tuple(
        question(
            str(number),
            category=rng.choice(["writing", "math", "coding"]),
            turns=("Name a river.", "And a lake.")[: rng.choice([1, 2])],  # texts may be equal
        )
        for number in rng.sample(range(1, 12), shape.questions)
    )
    judges = ["gpt-5", "a judge", "Qwen"][: shape.judges]
    units = [
        (each, turn, judge, sample)
        for each in questions
        for turn in range(1, len(each.turns) + 1)
        for judge in judges
        for sample in range(shape.samples)
    ]
    answers, failures = _answers(rng, shape, questions, models)
    return RunRecords(
        name="generated",
        questions=questions,
        answers=answers,
        graded=_grades(rng, shape, units, models) if shape.graded else (),
        games=_games(rng, shape, units, models) if shape.compared else (),
        votes=tuple(_votes(rng, shape, questions, models)) if len(models) > 1 else (),
        failures=failures,
        config=RunConfig.from_tree(
            {
                "models": {f"m{place}": {"name": name} for place, name in enumerate(models)},
                "judge": {"name": judges[0]},
                "panel": {name.lower(): {"name": name} for name in judges[1:]},
                "judging": {"baseline": models[0] if shape.baseline else None},
                "seed": rng.randrange(9),
            }
        ),
    )


def write_run(folder: Path, records: RunRecords) -> Path:
    """Write a run's files as a run leaves them, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(dict(records.config.tree)), "utf-8")
    for name, rows in (
        ("questions", records.questions),
        ("answers", records.answers),
        ("judgments", records.judgments),
        ("votes", records.votes),
        ("failures", records.failures),
    ):
        lines = [encode_record(row).rstrip() + b"\n" for row in rows]
        (folder / f"{name}.jsonl").write_bytes(b"".join(lines))
    return folder


def _answers(rng, shape, questions, models):
    if not shape.answered:
        return (), ()
    answers, failures = [], []
    for each, model, sample in product(questions, models, range(shape.samples)):
        if rng.random() < shape.missing / 2:
            failures.append(failure(model, each.question_id, stage=RunStage.ANSWER))
            continue
        texts = tuple(rng.choice(["The Danube.", "Yes. " * 20, ""]) for _ in each.turns)
        reason = rng.choice(["stop", "stop", "length"])
        answers.append(
            answer(model, each.question_id, texts=texts, finish_reason=reason, sample=sample)
        )
    return tuple(answers), tuple({row.key: row for row in failures}.values())


def _grades(rng, shape, units, models):
    grades = []
    for (each, turn, judge, sample), (place, model) in product(units, enumerate(models)):
        if rng.random() < shape.missing:
            continue
        score = max(1, min(10, round(rng.gauss(8 - 4 * shape.spread * place, 1.5))))
        score = score - 0.25 if shape.probabilities and score > 1 else score
        is_read = rng.random() >= shape.unscored
        grades.append(
            graded_judgment(
                model,
                each.question_id,
                turn=turn,
                judge=judge,
                sample=sample,
                score=score if is_read else None,
                unscored=None if is_read else "no_mark",
                reply="Rating",
            )
        )
    return tuple(grades)


def _games(rng, shape, units, models):
    games = []
    pairs = [(a, b) for a, b in combinations(range(len(models)), 2) if a == 0 or not shape.baseline]
    for (each, turn, judge, sample), (a, b), prompt in product(units, pairs, range(shape.prompts)):
        for first, second in ((a, b), (b, a)):
            if rng.random() < shape.missing:
                continue
            game = pairwise_judgment(
                models[first],
                models[second],
                each.question_id,
                turn=turn,
                judge=judge,
                sample=sample,
                reply="Verdict",
            )
            games.append(
                replace(
                    game,
                    prompt=f"pair-{prompt}",
                    digest=f"{game.digest}-{prompt}",
                    **_verdict(rng, shape, first < second),
                )
            )
    return tuple(games)


def _verdict(rng, shape, is_stronger):
    if rng.random() < shape.unscored:
        return {"verdict": None, "unscored": "no_mark"}
    chance = min(1.0, 0.55 + 0.45 * shape.spread)
    favored = Verdict.A if is_stronger == (rng.random() < chance) else Verdict.B
    verdict = Verdict.TIE if rng.random() < shape.ties else favored
    if not shape.probabilities:
        return {"verdict": verdict}
    rest = sorted(rng.randrange(31) for _ in range(2))
    shares = [rest[0], rest[1] - rest[0], 60 - rest[1]]  # the last is the largest
    others = [each for each in (Verdict.A, Verdict.B, Verdict.TIE) if each is not verdict]
    return {
        "verdict": verdict,
        "probabilities": {
            str(each): share / 60 for each, share in zip([*others, verdict], shares, strict=True)
        },
    }


def _votes(rng, shape, questions, models):
    for number in range(shape.votes):
        a, b = rng.sample(models, 2)
        each = rng.choice(questions)
        winner = rng.choice([*Winner, None])
        yield Vote(
            question_id=each.question_id,
            turn=rng.randint(1, len(each.turns)),
            judge=rng.choice(["human:ada", "human:bob", "gold", "an old judge"]),
            model_a=a,
            model_b=b,
            winner=winner,
            unscored=None if winner else "no preference",
            digest=f"vote {number}",
        )
