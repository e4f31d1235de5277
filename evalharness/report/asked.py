"""The exact prompts of a run, as patterns that the page fills with the texts it already holds.

A judge's prompt repeats the question and both answers, so 30,400 prompts as they are would be a
hundred megabytes. A pattern is the prompt rendered over marks instead of answers; a mark stands
between two characters of Unicode's private use. A template that does more with a text than
to insert it (say, trims it) cannot be told by marks: every pattern is tried on real texts first,
and where it fails no prompt is shown, rather than a wrong one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from evalharness import chat, prompts
from evalharness._specs import judge_spec, model_spec
from evalharness.domain import TOKENIZER_TEMPLATE, conversation
from evalharness.errors import ConfigError
from evalharness.schema import saved_judge, saved_model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import JudgeSpec, Kind, Message, ModelSpec, Question

_SIDES = ("a", "b")
_MARK = re.compile("\ue000([a-z]+[0-9]*)\ue001")
_UNASKED = frozenset({"recorded", "scripted"})
"""Backends that send no prompt."""
_STRANGE = (ConfigError, LookupError, TypeError, ValueError, AttributeError)
"""What a configuration of another version, or of another tool, may fail with."""


def mark(name: str) -> str:
    """Return the mark of a text: `q1` a user's turn, `r1` a reply, `a1` an answer, `fence`."""
    return f"\ue000{name}\ue001"


def fill_in(pattern: str, texts: Mapping[str, str]) -> str:
    """Return a pattern with its texts in place, as the page's script does it."""
    return _MARK.sub(lambda found: texts.get(found[1], found[0]), pattern)


def judges_of(config: Mapping[str, Any]) -> dict[str, JudgeSpec]:
    """Return the judges of a run's configuration by name, as far as it tells of them."""
    panel = config.get("panel")
    confs = [config.get("judge"), *(panel.values() if isinstance(panel, dict) else ())]
    found = {}
    for conf in confs:
        try:
            spec = judge_spec(saved_judge(conf), "judge")
        except _STRANGE:
            continue
        found[spec.name] = spec
    return found


def judge_pattern(
    judge: JudgeSpec, kind: Kind, question: Question, turn: int, example: Sequence[Sequence[str]]
) -> str | None:
    """Return the pattern of what a judge is shown at a turn, or None where marks cannot tell it.

    Args:
        judge: the judge.
        kind: graded or pairwise.
        question: what was asked.
        turn: the judged turn.
        example: one judgment's answers, on which the pattern is tried.
    """
    marks = [[mark(f"{side}{number + 1}") for number in range(turn)] for side in _SIDES]
    try:
        prompt = judge.prompts[kind]
        rendered, shown = (
            _text(prompts.render(prompt, question, answers, turn, reading=judge.reading))
            for answers in (marks[: len(example)], example)
        )
    except _STRANGE:
        return None
    fence = prompts.fence(question, marks[: len(example)], turn)
    pattern = rendered.replace(fence, mark("fence"))
    return pattern if fill_in(pattern, judged_texts(question, turn, example)) == shown else None


def judged_texts(question: Question, turn: int, answers: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return what stands at the marks of a judge's pattern."""
    texts = {
        f"{side}{number + 1}": reply
        for side, replies in zip(_SIDES, answers, strict=False)
        for number, reply in enumerate(replies[:turn])
    }
    return {"fence": prompts.fence(question, answers, turn)} | texts


def models_of(config: Mapping[str, Any]) -> dict[str, ModelSpec]:
    """Return the models of a run's configuration by name whose prompts can be told from it.

    Where the template lies with a tokenizer, a page cannot ask it.
    """
    confs = config.get("models")
    found = {}
    for conf in confs.values() if isinstance(confs, dict) else ():
        try:
            spec = model_spec(saved_model(conf), "models")
        except _STRANGE:
            continue
        if spec.template != TOKENIZER_TEMPLATE and spec.backend not in _UNASKED:
            found[spec.name] = spec
    return found


def model_patterns(spec: ModelSpec, turns: int) -> list[str]:
    """Return the patterns of what a model is sent at each turn; empty where its template fails."""
    marks = [mark(f"{who}{number}") for number in range(1, turns + 1) for who in "qr"]
    return [_sent(spec, marks[: 2 * number - 1]) for number in range(1, turns + 1)]


def is_exact(
    spec: ModelSpec, patterns: Sequence[str], question: Question, replies: Sequence[str]
) -> bool:
    """Return whether a model's patterns, filled in, are what it was sent for this answer."""
    number = min(len(question.turns), len(replies))
    if not number:
        return False
    said = [text for pair in zip(question.turns, replies, strict=False) for text in pair]
    names = [f"{who}{turn}" for turn in range(1, number + 1) for who in "qr"]
    filled = fill_in(patterns[number - 1], dict(zip(names, said, strict=True)))
    return filled == _sent(spec, said[: 2 * number - 1])


def _sent(spec: ModelSpec, texts: Sequence[str]) -> str:
    """Return what a model is sent; nothing where its template does not take these texts."""
    messages = conversation(texts[::2], texts[1::2], spec.system)
    if spec.template is None:
        return _text(messages)
    try:
        return chat.render(spec.template, messages)
    except ConfigError:
        return ""


def _text(messages: Sequence[Message]) -> str:
    if len(messages) == 1:
        return messages[0].content
    return "\n\n".join(f"[{message.role}]\n{message.content}" for message in messages)
