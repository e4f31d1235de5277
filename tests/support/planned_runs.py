"""Run specifications to plan, and a graded run whose spreads are known."""

from __future__ import annotations

import numpy as np
from builders import graded_judgment, model_spec, question
from judge_prompts import PROMPTS

from evalharness.domain import (
    JudgeSpec,
    JudgingSpec,
    ModelSpec,
    Prices,
    RunRecords,
    RunSpec,
    Sampling,
)

PRICED = Prices(input=10.0, output=30.0)


def build_model(name: str, **settings) -> ModelSpec:
    """Return a model of an endpoint that writes at most 1,000 tokens."""
    sampling = Sampling(max_tokens=1000)
    return model_spec("openai_compatible", name=name, sampling=sampling, **settings)


JUDGE = JudgeSpec(name="judge", model=build_model("judge", prices=PRICED), prompts=PROMPTS)


def build_run_spec(models=2, questions=80, turns=2, **judging):
    """Return a run with these numbers of models, questions and turns."""
    names = [f"model-{place}" for place in range(models)]
    return RunSpec(
        name="planned",
        models=tuple(ModelSpec(name=name, backend="scripted") for name in names),
        judges=(),
        questions=tuple(question(str(n), turns=("?",) * turns) for n in range(questions)),
        judging=JudgingSpec(**judging),
    )


def build_graded_run(spread, *, samples=2, judges=2):
    """Return a run of two models whose grades differ by these standard deviations."""
    rng = np.random.default_rng(0)
    rows = []
    for q in range(300):
        own = spread[0] * rng.standard_normal()
        for sample in range(samples):
            answer = own + spread[1] * rng.standard_normal()
            for judge in range(judges):
                score = 5 + answer + spread[2] * rng.standard_normal()
                for model, value in (("a", score), ("b", 5.0)):
                    rows.append(
                        graded_judgment(
                            model, f"q{q}", score=value, judge=f"judge-{judge}", sample=sample
                        )
                    )
    questions = tuple(question(f"q{q}") for q in range(300))
    return RunRecords(name="r", questions=questions, graded=tuple(rows))
