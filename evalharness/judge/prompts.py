"""Render a judge's prompts: its instruction with a question and the answers to it."""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING, Any

from evalharness.domain import JudgmentKind, Message, Question, Reading, Role, compute_digest
from evalharness.errors import ConfigError
from evalharness.judge.template_environment import render_prompt_template

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalharness.domain import JudgePrompt

    RenderTemplate = Callable[[str, Mapping[str, Any]], str]

SCORE_SCALE = tuple(range(1, 11))
VERDICT_MARKS = ("A", "B", "C")
FIVE_LEVEL_MARKS = ("A>>B", "A>B", "A=B", "B>A", "B>>A")
JSON_VERDICTS = ("A", "B", "tie")

_ANSWER_NAMES = {JudgmentKind.GRADED: ("answer",), JudgmentKind.PAIRWISE: ("answer_a", "answer_b")}
_FENCE_DIGITS = 6
# A BCP 47 language code such as `de` or `pt-BR`.
_LANGUAGE_CODE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_VERDICT_MEANINGS = {
    "A": "answer A is better",
    "B": "answer B is better",
    "tie": "they are about as good",
    "A>>B": "answer A is much better",
    "A>B": "answer A is better",
    "A=B": "they are about as good",
    "B>A": "answer B is better",
    "B>>A": "answer B is much better",
}


def render_judge_prompt(
    prompt: JudgePrompt,
    question: Question,
    answers: Sequence[Sequence[str]],
    turn: int,
    *,
    reading: Reading = Reading.TEXT,
    render: RenderTemplate = render_prompt_template,
) -> tuple[Message, ...]:
    """Return the messages that request a judgment: the system message, if any, and the user message.

    The variables of the templates are `turns` (a list of objects with `number`, `question`,
    `reference`, and `answer` or `answer_a` and `answer_b`), `turn` (the number of the judged turn),
    `has_reference`, `rubric` (the question's checklist, often empty), `fence` (a mark for tags that
    occurs in none of the texts), `language` (the language of the reasons), and `form` (a
    description of the JSON reply; empty when text or probabilities are read).

    Args:
        prompt: the instruction.
        question: the question that was answered.
        answers: the replies of one model (graded) or two models (pairwise) to the turns, in the
            order shown. Replies after the judged turn are not shown.
        turn: the judged turn, counted from 1.
        reading: how the reply will be read. For JSON, the templates must print `form`.
        render: fills a template with variables; the default has no limits of time and memory.

    Raises:
        ConfigError: a template of the prompt fails.
    """
    context = _template_context(prompt.kind, question, answers, turn) | {
        "language": prompt.language,
        "form": describe_json_form(prompt) if reading is Reading.JSON else "",
    }
    try:
        system, text = (render(each, context) for each in (prompt.system, prompt.template))
    except ConfigError as error:
        msg = f"prompt {prompt.name!r}: {error}"
        raise ConfigError(msg) from error
    user = Message(role=Role.USER, content=text)
    return (Message(role=Role.SYSTEM, content=system), user) if system else (user,)


def list_reply_options(kind: JudgmentKind) -> tuple[str, ...]:
    """Return the reply options: their probabilities, as the start of the reply, give the decision.

    The options follow a prefill that ends in `[[`. A score includes its closing brackets, because 1
    alone is also the start of 10. No letter is the start of another letter.
    """
    match kind:
        case JudgmentKind.GRADED:
            return tuple(f"{score}]]" for score in SCORE_SCALE)
        case JudgmentKind.PAIRWISE:
            return VERDICT_MARKS


def describe_json_form(prompt: JudgePrompt) -> str:
    """Return the sentences that describe the JSON reply of `build_reply_schema` to a judge."""
    match prompt.kind:
        case JudgmentKind.GRADED:
            field = (
                f'"score" is your grade, a whole number from {SCORE_SCALE[0]} to {SCORE_SCALE[-1]}'
            )
            example = '"score": n'
        case JudgmentKind.PAIRWISE:
            verdicts = _list_json_verdicts(prompt)
            meanings = ", ".join(
                f'"{verdict}" if {_VERDICT_MEANINGS[verdict]}' for verdict in verdicts
            )
            field, example = f'"verdict" is your verdict: {meanings}', '"verdict": "..."'
    return (
        f'Reply with one JSON object and nothing else, in this form: {{"reasons": "...", {example}}}. '
        f'"reasons" come first and are a few sentences; {field}.'
    )


def build_reply_schema(prompt: JudgePrompt) -> dict[str, Any]:
    """Return the JSON schema of a judge's reply: the reasons, then the score or verdict.

    The reasons come first, so that the decision is written after them and can depend on them.
    """
    decision: dict[str, Any]
    match prompt.kind:
        case JudgmentKind.GRADED:
            name, decision = "score", {"type": "integer", "enum": list(SCORE_SCALE)}
        case JudgmentKind.PAIRWISE:
            name, decision = (
                "verdict",
                {"type": "string", "enum": list(_list_json_verdicts(prompt))},
            )
    return {
        "title": "judgment",
        "type": "object",
        "properties": {"reasons": {"type": "string"}, name: decision},
        "required": ["reasons", name],
        "additionalProperties": False,
    }


def render_repair_request(prompt: JudgePrompt, reading: Reading) -> str:
    """Return the message that asks a judge for a readable decision after an unreadable reply."""
    if reading is Reading.JSON:
        instruction = describe_json_form(prompt)
    elif prompt.kind is JudgmentKind.GRADED:
        instruction = (
            f"Reply with nothing but your grade, a whole number from {SCORE_SCALE[0]} to {SCORE_SCALE[-1]} "
            "in double square brackets, in this form: Rating: [[n]]"
        )
    else:
        marks = FIVE_LEVEL_MARKS if prompt.five_levels else VERDICT_MARKS
        listed = f"{', '.join(f'[[{mark}]]' for mark in marks[:-1])} or [[{marks[-1]}]]"
        instruction = f"Reply with nothing but the verdict that you came to, as {listed}."
    return f"No decision can be read from your reply. Do not judge anew. {instruction}"


def choose_fence(question: Question, answers: Sequence[Sequence[str]], turn: int) -> str:
    """Return a mark that does not occur in the texts shown, so that no text can close its fence.

    The mark is a digest of the question, so it is the same in all prompts about the question.
    Prompts that show the same first answer therefore share a long prefix, which a backend with a
    prefix cache reads once. A digest that occurs in one of the texts is skipped.
    """
    content = [question.turns, question.references, question.rubric]
    references = [text for text in question.references[:turn] if text is not None]
    replies = [text for texts in answers for text in texts[:turn]]
    texts = [*question.turns[:turn], *references, *question.rubric, *replies]
    folded = [text.casefold() for text in texts]
    marks = (compute_digest([*content, attempt])[:_FENCE_DIGITS] for attempt in count())
    return next(mark for mark in marks if not any(mark in text for text in folded))


def check_judge_prompt(
    prompt: JudgePrompt,
    reading: Reading = Reading.TEXT,
    *,
    render: RenderTemplate = render_prompt_template,
) -> None:
    """Refuse a prompt that fails on a question of one or two turns, or that omits an answer.

    For replies that are read as JSON, the prompt must also print `form`.

    Args:
        prompt: the prompt.
        reading: how the replies will be read.
        render: fills a template with variables; the default has no limits of time and memory.

    Raises:
        ConfigError: the prompt is refused; the message gives its name and the fault.
    """
    if not _LANGUAGE_CODE.fullmatch(prompt.language):
        msg = f"prompt {prompt.name!r}: language={prompt.language!r} must be a code such as de"
        raise ConfigError(msg)
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
            messages = render_judge_prompt(
                prompt, question, replies, turns, reading=reading, render=render
            )
            user_message = messages[-1].content
            for name, texts in zip(names, replies, strict=True):
                if texts[-1] not in user_message:
                    msg = f"prompt {prompt.name!r}: its template does not show `{name}`"
                    raise ConfigError(msg)
            if reading is Reading.JSON and not any(
                describe_json_form(prompt) in m.content for m in messages
            ):
                msg = f"prompt {prompt.name!r}: for reading=json it must print `{{{{ form }}}}`"
                raise ConfigError(msg)


def _list_json_verdicts(prompt: JudgePrompt) -> tuple[str, ...]:
    return FIVE_LEVEL_MARKS if prompt.five_levels else JSON_VERDICTS


def _template_context(
    kind: JudgmentKind, question: Question, answers: Sequence[Sequence[str]], turn: int
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
    return {
        "turns": turns,
        "turn": turn,
        "has_reference": any(part["reference"] is not None for part in turns),
        "rubric": question.rubric,
        "fence": choose_fence(question, answers, turn),
    }
