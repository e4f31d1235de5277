"""Standard benchmarks as configured, and how a backend's models can take part in them."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the store reads the annotations
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from evalharness.domain.calls import Request


class ModelAccess(StrEnum):
    """What a backend gives of a model, and so which benchmarks it can run.

    WEIGHTS: the loaded model, for every task. LOGPROBS: text, and how probable a given text is, if
    the server tells. TEXT: text only, so no tasks that compare log-likelihoods. NONE: nothing new.
    """

    WEIGHTS = "weights"
    LOGPROBS = "logprobs"
    TEXT = "text"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkSpec:
    """One benchmark: a task or group of lm-eval and the figure that is taken from it.

    Attributes:
        name: what it is called in tables.
        task: lm-eval's name of a task, a group or a tag.
        few_shot: examples in the prompt; None leaves it to the task.
        metrics: lm-eval's keys (`acc_norm`, or `exact_match,strict-match`), whose mean is the
            figure; none: `acc_norm` where there is one, else the task's first metric.
        tasks: how many tasks must be loaded; None does not care.
        mean: over a group, `tasks` (each counts alike) or `group` (as lm-eval makes it).
        lower_bound: what guessing gets, for the normalized figure; None makes none.
        lower_bounds: the same for single tasks of a group.
        chat_template: whether prompts go through the model's chat template.
    """

    name: str
    task: str
    few_shot: int | None = None
    metrics: tuple[str, ...] = ()
    tasks: int | None = None
    mean: str = "group"
    lower_bound: float | None = None
    lower_bounds: Mapping[str, float] = field(default_factory=dict)
    chat_template: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteSpec:
    """The benchmarks of a run.

    Attributes:
        name: of the suite; of its average, where there is one.
        benchmarks: its members; none: no benchmark is run.
        average: whether the mean over all members is a figure of its own.
        data_dir: a folder from which tasks read their data instead of the hub.
        folders: folders with tasks of the user's own, as lm-eval's YAML.
        limit: how many examples of each task; None takes all.
        batch_size: for weights on this machine; None finds it.
        published: whether published figures stand beside the measured ones.
    """

    name: str = "none"
    benchmarks: tuple[BenchmarkSpec, ...] = ()
    average: bool = False
    data_dir: str | None = None
    folders: tuple[str, ...] = ()
    limit: int | None = None
    batch_size: int | None = None
    published: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkScore:
    """One score of a standard benchmark, as a share of 1 where the metric is one.

    Attributes:
        task: lm-eval's task; the benchmark's own name for the figure of the whole benchmark.
        few_shot: examples in the prompt.
        headline: whether this is the figure of the whole benchmark, or of the suite.
        normalized: the value with guessing at 0 and perfection at 1, where bounds are given.
        suite: the suite that it was run for.
        chat_template: whether prompts went through the model's chat template.
    """

    model: str
    benchmark: str
    task: str
    metric: str
    value: float
    stderr: float | None
    n: int
    few_shot: int
    harness_version: str
    headline: bool = False
    normalized: float | None = None
    suite: str = ""
    chat_template: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkResult:
    """All that one benchmark found of one model: it is there whole or not at all.

    Attributes:
        digest: the key of the model and of all that the figures depend on.
        about: versions, hashes, settings, usage and time, as plain JSON-like content.
    """

    model: str
    suite: str
    benchmark: str
    digest: str
    scores: tuple[BenchmarkScore, ...]
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkSample:
    """One example of a benchmark as one model did it, for a reader.

    Attributes:
        prompt: what came before the reply, or before each choice.
        choices: the texts whose log-likelihoods were compared; none where text was written.
        log_likelihoods: beside the choices.
        reply: what was written.
        target: the right answer (a text, or a choice's number from 0).
        metrics: the example's own values.
    """

    model: str
    benchmark: str
    task: str
    doc_id: int
    prompt: str
    target: str
    choices: tuple[str, ...] = ()
    log_likelihoods: tuple[float, ...] = ()
    reply: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkRequest(Request):
    """What lm-eval asks of an endpoint.

    Attributes:
        prompt: text that goes out as it is, in place of `messages`; completions endpoints only.
        stop: texts that end the reply.
        continuation: asks for no text but for how probable this one is after the prompt.
    """

    prompt: str | None = None
    stop: tuple[str, ...] = ()
    continuation: str | None = None
