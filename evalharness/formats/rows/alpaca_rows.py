"""Define the fields of AlpacaEval's rows, and render our records as such rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.domain import Winner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalharness.domain import Question, Vote

DEFAULT_DATASET = "alpaca_eval"
PREFER_BASELINE, PREFER_NEITHER, PREFER_MODEL = 1.0, 1.5, 2.0


class AlpacaOutput(msgspec.Struct):
    """An output of a model."""

    instruction: str
    output: str
    generator: str
    dataset: str = DEFAULT_DATASET
    input: str = ""


class AlpacaAnnotation(msgspec.Struct):
    """A preference between the output of a baseline and that of a model."""

    instruction: str
    output_1: str
    generator_1: str
    output_2: str
    generator_2: str
    annotator: str
    preference: float | None
    dataset: str = DEFAULT_DATASET
    input: str = ""


def render_output(question: Question, model: str, text: str) -> dict[str, Any]:
    """Return an output of a model as a row."""
    return {
        "instruction": question.turns[0],
        "dataset": question.category,
        "output": text,
        "generator": model,
    }


def render_annotation(
    question: Question, vote: Vote, texts: Mapping[tuple[str, str], str]
) -> dict[str, Any]:
    """Return a vote as a row.

    Args:
        question: the question of the vote.
        vote: the vote.
        texts: the outputs, by model and question.
    """
    return {
        "instruction": question.turns[0],
        "output_1": texts.get((vote.model_a, vote.question_id), ""),
        "generator_1": vote.model_a,
        "dataset": question.category,
        "output_2": texts.get((vote.model_b, vote.question_id), ""),
        "generator_2": vote.model_b,
        "annotator": vote.judge,
        "preference": _render_preference(vote),
    }


def _render_preference(vote: Vote) -> float | None:
    if vote.preference is not None:
        return 1 + vote.preference
    numbers = {
        Winner.MODEL_A: PREFER_BASELINE,
        Winner.TIE: PREFER_NEITHER,
        Winner.MODEL_B: PREFER_MODEL,
    }
    return numbers[vote.winner] if vote.winner else None
