"""What a judge is shown: its prompt rendered over a question and the answers to it."""

from __future__ import annotations

from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from evalharness.domain import Kind, Message, Question, Role, digest
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import JudgePrompt

SCORES = tuple(range(1, 11))
VERDICTS = ("A", "B", "C")

_ANSWER_NAMES = {Kind.GRADED: ("answer",), Kind.PAIRWISE: ("answer_a", "answer_b")}
_FENCE_DIGITS = 6
# What a template may fail with besides Jinja's own errors: it computes, looks up and compares.
_TEMPLATE_ERRORS = (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError)


def render(
    prompt: JudgePrompt, question: Question, answers: Sequence[Sequence[str]], turn: int
) -> tuple[Message, ...]:
    """Return the messages that ask for a judgment: the system's, if there is one, and the user's.

    Args:
        prompt: the instruction; its templates see what `JudgePrompt` says, and `fence`.
        question: what was asked.
        answers: one model's replies to the turns for a graded prompt, two models' for a pairwise
            one, in the order shown; replies after the judged turn are not shown.
        turn: the judged turn, counted from 1.

    Raises:
        ConfigError: the prompt is not a working template.
    """
    context = _context(prompt.kind, question, answers, turn)
    system = _fill(prompt.system, context, prompt.name)
    user = Message(role=Role.USER, content=_fill(prompt.template, context, prompt.name))
    return (Message(role=Role.SYSTEM, content=system), user) if system else (user,)


def options(kind: Kind) -> tuple[str, ...]:
    """Return the texts whose probabilities, as the start of the reply, are a judge's decision.

    They follow a prefill that ends in `[[`. A grade carries its closing brackets, because 1 alone
    would also be the start of 10; of the letters, none is the start of another.
    """
    match kind:
        case Kind.GRADED:
            return tuple(f"{score}]]" for score in SCORES)
        case Kind.PAIRWISE:
            return VERDICTS


def check(prompt: JudgePrompt) -> None:
    """Refuse a prompt that fails on a question of one or two turns, or that hides an answer.

    Raises:
        ConfigError: with the prompt's name and what is wrong.
    """
    names = _ANSWER_NAMES[prompt.kind]
    for turns in (1, 2):
        for reference in (None, "reference"):
            question = Question(
                question_id="check",
                category="check",
                turns=("question",) * turns,
                references=(reference,) * turns,
            )
            replies = [[f"reply {name} {turn}" for turn in range(turns)] for name in names]
            shown = render(prompt, question, replies, turns)[-1].content
            for name, texts in zip(names, replies, strict=True):
                if texts[-1] not in shown:
                    msg = f"prompt {prompt.name!r}: its template does not show `{name}`"
                    raise ConfigError(msg)


def _context(
    kind: Kind, question: Question, answers: Sequence[Sequence[str]], turn: int
) -> dict[str, Any]:
    names = _ANSWER_NAMES[kind]
    if len(answers) != len(names) or not 1 <= turn <= min(map(len, (question.turns, *answers))):
        msg = f"{kind} needs {len(names)} answers with a reply to turn {turn} of the question"
        raise ValueError(msg)
    turns: list[dict[str, Any]] = [
        {
            "number": number,
            "question": question.turns[number - 1],
            "reference": question.reference(number),
            **{name: texts[number - 1] for name, texts in zip(names, answers, strict=True)},
        }
        for number in range(1, turn + 1)
    ]
    references = [part["reference"] for part in turns if part["reference"] is not None]
    texts = [text for replies in answers for text in replies[:turn]]
    return {
        "turns": turns,
        "turn": turn,
        "has_reference": bool(references),
        "fence": _fence([*question.turns[:turn], *references, *texts]),
    }


def _fence(texts: Sequence[str]) -> str:
    """Return a mark that stands in none of the texts, so that none of them can close its fence.

    It is a digest of them all: the same for the same request, and not to be foreseen by a model
    that writes one of them. Their order does not matter, so that swapping the answers of a game
    changes nothing else.
    """
    folded = [text.casefold() for text in texts]
    marks = (digest([sorted(texts), attempt])[:_FENCE_DIGITS] for attempt in count())
    return next(mark for mark in marks if not any(mark in text for text in folded))


def _fill(template: str, context: Mapping[str, Any], name: str) -> str:
    try:
        return _compiled(template).render(context)
    except _TEMPLATE_ERRORS as error:
        msg = f"prompt {name!r}: {error}"
        raise ConfigError(msg) from error


@lru_cache(maxsize=64)
def _compiled(template: str) -> jinja2.Template:
    return ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # this is text for a model, not a web page
    ).from_string(template)
