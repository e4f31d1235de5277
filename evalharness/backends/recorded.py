"""Answers from a file instead of a model: ours (`answers.jsonl` of a run) or MT-bench's.

    {"question_id": "81", "model": "vicuna-13b", "turns": [{"text": "..."}, ...]}
    {"question_id": 81, "model_id": "vicuna-13b", "choices": [{"turns": ["...", ...]}]}

Our files hold several models, told apart by `model`. A file of MT-bench holds one, and its name,
not `model_id`, says which, so every line of it counts. Its choices are our samples. Where a
question is answered twice, the later line holds, as in both formats' own readers.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from evalharness.domain import AnswerTurn, Completion, ModelAccess
from evalharness.errors import ConfigError, InputError, PermanentError
from evalharness.store import read_numbered_records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalharness.domain import ModelSpec, Request

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def missing(spec: ModelSpec) -> str | None:
    """Return that the file is not named or not there."""
    if spec.answers is None:
        return f"models.{spec.name}.answers names no file of recorded answers"
    if not Path(spec.answers).is_file():
        return f"models.{spec.name}.answers: there is no file {spec.answers}"
    return None


def occupies(_spec: ModelSpec) -> None:
    """Return None: texts take no memory to speak of."""


def access(_spec: ModelSpec) -> ModelAccess:
    """Return that nothing new can be asked."""
    return ModelAccess.NONE


def connect(spec: ModelSpec) -> RecordedBackend:
    """Return the recorded answers of a model.

    Raises:
        ConfigError: there is no file.
        InputError: a line cannot be read, or the file holds only other models.
    """
    if problem := missing(spec):
        raise ConfigError(problem)
    return RecordedBackend(_read_replies(Path(spec.answers or ""), spec.api_name or spec.name))


class RecordedBackend:
    """Finds replies by question, sample and turn."""

    def __init__(self, replies: dict[tuple[str, int, int], Completion]) -> None:
        self._replies = replies

    async def complete(self, request: Request) -> Completion:
        """Return the recorded reply.

        Raises:
            PermanentError: there is none.
        """
        if request.options:
            msg = "recorded answers have no probabilities"
            raise PermanentError(msg, reason="no_logprobs")
        found = self._replies.get((request.question_id, request.sample, request.turn))
        if found is None:
            msg = (
                f"no recorded answer to question {request.question_id}, "
                f"turn {request.turn}, sample {request.sample}"
            )
            raise PermanentError(msg, reason="not_recorded")
        return found

    async def close(self) -> None:
        """Do nothing: the file is closed."""


class _RecordedChoice(msgspec.Struct):
    turns: list[str]


class _AnswerLine(msgspec.Struct):
    """A line of either format; ours has `model` and `turns`, MT-bench's `choices`."""

    question_id: str | int
    model: str | None = None
    sample: int = 0
    turns: list[AnswerTurn] | None = None
    choices: list[_RecordedChoice] | None = None

    def samples(self) -> Iterator[tuple[int, list[AnswerTurn]]]:
        if self.turns is not None:
            yield self.sample, self.turns
        for sample, choice in enumerate(self.choices or ()):
            yield sample, [AnswerTurn(text=text) for text in choice.turns]


def _read_replies(path: Path, model: str) -> dict[tuple[str, int, int], Completion]:
    """Return the completions of a model by question, sample and turn."""
    _refuse_byte_order_mark(path)
    replies, others = {}, set()
    for number, line in read_numbered_records(path, _AnswerLine):
        if (line.turns is None) == (line.choices is None):
            msg = "an answer has `turns` (ours) or `choices` (MT-bench's)"
            raise InputError(msg, path=path, line=number)
        if line.model not in (None, model):
            others.add(line.model)
            continue
        for sample, turns in line.samples():
            for turn, reply in enumerate(turns, start=1):
                replies[str(line.question_id), sample, turn] = Completion(**asdict(reply))
    if not replies:
        held = f"it holds {', '.join(sorted(others))}" if others else "it holds nothing"
        msg = f"no answers of {model}; {held} (api_name chooses another name than the model's)"
        raise InputError(msg, path=path)
    return replies


def _refuse_byte_order_mark(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(len(_BYTE_ORDER_MARK)) == _BYTE_ORDER_MARK:
            msg = "begins with a byte order mark; save it as plain UTF-8"
            raise InputError(msg, path=path, line=1)
