"""The records that every layer shares: questions, models, answers, judgments, battles."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TOKENIZER_TEMPLATE = "tokenizer"
"""The value of `ModelSpec.template` that means: the tokenizer's own chat template."""


def digest(content: Any) -> str:
    """Return the SHA-256 (hex, 32 digits kept) of JSON-like content; equal content, equal key."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class Kind(StrEnum):
    """How a judgment is made: one answer graded, or two compared."""

    GRADED = "graded"
    PAIRWISE = "pairwise"


class Verdict(StrEnum):
    """What the judge wrote about two answers as shown: a position, not a model."""

    A = "A"
    B = "B"
    TIE = "tie"


class Winner(StrEnum):
    """Who won a battle: a model, not a position."""

    MODEL_A = "model_a"
    MODEL_B = "model_b"
    TIE = "tie"


class Reading(StrEnum):
    """How a judge's decision is read: from its words, or from its token probabilities."""

    TEXT = "text"
    PROBABILITIES = "probabilities"


class Stage(StrEnum):
    """The part of a run in which something failed."""

    ANSWER = "answer"
    JUDGE = "judge"
    BENCHMARK = "benchmark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """User turns asked one after another; `references` has one entry a turn, or is empty."""

    question_id: str
    category: str
    turns: tuple[str, ...]
    references: tuple[str | None, ...] = ()

    def reference(self, turn: int) -> str | None:
        """Return the reference of a turn (counted from 1), or None."""
        return self.references[turn - 1] if self.references else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How text is drawn. Temperature 0 is greedy; a None is left to the backend's default."""

    temperature: float = 0.0
    top_p: float | None = None
    max_tokens: int = 1024
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """US dollars for a million tokens; `cached_input` None means the price of `input`."""

    input: float = 0.0
    output: float = 0.0
    cached_input: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A model as configured: a candidate, or what a judge runs on.

    `template` is Jinja text (the prompt exactly as the model was trained), the word `tokenizer`
    (the tokenizer's own chat template), or None where the server applies one.
    """

    name: str
    backend: str
    family: str | None = None
    weights: str | None = None
    revision: str | None = None
    gguf_file: str | None = None
    dtype: str | None = None
    device: str | None = None
    trust_remote_code: bool = False
    base_url: tuple[str, ...] = ()
    endpoint: str = "chat"
    api_name: str | None = None
    api_key_env: str | None = None
    api_version: str | None = None
    system: str | None = None
    template: str | None = None
    stop: tuple[str, ...] = ()
    context_length: int | None = None
    answers: str | None = None
    sampling: Sampling = field(default_factory=Sampling)
    sampling_by_category: Mapping[str, Sampling] = field(default_factory=dict)
    prices: Prices = field(default_factory=Prices)
    concurrency: int | None = None
    timeout_s: float = 600.0
    max_attempts: int = 8

    def sampling_for(self, category: str) -> Sampling:
        """Return the sampling for questions of a category."""
        return self.sampling_by_category.get(category, self.sampling)

    def identity(self) -> dict[str, Any]:
        """Return what makes this model's text its own: everything but speed, price and key."""
        content = asdict(self)
        for name in ("prices", "concurrency", "timeout_s", "max_attempts", "api_key_env"):
            del content[name]
        return content


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgePrompt:
    """A judge's instruction, as Jinja text.

    The templates see `turns` (a list of objects with `number`, `question`, `reference`, and
    `answer` or `answer_a` and `answer_b`), `turn` (the number of the judged turn) and
    `has_reference`. `prefill` starts the judge's reply when probabilities are read.
    """

    name: str
    kind: Kind
    system: str
    template: str
    prefill: str = ""
    language: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSpec:
    """A judge as configured: a model, its prompts, and how its decision is read."""

    name: str
    model: ModelSpec
    prompts: Mapping[Kind, JudgePrompt]
    reading: Reading = Reading.TEXT
    caution: str | None = None
    """A sentence shown beside every result of this judge (say, that it is too weak to trust)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgingSpec:
    """What is judged: which kinds, which pairs, which turns.

    `baseline` restricts pairs to those with that model. `turns` None means every turn.
    """

    graded: bool = True
    pairwise: bool = True
    baseline: str | None = None
    turns: tuple[int, ...] | None = None
    samples: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a backend is asked.

    With `options`, no text is generated: the backend returns how probable each of these texts is
    as the start of the reply (after `prefill`).
    """

    messages: tuple[Message, ...]
    sampling: Sampling
    prefill: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One text from a backend.

    `option_probabilities` stands beside `Request.options`: absolute probabilities, which may add
    up to less than 1 (the rest went to other texts). `seconds` is the time of the last attempt.
    """

    text: str
    finish_reason: str | None = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    seconds: float = 0.0
    attempts: int = 1
    option_probabilities: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens and time of one model call; None where the backend did not count."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerTurn:
    """A model's reply to one turn."""

    text: str
    finish_reason: str | None = "stop"
    usage: Usage = field(default_factory=Usage)

    @property
    def is_truncated(self) -> bool:
        """Whether `max_tokens` cut the reply."""
        return self.finish_reason == "length"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A model's replies to the turns of a question; unfinished while turns are missing.

    `digest` is the key of what was asked (model identity, turns, sample), not of the text.
    """

    question_id: str
    model: str
    sample: int = 0
    turns: tuple[AnswerTurn, ...]
    digest: str

    def text_digest(self, turn: int) -> str:
        """Return the key of the replies up to a turn: what a judge of that turn was shown."""
        return digest([reply.text for reply in self.turns[:turn]])


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedJudgment:
    """One answer graded from 1 to 10 at one turn; `score` is None when `unscored` says why."""

    question_id: str
    turn: int
    judge: str
    prompt: str
    model: str
    sample: int = 0
    score: float | None
    unscored: str | None = None
    reply: str
    probabilities: Mapping[str, float] | None = None
    usage: Usage = field(default_factory=Usage)
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairwiseJudgment:
    """One game: two answers compared at one turn, `model_a` shown first."""

    question_id: str
    turn: int
    judge: str
    prompt: str
    model_a: str
    model_b: str
    sample: int = 0
    verdict: Verdict | None
    unscored: str | None = None
    reply: str
    probabilities: Mapping[str, float] | None = None
    usage: Usage = field(default_factory=Usage)
    digest: str

    def is_swap_of(self, other: PairwiseJudgment) -> bool:
        """Whether the two games differ only in the order of the answers."""
        return (self.question_id, self.turn, self.judge, self.prompt, self.sample) == (
            other.question_id,
            other.turn,
            other.judge,
            other.prompt,
            other.sample,
        ) and (self.model_a, self.model_b) == (other.model_b, other.model_a)


Judgment = GradedJudgment | PairwiseJudgment


@dataclass(frozen=True, slots=True, kw_only=True)
class Battle:
    """Both games of a pair settled."""

    question_id: str
    turn: int
    judge: str
    model_a: str
    model_b: str
    sample: int = 0
    winner: Winner


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Something that could not be done: never a number, always a row.

    `key` is the digest of what was asked; `model` is the one that failed (a judge when judging).
    """

    stage: Stage
    key: str
    model: str
    question_id: str
    turn: int | None
    reason: str
    detail: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkScore:
    """One score of a standard benchmark."""

    model: str
    benchmark: str
    task: str
    metric: str
    value: float
    stderr: float | None
    n: int
    few_shot: int
    harness_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """Everything that a run is made of."""

    name: str
    models: tuple[ModelSpec, ...]
    judges: tuple[JudgeSpec, ...]
    questions: tuple[Question, ...]
    judging: JudgingSpec
    seed: int = 0
    cautions: tuple[str, ...] = ()


def with_sampling(spec: ModelSpec, sampling: Sampling) -> ModelSpec:
    """Return the model with one sampling for all categories."""
    return replace(spec, sampling=sampling, sampling_by_category={})


def conversation(
    turns: Sequence[str], replies: Sequence[str], system: str | None = None
) -> tuple[Message, ...]:
    """Return the messages of a conversation: turns and replies alternating, system first."""
    messages = [Message(role=Role.SYSTEM, content=system)] if system else []
    for number, turn in enumerate(turns):
        messages.append(Message(role=Role.USER, content=turn))
        if number < len(replies):
            messages.append(Message(role=Role.ASSISTANT, content=replies[number]))
    return tuple(messages)
