"""The exact prompts of a run, as patterns that the page fills with the texts it already holds.

A judge's prompt repeats the question and both answers, so 30,400 prompts as they are would be a
hundred megabytes. A pattern is the prompt rendered over marks instead of answers; a mark stands
between two characters of Unicode's private use. A template that does more with a text than
to insert it (say, trims it) cannot be told by marks: every pattern is tried on real texts first,
and where it fails no prompt is shown, rather than a wrong one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from evalharness.backends import render_chat_template
from evalharness.config import (
    build_judge_spec,
    build_model_spec,
    complete_saved_judge,
    complete_saved_model,
)
from evalharness.domain import TOKENIZER_TEMPLATE, build_conversation
from evalharness.errors import ConfigError
from evalharness.judge import choose_fence, render_judge_prompt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import JudgeSpec, JudgmentKind, Message, ModelSpec, Question, RunConfig

_ANSWER_LETTERS = ("a", "b")
_PLACEHOLDER = re.compile("\ue000([a-z]+[0-9]*)\ue001")
_BACKENDS_WITHOUT_PROMPTS = frozenset({"recorded", "scripted"})
"""Backends that send no prompt."""
_UNREADABLE_CONFIG_ERRORS = (ConfigError, LookupError, TypeError, ValueError, AttributeError)
"""What a configuration of another version, or of another tool, may fail with."""


def make_placeholder(name: str) -> str:
    """Return the mark of a text: `q1` a user's turn, `r1` a reply, `a1` an answer, `fence`."""
    return f"\ue000{name}\ue001"


def fill_pattern(pattern: str, texts: Mapping[str, str]) -> str:
    """Return a pattern with its texts in place, as the page's script does it."""
    return _PLACEHOLDER.sub(lambda found: texts.get(found[1], found[0]), pattern)


def read_judge_specs(config: RunConfig) -> dict[str, JudgeSpec]:
    """Return the judges of a run's configuration by name, as far as it tells of them."""
    found = {}
    for judge in config.judges:
        try:
            spec = build_judge_spec(complete_saved_judge(judge.tree), "judge")
        except _UNREADABLE_CONFIG_ERRORS:
            continue
        found[spec.name] = spec
    return found


def make_judge_pattern(
    judge: JudgeSpec,
    kind: JudgmentKind,
    question: Question,
    turn: int,
    example: Sequence[Sequence[str]],
) -> str | None:
    """Return the pattern of what a judge is shown at a turn, or None where marks cannot tell it.

    Args:
        judge: the judge.
        kind: graded or pairwise.
        question: what was asked.
        turn: the judged turn.
        example: one judgment's answers, on which the pattern is tried.
    """
    marks = [
        [make_placeholder(f"{side}{number + 1}") for number in range(turn)]
        for side in _ANSWER_LETTERS
    ]
    try:
        prompt = judge.prompts[kind]
        rendered, shown = (
            _join_messages(
                render_judge_prompt(prompt, question, answers, turn, reading=judge.reading)
            )
            for answers in (marks[: len(example)], example)
        )
    except _UNREADABLE_CONFIG_ERRORS:
        return None
    fence = choose_fence(question, marks[: len(example)], turn)
    pattern = rendered.replace(fence, make_placeholder("fence"))
    return (
        pattern
        if fill_pattern(pattern, list_judged_texts(question, turn, example)) == shown
        else None
    )


def list_judged_texts(
    question: Question, turn: int, answers: Sequence[Sequence[str]]
) -> dict[str, str]:
    """Return what stands at the marks of a judge's pattern."""
    texts = {
        f"{side}{number + 1}": reply
        for side, replies in zip(_ANSWER_LETTERS, answers, strict=False)
        for number, reply in enumerate(replies[:turn])
    }
    return {"fence": choose_fence(question, answers, turn)} | texts


def read_model_specs(config: RunConfig) -> dict[str, ModelSpec]:
    """Return the models of a run's configuration by name whose prompts can be told from it.

    Where the template lies with a tokenizer, a page cannot ask it.
    """
    found = {}
    for model in config.models.values():
        try:
            spec = build_model_spec(complete_saved_model(model.tree), "models")
        except _UNREADABLE_CONFIG_ERRORS:
            continue
        if spec.template != TOKENIZER_TEMPLATE and spec.backend not in _BACKENDS_WITHOUT_PROMPTS:
            found[spec.name] = spec
    return found


def make_model_patterns(spec: ModelSpec, turns: int) -> list[str]:
    """Return the patterns of what a model is sent at each turn; empty where its template fails."""
    marks = [make_placeholder(f"{who}{number}") for number in range(1, turns + 1) for who in "qr"]
    return [_render_model_prompt(spec, marks[: 2 * number - 1]) for number in range(1, turns + 1)]


def is_exact_pattern(
    spec: ModelSpec, patterns: Sequence[str], question: Question, replies: Sequence[str]
) -> bool:
    """Return whether a model's patterns, filled in, are what it was sent for this answer."""
    number = min(len(question.turns), len(replies))
    if not number:
        return False
    said = [text for pair in zip(question.turns, replies, strict=False) for text in pair]
    names = [f"{who}{turn}" for turn in range(1, number + 1) for who in "qr"]
    filled = fill_pattern(patterns[number - 1], dict(zip(names, said, strict=True)))
    return filled == _render_model_prompt(spec, said[: 2 * number - 1])


def _render_model_prompt(spec: ModelSpec, texts: Sequence[str]) -> str:
    """Return what a model is sent; nothing where its template does not take these texts."""
    messages = build_conversation(texts[::2], texts[1::2], spec.system)
    if spec.template is None:
        return _join_messages(messages)
    try:
        return render_chat_template(spec.template, messages)
    except ConfigError:
        return ""


def _join_messages(messages: Sequence[Message]) -> str:
    if len(messages) == 1:
        return messages[0].content
    return "\n\n".join(f"[{message.role}]\n{message.content}" for message in messages)
