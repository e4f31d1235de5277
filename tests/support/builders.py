"""Build records of the domain, with defaults for the fields that a test does not name."""

from __future__ import annotations

import dataclasses
import random
from itertools import combinations
from typing import TYPE_CHECKING, Any

from evalharness.analysis import Leaderboard, LeaderboardRow, ModelPairRow
from evalharness.backends import find_backend
from evalharness.domain import (
    Answer,
    AnswerTurn,
    Battle,
    Failure,
    GradedJudgment,
    ModelSpec,
    PairwiseJudgment,
    Question,
    RunConfig,
    RunRecords,
    RunStage,
    Usage,
    Verdict,
    Vote,
    Winner,
    compute_digest,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

MODELS = (
    "vicuna-13b",
    "koala-13b",
    "alpaca-7b",
    "llama-13b",
    "dolly-12b",
    "mpt-30b",
    "oasst-12b",
    "fastchat-3b",
    "chatglm-6b",
    "stablelm-7b",
    "rwkv-14b",
    "falcon-40b",
)
CATEGORIES = (
    "writing",
    "roleplay",
    "reasoning",
    "math",
    "coding",
    "extraction",
    "stem",
    "humanities",
)
JUDGE = "gpt-4"
WORDS = tuple(
    """
    the answer follows from a simple idea and we check each step with care before we move on
    because a small slip early makes every later number wrong so write it down and read it again
    """.split()  # noqa: SIM905 - a sentence reads better than forty strings
)


def question(
    question_id: str = "81",
    *,
    category: str = "writing",
    turns: Sequence[str] = ("Write about Hawaii.", "Now begin every sentence with A."),
    references: Sequence[str | None] = (),
) -> Question:
    """Return a question of two turns."""
    return Question(
        question_id=question_id,
        category=category,
        turns=tuple(turns),
        references=tuple(references),
    )


def answer(
    model: str = "vicuna-13b",
    question_id: str = "81",
    *,
    texts: Sequence[str] = ("Aloha.", "A day on the beach."),
    finish_reason: str | None = "stop",
    sample: int = 0,
) -> Answer:
    """Return a finished answer; `finish_reason` is that of every turn."""
    used = [usage(len(text) // 4) for text in texts]
    return Answer(
        question_id=question_id,
        model=model,
        sample=sample,
        turns=tuple(
            AnswerTurn(
                text=text,
                finish_reason=finish_reason,
                prompt_tokens=own.prompt_tokens,
                completion_tokens=own.completion_tokens,
                cached_tokens=own.cached_tokens,
                seconds=own.seconds,
            )
            for text, own in zip(texts, used, strict=True)
        ),
        digest=compute_digest([question_id, model, sample]),
    )


def usage(completion_tokens: int | None = 40, prompt_tokens: int | None = 120) -> Usage:
    """Return the tokens and time of one call."""
    seconds = (completion_tokens or 0) / 50
    return Usage(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens, seconds=seconds)


def graded_judgment(
    model: str = "vicuna-13b",
    question_id: str = "81",
    *,
    turn: int = 1,
    score: float | None = 7,
    unscored: str | None = None,
    judge: str = JUDGE,
    reply: str | None = None,
    sample: int = 0,
) -> GradedJudgment:
    """Return one grade; `score=None` with `unscored` is a reply that could not be read."""
    return GradedJudgment(
        question_id=question_id,
        turn=turn,
        judge=judge,
        prompt="single-v1",
        model=model,
        sample=sample,
        score=score,
        unscored=unscored,
        reply=reply if reply is not None else f"Clear and correct. Rating: [[{score}]]",
        usage=usage(),
        digest=compute_digest([question_id, turn, judge, model, sample]),
    )


def pairwise_judgment(
    model_a: str = "vicuna-13b",
    model_b: str = "alpaca-7b",
    question_id: str = "81",
    *,
    turn: int = 1,
    verdict: Verdict | None = Verdict.A,
    unscored: str | None = None,
    judge: str = JUDGE,
    reply: str | None = None,
    sample: int = 0,
) -> PairwiseJudgment:
    """Return one game, `model_a` shown first."""
    return PairwiseJudgment(
        question_id=question_id,
        turn=turn,
        judge=judge,
        prompt="pair-v2",
        model_a=model_a,
        model_b=model_b,
        sample=sample,
        verdict=verdict,
        unscored=unscored,
        reply=reply if reply is not None else f"After comparing both: [[{verdict}]]",
        usage=usage(),
        digest=compute_digest([question_id, turn, judge, model_a, model_b, sample]),
    )


def battle(
    model_a: str = "vicuna-13b",
    model_b: str = "alpaca-7b",
    question_id: str = "81",
    *,
    winner: Winner = Winner.MODEL_A,
    turn: int = 1,
    judge: str = JUDGE,
    sample: int = 0,
) -> Battle:
    """Return one settled battle."""
    return Battle(
        question_id=question_id,
        turn=turn,
        judge=judge,
        model_a=model_a,
        model_b=model_b,
        sample=sample,
        winner=winner,
    )


def a_vote(
    model_a: str = "vicuna-13b",
    model_b: str = "alpaca-7b",
    *,
    judge: str = "human",
    winner: Winner | None = Winner.MODEL_A,
    question_id: str = "81",
    digest: str = "vote",
) -> Vote:
    """Return a vote."""
    return Vote(
        question_id=question_id,
        judge=judge,
        model_a=model_a,
        model_b=model_b,
        winner=winner,
        digest=digest,
    )


def failure(
    model: str = "vicuna-13b",
    question_id: str = "81",
    *,
    stage: RunStage = RunStage.ANSWER,
    reason: str = "timeout",
    turn: int | None = 1,
) -> Failure:
    """Return one failure."""
    return Failure(
        stage=stage,
        key=compute_digest([model, question_id, turn]),
        model=model,
        question_id=question_id,
        turn=turn,
        reason=reason,
        detail="no reply within 600 s",
        attempts=8,
    )


def a_run(
    models: int = 3,
    questions: int = 8,
    *,
    seed: int = 0,
    graded: bool = True,
    pairwise_games: bool = True,
    manifest: dict[str, Any] | None = None,
) -> RunRecords:
    """Return a whole run in which earlier models of `MODELS` tend to be better."""
    rng = random.Random(seed)
    names = MODELS[:models]
    asked = tuple(
        question(
            str(81 + number),
            category=CATEGORIES[number % len(CATEGORIES)],
            turns=(_sentence(rng, 20), _sentence(rng, 12)),
            references=(_sentence(rng, 15), None) if number % 4 == 2 else (),
        )
        for number in range(questions)
    )
    return RunRecords(
        name="demo",
        questions=asked,
        answers=tuple(
            answer(name, each.question_id, texts=(_prose(rng), _prose(rng)))
            for each in asked
            for name in names
        ),
        graded=tuple(_grades(rng, asked, names)) if graded else (),
        games=tuple(_games(rng, asked, names)) if pairwise_games else (),
        config=RunConfig.from_tree(
            {"models": {name: {} for name in names}, "judge": {"name": JUDGE}, "seed": seed}
        ),
        manifest=manifest or {"seeds": {"run": seed}, "evalharness": "0.1.0"},
    )


def a_leaderboard(models: int = 3, **settings: Any) -> Leaderboard:
    """Return a plausible table by hand: each model is 60 rating points below the one before."""
    names = MODELS[:models]
    rows = tuple(_row(names, place) for place in range(models))
    pairs = tuple(
        ModelPairRow(
            model_a=names[a],
            model_b=names[b],
            win_rate=0.5 + 0.04 * (b - a),
            low=0.5 + 0.04 * (b - a) - 0.07,
            high=min(1.0, 0.5 + 0.04 * (b - a) + 0.07),
            wins=8 + b - a,
            losses=8 - (b - a) // 2,
            ties=4,
        )
        for a, b in combinations(range(models), 2)
    )
    return Leaderboard(**{"rows": rows, "pairs": pairs, **settings})


def _row(names: Sequence[str], place: int) -> LeaderboardRow:
    rating = 1000 + 30 * (len(names) - 1) - 60 * place
    win_rate = 0.75 - 0.5 * place / max(len(names) - 1, 1)
    score = 8.2 - 0.5 * place
    return LeaderboardRow(
        model=names[place],
        rank=place + 1,
        rank_low=max(1, place),
        rank_high=min(len(names), place + 2),
        rating=rating,
        rating_low=rating - 55,
        rating_high=rating + 58,
        win_rate=win_rate,
        win_rate_low=win_rate - 0.08,
        win_rate_high=win_rate + 0.08,
        score=score,
        score_low=score - 0.4,
        score_high=score + 0.4,
        score_by_turn={1: score + 0.2, 2: score - 0.2},
        score_by_category={
            category: score + 0.3 * (number % 5) - 0.6 for number, category in enumerate(CATEGORIES)
        },
        battles=32,
        graded=16,
    )


def _grades(
    rng: random.Random, questions: Sequence[Question], models: Sequence[str]
) -> list[GradedJudgment]:
    return [
        graded_judgment(
            model,
            each.question_id,
            turn=turn,
            score=(score := max(1, min(10, round(rng.gauss(8.2 - 0.5 * place, 1.6))))),
            reply=f"{_sentence(rng, 40)} Rating: [[{score}]]",
        )
        for each in questions
        for place, model in enumerate(models)
        for turn in (1, 2)
    ]


def _games(
    rng: random.Random, questions: Sequence[Question], models: Sequence[str]
) -> list[PairwiseJudgment]:
    games = []
    for each in questions:
        for a, b in combinations(sorted(models), 2):
            stronger = models.index(a) < models.index(b)
            for turn in (1, 2):
                for first, second in ((a, b), (b, a)):
                    favored = stronger if first == a else not stronger
                    verdict = _verdict(rng, favored=favored)
                    reply = f"{_sentence(rng, 50)} [[{'C' if verdict is Verdict.TIE else verdict}]]"
                    games.append(
                        pairwise_judgment(
                            first, second, each.question_id, turn=turn, verdict=verdict, reply=reply
                        )
                    )
    return games


def _verdict(rng: random.Random, *, favored: bool) -> Verdict:
    draw = rng.random()
    if draw < 0.15:
        return Verdict.TIE
    return Verdict.A if (draw < 0.75) == favored else Verdict.B


def _sentence(rng: random.Random, words: int) -> str:
    return " ".join(rng.choices(WORDS, k=words)).capitalize() + "."


def _prose(rng: random.Random) -> str:
    paragraphs = [_sentence(rng, rng.randint(15, 45)) for _ in range(rng.randint(2, 4))]
    steps = "\n".join(f"{number}. {_sentence(rng, 8)}" for number in (1, 2, 3))
    return "\n\n".join([f"**{paragraphs[0]}**", *paragraphs[1:], steps])


def model_spec(backend: str, **fields: Any) -> ModelSpec:
    """Return a model; fields that are settings of its backend go there."""
    kind = find_backend(backend).settings
    names = {own.name for own in dataclasses.fields(kind)} & fields.keys()
    settings = kind(**{name: fields.pop(name) for name in names})
    return ModelSpec(backend=backend, settings=settings, **fields)
