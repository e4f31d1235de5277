"""Build patterns of the exact prompts of a run, which the page fills with texts that it holds.

A judge's prompt repeats the question and both answers, so 30,400 full prompts would take a hundred
megabytes. A pattern is the prompt rendered with placeholders instead of answers; a placeholder is
enclosed in two characters of Unicode's private use area. A template that changes a text (for
example, trims it) has no correct pattern. So every pattern is tried on real texts first, and if it
fails, the page shows no prompt instead of a wrong one.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from evalharness.backends import find_backend, render_chat_template, render_judge_template
from evalharness.config import (
    build_judge_spec,
    build_model_spec,
    complete_saved_judge,
    complete_saved_model,
)
from evalharness.domain import TOKENIZER_TEMPLATE, TemplateLimits, build_conversation
from evalharness.errors import ConfigError
from evalharness.judge import choose_fence, render_judge_prompt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import JudgeSpec, JudgmentKind, Message, ModelSpec, Question, RunConfig

_ANSWER_LETTERS = ("a", "b")
_PLACEHOLDER = re.compile("\ue000([a-z]+[0-9]*)\ue001")
_UNREADABLE_CONFIG_ERRORS = (ConfigError, LookupError, TypeError, ValueError, AttributeError)
"""Errors that a configuration of another version or of another tool may raise."""


def make_placeholder(name: str) -> str:
    """Return the placeholder of a text: `q1` a user's turn, `r1` a reply, `a1` an answer, `fence`."""
    return f"\ue000{name}\ue001"


def fill_pattern(pattern: str, texts: Mapping[str, str]) -> str:
    """Return a pattern filled with texts, as the script of the page fills it."""
    return _PLACEHOLDER.sub(lambda match: texts.get(match[1], match[0]), pattern)


def read_judge_specs(config: RunConfig) -> dict[str, JudgeSpec]:
    """Return the judges of a run's configuration that this version can read, by name.

    There are none where judges were shown thoughts, which the patterns of prompts do not have.
    """
    if config.judging.show_reasoning:
        return {}
    specs = {}
    for judge in config.judges:
        try:
            spec = build_judge_spec(complete_saved_judge(judge.tree), "judge")
        except _UNREADABLE_CONFIG_ERRORS:
            continue
        specs[spec.name] = spec
    return specs


def make_judge_pattern(
    judge: JudgeSpec,
    kind: JudgmentKind,
    question: Question,
    turn: int,
    example: Sequence[Sequence[str]],
) -> str | None:
    """Return the pattern of a judge's prompt at a turn, or None if no pattern gives the prompt.

    Args:
        judge: the judge.
        kind: graded or pairwise.
        question: the question.
        turn: the judged turn.
        example: the answers of one judgment, on which the pattern is tried.
    """
    marks = [
        [make_placeholder(f"{side}{number + 1}") for number in range(turn)]
        for side in _ANSWER_LETTERS
    ]
    try:
        prompt = judge.prompts[kind]
        rendered, shown = (
            _join_messages(
                render_judge_prompt(
                    prompt,
                    question,
                    answers,
                    turn,
                    reading=judge.reading,
                    render=render_judge_template,
                )
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
    """Return the texts for the placeholders of a judge's pattern."""
    texts = {
        f"{side}{number + 1}": reply
        for side, replies in zip(_ANSWER_LETTERS, answers, strict=False)
        for number, reply in enumerate(replies[:turn])
    }
    return {"fence": choose_fence(question, answers, turn)} | texts


def read_model_specs(config: RunConfig) -> dict[str, ModelSpec]:
    """Return the models of a run's configuration whose prompts follow from it, by name.

    A template that belongs to a tokenizer is not available here.
    """
    specs = {}
    for model in config.models.values():
        try:
            spec = replace(
                build_model_spec(complete_saved_model(model.tree), "models"),
                template_date=config.tree.get("template_date"),
                template_limits=TemplateLimits(),  # an imported run does not choose its own
            )
        except _UNREADABLE_CONFIG_ERRORS:
            continue
        if spec.template != TOKENIZER_TEMPLATE and find_backend(spec.backend).reads_prompts:
            specs[spec.name] = spec
    return specs


def make_model_patterns(spec: ModelSpec, turns: int) -> list[str]:
    """Return the patterns of a model's prompts, one per turn; empty if its template fails."""
    marks = [make_placeholder(f"{who}{number}") for number in range(1, turns + 1) for who in "qr"]
    return [_render_model_prompt(spec, marks[: 2 * number - 1]) for number in range(1, turns + 1)]


def is_exact_pattern(
    spec: ModelSpec,
    patterns: Sequence[str],
    question: Question,
    replies: Sequence[str],
    thoughts: Sequence[str | None] = (),
) -> bool:
    """Return whether the filled patterns of a model equal the prompts of this answer.

    They do not where its chat template shows earlier thoughts, which patterns do not have.
    """
    number = min(len(question.turns), len(replies))
    if not number:
        return False
    texts = [text for pair in zip(question.turns, replies, strict=False) for text in pair]
    names = [f"{who}{turn}" for turn in range(1, number + 1) for who in "qr"]
    filled = fill_pattern(patterns[number - 1], dict(zip(names, texts, strict=True)))
    return filled == _render_model_prompt(spec, texts[: 2 * number - 1], thoughts)


def _render_model_prompt(
    spec: ModelSpec, texts: Sequence[str], thoughts: Sequence[str | None] = ()
) -> str:
    """Return the prompt of a model; empty if its template does not accept these texts."""
    messages = build_conversation(texts[::2], texts[1::2], spec.system, thoughts)
    if spec.template is None:
        return _join_messages(messages)
    try:
        return render_chat_template(
            spec.template, messages, options=spec.template_options, date=spec.template_date
        )
    except ConfigError:
        return ""


def _join_messages(messages: Sequence[Message]) -> str:
    if len(messages) == 1:
        return messages[0].content
    return "\n\n".join(f"[{message.role}]\n{message.content}" for message in messages)
