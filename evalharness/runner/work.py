"""Complete a run: request the missing answers, judgments and benchmarks, then publish the results."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from evalharness.backends import open_engine
from evalharness.config import (
    find_resource_folder,
    published_scores_content,
    read_published_scores,
)
from evalharness.domain import RunStage
from evalharness.errors import ConfigError
from evalharness.judge import describe_adaptive_outcome, uses_adaptive_pairs
from evalharness.planner import (
    NO_BENCHMARKS,
    list_notices,
    plan_benchmarks,
    refuse_benchmarks_on_nodes,
    refuse_missing_judges,
    refuse_missing_models,
)
from evalharness.runner.calls.session import extract_call_settings, open_session
from evalharness.runner.frontend import SILENT_FRONTEND
from evalharness.runner.judge_checks.trial_verdicts import try_judges
from evalharness.runner.manifest import record_run_start, write_run_manifest
from evalharness.runner.pipeline import run_pipeline
from evalharness.runner.resume import merge_benchmark_config, refuse_run_conflict
from evalharness.runner.usage import sum_spent
from evalharness.store import RunFolder, merge_shards, read_run, read_trials

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
    from pathlib import Path

    from evalharness.backends import Engine
    from evalharness.config import Settings
    from evalharness.domain import Failure, Question, RunSpec
    from evalharness.planner import BenchmarkPlan
    from evalharness.runner.frontend import Frontend

_MAX_DETAIL_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """The end of a run.

    Attributes:
        finding: what the leaderboard shows, in a sentence or two.
        cautions: what a reader must know before trusting the finding, a line each.
        problems: a sentence for each kind of failure.
        interrupted: whether the user stopped the run.
    """

    finding: str
    cautions: tuple[str, ...]
    problems: tuple[str, ...]
    interrupted: bool


def complete_run(
    settings: Settings,
    stages: Sequence[RunStage],
    command: str,
    *,
    frontend: Frontend = SILENT_FRONTEND,
) -> RunOutcome:
    """Request everything that a run lacks, and publish the run.

    Args:
        settings: what to run, and where.
        stages: the stages to complete.
        command: the command that repeats the run, for its manifest.
        frontend: shows progress and handles interrupts.

    Raises:
        ConfigError: the run needs something that is missing, or its folder has other settings.
        RunLockedError: another process is writing this run.
    """
    spec, path = settings.run, settings.folder
    if RunStage.BENCHMARK in stages:
        refuse_benchmarks_on_nodes(spec, settings.engine)
    for line in list_notices(spec, settings.budget, judges=RunStage.JUDGE in stages):
        frontend.print_notice(line)
    with open_engine(settings.engine) as engine:
        benchmarks = _check_models(spec, stages, engine, frontend)
        with _open_folder(
            path,
            # Written before any answer, so that a run that ends at any moment goes on with its day.
            {**settings.tree, "template_date": spec.template_date},
            spec.questions,
            stages,
            only_failed=settings.retry_failed,
        ) as (folder, write_config):
            spent = sum_spent(
                spec,
                folder.answers.values(),
                folder.judgments.values(),
                read_trials(path),
            )
            with open_session(extract_call_settings(settings), spent, engine, frontend) as session:
                pipeline = partial(
                    run_pipeline,
                    spec,
                    folder,
                    stages=stages,
                    connect=session.connect,
                    progress=session.progress,
                    only_failed=settings.retry_failed,
                    benchmarks=benchmarks,
                    models_at_once=settings.engine.models_at_once,
                )
                judges = spec.judges if RunStage.JUDGE in stages else ()
                trials = try_judges(judges, spec.judging, folder, session.connect_uncached)
                start = partial(record_run_start, path, stages, spec.suite)
                session.run(_run_in_order(trials, write_config, start, pipeline))
            failures = tuple(folder.failures.values())
    records = read_run(path)
    write_run_manifest(
        path,
        spec,
        records,
        command=command,
        published=_published_scores(spec),
        stopped=session.describe_stop(),
    )
    from evalharness.report import publish_run, summarize_ranking  # slow to import

    board = publish_run(path, settings.corpus, progress=frontend.show_scan)
    finding = summarize_ranking(board).sentence
    if RunStage.JUDGE in stages and uses_adaptive_pairs(spec):
        finding = "\n".join((finding, describe_adaptive_outcome(spec, records)))
    return RunOutcome(
        finding=finding,
        cautions=tuple(map(str, board.cautions)),
        problems=(*session.describe_budget_end(), *_describe_failures(failures, path)),
        interrupted=session.was_interrupted,
    )


async def _run_in_order(
    trials: Coroutine[Any, Any, None],
    write_config: Callable[[], None],
    record_start: Callable[[], None],
    pipeline: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    """Try the judges, write the configuration that they were not refused with, and run."""
    await trials
    write_config()
    record_start()
    await pipeline()


def _check_models(
    spec: RunSpec, stages: Sequence[RunStage], engine: Engine, frontend: Frontend
) -> BenchmarkPlan:
    """Refuse models that cannot be called; return the benchmarks that each can take part in."""
    if RunStage.ANSWER in stages or RunStage.BENCHMARK in stages:
        refuse_missing_models(spec, judges=RunStage.JUDGE in stages, engine=engine)
    elif RunStage.JUDGE in stages:
        refuse_missing_judges(spec.judges, engine=engine)
    if RunStage.BENCHMARK not in stages:
        return NO_BENCHMARKS
    plan = plan_benchmarks(spec)
    for line in plan.left_out:
        frontend.print_notice(line)
    return plan


@contextmanager
def _open_folder(
    path: Path,
    tree: Mapping[str, Any],
    questions: Sequence[Question],
    stages: Sequence[RunStage],
    *,
    only_failed: bool,
) -> Iterator[tuple[RunFolder, Callable[[], None]]]:
    """Open the run's folder for writing, after checking that its content fits the settings.

    The second value writes the settings into it: once nothing can refuse them any more.
    """
    needs_answers = RunStage.JUDGE in stages and RunStage.ANSWER not in stages
    with RunFolder.open(path, must_exist=needs_answers or only_failed) as folder:
        if set(stages) == {RunStage.BENCHMARK}:
            tree, questions = merge_benchmark_config(folder, tree, questions)
        else:
            refuse_run_conflict(folder, tree, questions)
        merge_shards(folder)
        _refuse_nothing_to_do(folder, stages, only_failed=only_failed)
        yield folder, partial(folder.write_config, tree, questions)


def _refuse_nothing_to_do(
    folder: RunFolder, stages: Sequence[RunStage], *, only_failed: bool
) -> None:
    if RunStage.JUDGE in stages and RunStage.ANSWER not in stages and not folder.answers:
        msg = f"{folder.path}: there are no answers to judge; `answer` or `run` first"
        raise ConfigError(msg)
    if only_failed and not folder.failures:
        msg = f"{folder.path}: nothing has failed here; without --retry-failed the run goes on"
        raise ConfigError(msg)


def _published_scores(spec: RunSpec) -> list[dict[str, Any]]:
    """Return the published scores of the run's models, if its benchmarks show them."""
    if not spec.suite.published:
        return []
    names = [model.name for model in spec.models]
    return published_scores_content(
        read_published_scores(find_resource_folder("conf") / "published", names)
    )


def _describe_failures(failures: Sequence[Failure], path: Path) -> tuple[str, ...]:
    """Return a sentence for each stage, model and reason with failures."""
    counts = Counter((row.stage, row.model, row.reason) for row in failures)
    details = {(row.stage, row.model, row.reason): row.detail for row in failures}
    sentences = [
        f"{count} x {stage} failed for {model}: {reason} "
        f"({details[stage, model, reason][:_MAX_DETAIL_CHARS]})"
        for (stage, model, reason), count in counts.most_common()
    ]
    if sentences:
        sentences.append(f"listed in {path / 'failures.jsonl'}; the same command asks again")
    return tuple(sentences)
