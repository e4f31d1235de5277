"""Replay answers from a file: our `answers.jsonl` of a run, or a file of MT-bench.

    {"question_id": "81", "model": "vicuna-13b", "turns": [{"text": "..."}, ...]}
    {"question_id": 81, "model_id": "vicuna-13b", "choices": [{"turns": ["...", ...]}]}

Our files hold several models, distinguished by `model`. A file of MT-bench holds one model, which
its name identifies (not `model_id`), so all its lines count. Its choices are our samples. If a
question is answered twice, the later line counts, as in the readers of both formats. A thought at
the beginning of a text is kept apart, as it is for models that are asked now.

What the file says of a model is part of what the model is: with other answers in it, it is another
model. Their order, and the answers of other models, make no difference.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.backends.definition import BackendDefinition
from evalharness.domain import (
    AnswerTurn,
    Completion,
    ModelAccess,
    compute_digest,
    list_set_fields,
)
from evalharness.errors import ConfigError, InputError, PermanentError
from evalharness.store import read_numbered_records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalharness.domain import ModelSpec, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSettings:
    """Where a model's recorded answers are.

    Attributes:
        answers: the file.
        api_name: what the model is called in the file; None takes the model's name.
    """

    answers: str | None = None
    api_name: str | None = None


def build_recorded_conf(name: str, answers: str) -> dict[str, Any]:
    """Return the settings that make a model of recorded answers.

    Args:
        name: of the model.
        answers: the file.
    """
    return {"name": name, "backend": "recorded", "answers": answers}


def explain_missing(spec: ModelSpec) -> str | None:
    """Return that the file is not named, or does not exist."""
    answers = spec.get_setting("answers")
    if answers is None:
        return f"models.{spec.name}.answers names no file of recorded answers"
    if not Path(answers).is_file():
        return f"models.{spec.name}.answers: there is no file {answers}"
    return None


def connect(spec: ModelSpec) -> RecordedBackend:
    """Return a backend with the recorded answers of a model.

    Raises:
        ConfigError: the file does not exist.
        InputError: a line cannot be read, or the file has only answers of other models.
    """
    if problem := explain_missing(spec):
        raise ConfigError(problem)
    return RecordedBackend(_read_model_replies(spec))


def compute_fingerprint(spec: ModelSpec) -> str | None:
    """Return a digest of a model's recorded answers; None if their file is missing.

    Raises:
        InputError: a line cannot be read, or the file has only answers of other models.
    """
    if explain_missing(spec):
        return None
    replies = _read_model_replies(spec)
    return compute_digest(
        [[*key, list_set_fields(reply)] for key, reply in sorted(replies.items())]
    )


class RecordedBackend:
    """A backend that looks replies up by question, sample and turn."""

    def __init__(self, replies: dict[tuple[str, int, int], Completion]) -> None:
        self._replies = replies

    async def complete(self, request: Request) -> Completion:
        """Return the recorded reply.

        Raises:
            PermanentError: no reply is recorded.
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
        """Do nothing, as the file is closed."""


class _RecordedChoice(msgspec.Struct):
    turns: list[str]


class _AnswerLine(msgspec.Struct):
    """A line of either format: ours has `model` and `turns`, that of MT-bench has `choices`."""

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


def _read_model_replies(spec: ModelSpec) -> dict[tuple[str, int, int], Completion]:
    name = spec.get_setting("api_name") or spec.name
    return _read_replies(Path(spec.get_setting("answers")), name)


def _read_replies(path: Path, model: str) -> dict[tuple[str, int, int], Completion]:
    """Return the completions of a model by question, sample and turn."""
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
                replies[str(line.question_id), sample, turn] = Completion(
                    **asdict(reply.without_thought())
                )
    if not replies:
        held = f"it holds {', '.join(sorted(others))}" if others else "it holds nothing"
        msg = f"no answers of {model}; {held} (api_name chooses another name than the model's)"
        raise InputError(msg, path=path)
    return replies


def _find_benchmark_access(_spec: ModelSpec) -> ModelAccess:
    """Return that recorded models cannot be asked anything new."""
    return ModelAccess.NONE


def _estimate_call_s(_spec: ModelSpec, _completion_tokens: float) -> float:
    return 0.0


BACKEND = BackendDefinition(
    connect=connect,
    settings=RecordedSettings,
    explain_missing=explain_missing,
    find_benchmark_access=_find_benchmark_access,
    estimate_call_s=_estimate_call_s,
    compute_fingerprint=compute_fingerprint,
    reads_prompts=False,
    is_self_contained=True,
)
