"""Define standard benchmarks: their configuration, requests and results."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the store reads the annotations
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from evalharness.domain.calls import Request


class ModelAccess(StrEnum):
    """What a backend provides of a model. It determines which benchmarks can run.

    WEIGHTS: the loaded model, for every task. LOGPROBS: text, and the log-probability of a given
    text if the server reports it. TEXT: text only, so no tasks that compare log-likelihoods. NONE:
    no new text.
    """

    WEIGHTS = "weights"
    LOGPROBS = "logprobs"
    TEXT = "text"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkSpec:
    """One benchmark: a task or group of lm-eval, and the figure that represents it.

    Attributes:
        name: the name in tables.
        task: lm-eval's name of a task, a group or a tag.
        few_shot: examples in the prompt; None means the task's own number.
        metrics: lm-eval's keys (`acc_norm`, or `exact_match,strict-match`); the figure is their
            mean. When empty: `acc_norm` if it exists, else the task's first metric.
        tasks: how many tasks must be loaded; None skips the check.
        mean: over a group, `tasks` (equal weights) or `group` (lm-eval's own mean).
        lower_bound: the figure that guessing reaches, for the normalized figure; None omits it.
        lower_bounds: the lower bound of each task of a group, by task.
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
        name: the name of the suite, and of its average.
        benchmarks: the benchmarks; when empty, none is run.
        average: whether the mean over all benchmarks is also a figure.
        data_dir: a folder from which tasks read their data instead of the hub.
        folders: folders with the user's own tasks, in lm-eval's YAML.
        limit: the number of examples of each task; None means all.
        batch_size: the batch size of models on this machine; None determines it automatically.
        published: whether published figures are shown next to the measured ones.
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
    """One score of a standard benchmark, as a share of 1 if the metric is a share.

    Attributes:
        task: lm-eval's task, or the name of the benchmark if the score is that of the whole
            benchmark.
        few_shot: examples in the prompt.
        headline: whether this is the figure of the whole benchmark, or of the suite.
        normalized: the value rescaled so that guessing is 0 and perfection 1, if bounds are given.
        suite: the suite of the benchmark.
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
    """The complete result of one benchmark and one model.

    Attributes:
        digest: the key of the model and of everything on which the figures depend.
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
    """One example of a benchmark with a model's result, for readers.

    Attributes:
        prompt: the text before the reply, or before each choice.
        choices: the texts with log-likelihoods that were compared; empty for generated text.
        log_likelihoods: the log-likelihood of each choice, in order.
        reply: the generated text.
        target: the correct answer (a text, or a choice's number from 0).
        metrics: the values of this example.
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
    """A request of lm-eval to an endpoint.

    Attributes:
        prompt: text that is sent unchanged in place of `messages`; completions endpoints only.
        stop: texts that end the reply.
        continuation: if given, no text is generated; its log-probability after the prompt is
            requested.
    """

    prompt: str | None = None
    stop: tuple[str, ...] = ()
    continuation: str | None = None
