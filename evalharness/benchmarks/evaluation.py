"""One call of lm-eval: from a prepared benchmark and a model to scores and samples."""

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
from lm_eval import evaluator
from lm_eval.tasks import TaskManager
from lm_eval.utils import handle_non_serializable

from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lm_eval.api.model import LM

    from evalharness.benchmarks.preparation import PreparedBenchmark


@dataclass(frozen=True, slots=True, kw_only=True)
class LmEvalOutput:
    """What lm-eval found.

    Attributes:
        results: its results, without samples.
        samples: its record of every example, by task.
        task_hashes: by task: a hash of all examples, prompts and targets, as lm-eval's own.
    """

    results: Mapping[str, Any]
    samples: Mapping[str, list[dict[str, Any]]]
    task_hashes: Mapping[str, str]


def evaluate(
    lm: LM,
    prepared: PreparedBenchmark,
    *,
    chat_template: bool,
    on_main: Callable[[Callable[[], Any]], Any],
) -> LmEvalOutput:
    """Return what lm-eval finds of a model; its seeds and settings are its command line's.

    Args:
        lm: the model.
        prepared: the benchmark.
        chat_template: whether prompts go through the model's template.
        on_main: runs a function in the main thread: what compares mathematical answers sets an
            alarm, which no other thread may.

    Raises:
        ConfigError: lm-eval has not loaded the tasks that it should.
    """
    # Describing the machine takes it seconds in every call; a run's manifest does that once.
    evaluator.add_env_info = lambda _storage: None
    evaluator.get_git_commit_hash = lambda: None
    found = evaluator.simple_evaluate(
        model=lm,
        tasks=[prepared.spec.task],
        task_manager=_PreparedTasks(prepared, on_main),
        num_fewshot=prepared.spec.few_shot,
        batch_size=prepared.batch_size,
        limit=prepared.limit,
        log_samples=True,
        apply_chat_template=chat_template,
        fewshot_as_multiturn=chat_template,
    )
    samples = found.pop("samples")
    return LmEvalOutput(
        results=found,
        samples=samples,
        task_hashes={name: _task_hash(rows) for name, rows in samples.items()},
    )


def plain(content: Any) -> Any:
    """Return lm-eval's content as JSON knows it."""
    return json.loads(json.dumps(content, default=handle_non_serializable))


@contextmanager
def silence_lm_eval() -> Iterator[None]:
    """Keep lm-eval's log to errors: what it warns of is either so by design or checked here."""
    log = logging.getLogger("lm_eval")
    level = log.level
    log.setLevel(logging.ERROR)
    disable_progress_bars()
    try:
        # What other libraries will change in time is nothing that a user could do about.
        with warnings.catch_warnings(category=FutureWarning, action="ignore"):
            yield
    finally:
        log.setLevel(level)


class _PreparedTasks(TaskManager):  # type: ignore[misc]
    """The tasks of one benchmark, from their own folders; all of lm-eval's would take a minute."""

    def __init__(
        self, prepared: PreparedBenchmark, on_main: Callable[[Callable[[], Any]], Any]
    ) -> None:
        super().__init__(include_path=list(prepared.folders), include_defaults=False)
        self._prepared = prepared
        self._on_main = on_main

    def load(self, task_list: Any) -> Any:
        """Return the tasks, which must be those that were prepared."""
        loaded = super().load(task_list)
        wanted = set(self._prepared.tasks)
        if set(loaded["tasks"]) != wanted:
            msg = (
                f"benchmarks.{self._prepared.spec.name}: lm-eval loads {len(loaded['tasks'])} tasks "
                f"for {self._prepared.spec.task}, where its files name {len(wanted)}"
            )
            raise ConfigError(msg)
        if "math_verify" in sys.modules:
            _refuse_blind_mathematics(self._on_main)
        for task in loaded["tasks"].values():
            if callable(task.config.process_results):
                task.process_results = _in_main(task.process_results, self._on_main)
        return loaded


def _refuse_blind_mathematics(on_main: Callable[[Callable[[], Any]], Any]) -> None:
    """Refuse to score mathematics where equal answers are not found to be equal.

    What compares them tells no failure of its own from an answer that is wrong.
    """
    from math_verify import parse, verify

    if not on_main(lambda: verify(parse("$\\frac{1}{2}$"), parse("The answer is $0.5$"))):
        msg = "math-verify does not work here: it finds 1/2 and 0.5 unequal; MATH cannot be scored"
        raise ConfigError(msg)


def _in_main(
    process: Callable[..., Any], on_main: Callable[[Callable[[], Any]], Any]
) -> Callable[..., Any]:
    return lambda *given, **named: on_main(lambda: process(*given, **named))


def _task_hash(rows: list[dict[str, Any]]) -> str:
    hashes = "".join(row["doc_hash"] + row["prompt_hash"] + row["target_hash"] for row in rows)
    return sha256(hashes.encode()).hexdigest()
