"""Call lm-eval with a prepared benchmark and a model."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from datasets.utils import disable_progress_bars
from jinja2 import BaseLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from lm_eval import evaluator, utils
from lm_eval.tasks import TaskManager
from lm_eval.utils import handle_non_serializable

from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lm_eval.api.model import LM

    from evalharness.benchmarks.preparation import PreparedBenchmark


@dataclass(frozen=True, slots=True, kw_only=True)
class LmEvalOutput:
    """The output of lm-eval.

    Attributes:
        results: its results, without the samples.
        samples: its records of every example, by task.
        task_hashes: for each task, a hash of all examples, prompts and targets, made as lm-eval
            makes it.
    """

    results: Mapping[str, Any]
    samples: Mapping[str, list[dict[str, Any]]]
    task_hashes: Mapping[str, str]


def run_lm_eval(
    lm: LM,
    prepared: PreparedBenchmark,
    *,
    chat_template: bool,
    run_on_main: Callable[[Callable[[], Any]], Any],
) -> LmEvalOutput:
    """Run lm-eval with the seeds and settings of its command line, and return its output.

    Args:
        lm: the model as lm-eval asks it.
        prepared: the benchmark.
        chat_template: whether prompts go through the model's chat template.
        run_on_main: runs a function in the main thread. Comparing mathematical answers sets an
            alarm signal, which only the main thread may do.

    Raises:
        ConfigError: lm-eval loaded other tasks than those that were prepared.
    """
    sandbox_templates()
    # lm-eval would describe the machine for seconds in every call; the run's manifest does it once.
    evaluator.add_env_info = lambda _storage: None
    evaluator.get_git_commit_hash = lambda: None
    output = evaluator.simple_evaluate(
        model=lm,
        tasks=[prepared.spec.task],
        task_manager=_PreparedTasks(prepared, run_on_main),
        num_fewshot=prepared.spec.few_shot,
        batch_size=prepared.batch_size,
        limit=prepared.limit,
        log_samples=True,
        apply_chat_template=chat_template,
        fewshot_as_multiturn=chat_template,
    )
    samples = output.pop("samples")
    return LmEvalOutput(
        results=output,
        samples=samples,
        task_hashes={name: _hash_task(rows) for name, rows in samples.items()},
    )


def sandbox_templates() -> None:
    """Let lm-eval fill the templates of tasks in a sandbox: Jinja itself lets a template run code."""
    if isinstance(utils.env, SandboxedEnvironment):
        return
    sandbox = SandboxedEnvironment(
        loader=BaseLoader(), undefined=StrictUndefined, keep_trailing_newline=True
    )
    sandbox.filters.update(utils.env.filters)
    utils.env = sandbox


def to_plain_json(content: Any) -> Any:
    """Return content of lm-eval with JSON types only."""
    return json.loads(json.dumps(content, default=handle_non_serializable))


@contextmanager
def silence_lm_eval() -> Iterator[None]:
    """Log only errors of lm-eval: its warnings are about intended settings, or checked by us."""
    log = logging.getLogger("lm_eval")
    level = log.level
    log.setLevel(logging.ERROR)
    disable_progress_bars()
    try:
        # A user can do nothing about changes that other libraries announce.
        with warnings.catch_warnings(category=FutureWarning, action="ignore"):
            yield
    finally:
        log.setLevel(level)


class _PreparedTasks(TaskManager):  # type: ignore[misc]
    """The tasks of one benchmark, from their own folders; loading all tasks takes a minute."""

    def __init__(
        self, prepared: PreparedBenchmark, run_on_main: Callable[[Callable[[], Any]], Any]
    ) -> None:
        super().__init__(include_path=list(prepared.folders), include_defaults=False)
        self._prepared = prepared
        self._run_on_main = run_on_main

    def load(self, task_list: Any) -> Any:
        """Return the tasks, which must be those that were prepared.

        Raises:
            ConfigError: lm-eval loads other tasks.
        """
        loaded = super().load(task_list)
        expected = set(self._prepared.tasks)
        if set(loaded["tasks"]) != expected:
            msg = (
                f"benchmarks.{self._prepared.spec.name}: lm-eval loads {len(loaded['tasks'])} tasks "
                f"for {self._prepared.spec.task}, where its files name {len(expected)}"
            )
            raise ConfigError(msg)
        if "math_verify" in sys.modules:
            _refuse_broken_math_verify(self._run_on_main)
        for task in loaded["tasks"].values():
            if callable(task.config.process_results):
                task.process_results = _run_scoring_on_main(task.process_results, self._run_on_main)
        return loaded


def _refuse_broken_math_verify(run_on_main: Callable[[Callable[[], Any]], Any]) -> None:
    """Refuse to score mathematics if math-verify does not find equal answers equal.

    math-verify reports its own failure as a wrong answer.
    """
    from math_verify import parse, verify

    if not run_on_main(lambda: verify(parse("$\\frac{1}{2}$"), parse("The answer is $0.5$"))):
        msg = "math-verify does not work here: it finds 1/2 and 0.5 unequal; MATH cannot be scored"
        raise ConfigError(msg)


def _run_scoring_on_main(
    process: Callable[..., Any], run_on_main: Callable[[Callable[[], Any]], Any]
) -> Callable[..., Any]:
    return lambda *args, **kwargs: run_on_main(lambda: process(*args, **kwargs))


def _hash_task(rows: list[dict[str, Any]]) -> str:
    hashes = "".join(row["doc_hash"] + row["prompt_hash"] + row["target_hash"] for row in rows)
    return sha256(hashes.encode()).hexdigest()
