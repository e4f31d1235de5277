"""Check whether a run's judges have changed: repeat some of their judgments and compare."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalharness.analysis import DriftReport, RepeatedJudgment, detect_judge_drift
from evalharness.backends import open_engine
from evalharness.config import (
    NO_TRUST,
    build_audit_spec,
    build_budget,
    build_engine_spec,
    compose_config,
    resolve_run_folder,
)
from evalharness.errors import ConfigError
from evalharness.judge import ProbeResult
from evalharness.planner import refuse_missing_judges
from evalharness.report import publish_run, read_drift_report, write_drift_report
from evalharness.runner.calls.session import CallSettings, name_models, open_session
from evalharness.runner.frontend import SILENT_FRONTEND
from evalharness.runner.judge_checks.audit import describe_probe_failures
from evalharness.runner.judge_checks.drift_judges import (
    changed_model_settings,
    choose_judges,
    match_judges,
    read_run_judges,
)
from evalharness.runner.judge_checks.drift_sample import (
    DRIFT_FILE,
    REPEATS_PER_JUDGMENT,
    next_check_number,
    plan_drift_tasks,
)
from evalharness.runner.judge_checks.probe_replies import run_probe_tasks
from evalharness.runner.usage import Spent
from evalharness.store import (
    RunFolder,
    current_timestamp,
    is_imported_run,
    read_records,
    read_run,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalharness.analysis import JudgeDrift
    from evalharness.backends import EngineSpec
    from evalharness.config import Trust
    from evalharness.domain import JudgeSpec, ModelSpec, RunRecords, Usage
    from evalharness.runner.frontend import Frontend
    from evalharness.runner.judge_checks.drift_judges import MatchedJudge
    from evalharness.runner.judge_checks.probe_tasks import ProbeTask


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftCheck:
    """The judgments that a check repeats, and how it calls the judges.

    Attributes:
        records: the run.
        pairs: the settings of each judge, in the run and now.
        tasks: the judgments to repeat.
        kept: the replies that an interrupted check has left, by digest.
        number: the number of the check, from 1.
        alpha: the significance level.
        calls: how the judges are called; the budget is the check's own.
        engine: where models that take memory run.
    """

    records: RunRecords
    pairs: tuple[MatchedJudge, ...]
    tasks: tuple[ProbeTask, ...]
    kept: Mapping[str, ProbeResult]
    number: int
    alpha: float
    calls: CallSettings
    engine: EngineSpec

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return self.calls.folder

    @property
    def judges(self) -> list[JudgeSpec]:
        """The judges as they are called now."""
        return [pair.current for pair in self.pairs]

    @property
    def missing(self) -> list[ProbeTask]:
        """The tasks that have no reply yet."""
        return [task for task in self.tasks if task.digest not in self.kept]

    def repeated_digests(self, judge: JudgeSpec) -> list[str]:
        """Return the digests of the judgments of one judge that are repeated, each once."""
        return list(
            dict.fromkeys(task.repeated or "" for task in self.tasks if task.request.judge is judge)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftOutcome:
    """The end of a drift check.

    Attributes:
        report: what the replies show.
        problems: a sentence for each kind of failure.
        interrupted: whether the user stopped the check; then no report is written.
    """

    report: DriftReport
    problems: tuple[str, ...]
    interrupted: bool


def prepare_drift_check(
    run: str,
    overrides: Sequence[str],
    config_dir: Path | None = None,
    trust: Trust = NO_TRUST,
) -> DriftCheck:
    """Return the drift check that overrides describe. No judge is called.

    Args:
        run: the run's folder, or its name.
        overrides: the overrides; they can choose judges and change their settings.
        config_dir: the user's own configuration files.
        trust: what the user has confirmed of the run's settings.

    Raises:
        ConfigError: there is no such run, its judgments cannot be repeated, or it was imported and
            its settings are not confirmed.
    """
    tree = compose_config(overrides, config_dir)
    folder = resolve_run_folder(run, tree["results"])
    records = read_run(folder)
    saved = records.config.tree
    needs_confirmation = is_imported_run(folder) and not trust.config
    judges = choose_judges(saved, tree, overrides, folder if needs_confirmation else None)
    earlier = read_run_judges(saved)
    if not earlier:
        msg = f"{folder}: no judge was asked there, so there is none to ask again"
        raise ConfigError(msg)
    against = build_audit_spec(tree["audit"]).against
    pairs = tuple(match_judges(earlier, judges, records.name))
    kept = read_records(folder / DRIFT_FILE, ProbeResult)
    number = _number_check(folder, kept)
    seed = records.config.seed
    models = [judge.model for judge in judges]
    return DriftCheck(
        records=records,
        pairs=pairs,
        tasks=plan_drift_tasks(pairs, records, against, seed, number),
        kept={row.digest: row for row in kept},
        number=number,
        alpha=against.alpha,
        calls=CallSettings(
            folder=folder.resolve(),
            results=folder.resolve().parent,
            cache="off",
            budget=build_budget(tree["budget"], models),
            judge_models=models,
            named_models=name_models((), judges),
            combines_calls=any(judge.repairs for judge in judges),
        ),
        engine=build_engine_spec(tree["engine"]),
    )


def describe_drift_check(check: DriftCheck) -> list[str]:
    """Return lines about what a check repeats, and what its missing calls would cost."""
    lines = [f"check     number {check.number} of {check.records.name}, past the cache"]
    before = {row.digest: row for row in check.records.judgments}
    for pair in check.pairs:
        kinds = Counter(before[digest].kind for digest in check.repeated_digests(pair.current))
        lines.append(
            f"judge     {pair.current.name}: {kinds['pairwise']} games and {kinds['graded']} grades of "
            f"that run, each asked again {REPEATS_PER_JUDGMENT} times"
        )
        lines += [f"setting   {name} is another" for name in changed_model_settings(pair)]
    missing = check.missing
    usd = sum(
        _repeat_cost_usd(task.request.judge.model, before[task.repeated or ""].usage)
        for task in missing
    )
    is_known = all(judge.model.prices.is_known for judge in check.judges)
    cost = f"${usd:,.2f} by what they used then" if is_known else "not known"
    done = len(check.tasks) - len(missing)
    return [*lines, f"calls     {len(missing)}, {done} made already; cost {cost}"]


def run_drift_check(check: DriftCheck, *, frontend: Frontend = SILENT_FRONTEND) -> DriftOutcome:
    """Repeat the judgments that have no reply yet, write the drift report, publish the run.

    Args:
        check: what is repeated.
        frontend: shows the description of the check and its progress, and handles interrupts.

    Raises:
        ConfigError: a judge cannot be called.
        RunLockedError: another process is writing this run.
    """
    with open_engine(check.engine) as engine, RunFolder.open(check.folder):
        refuse_missing_judges(check.judges, engine=engine)
        for line in describe_drift_check(check):
            frontend.print_notice(line)
        with open_session(check.calls, _sum_spent(check), engine, frontend) as session:
            work = run_probe_tasks(
                check.tasks,
                check.judges,
                check.folder / DRIFT_FILE,
                connect=session.connect,
                progress=session.progress,
            )
            replies = session.run(work)
        report = _measure_drift(check, replies.probed)
        if not session.was_interrupted:
            write_drift_report(check.folder, report)
    if not session.was_interrupted:
        publish_run(check.folder)
    return DriftOutcome(
        report=report,
        problems=(*session.describe_budget_end(), *describe_probe_failures(replies.failures)),
        interrupted=session.was_interrupted,
    )


def _number_check(folder: Path, kept: Sequence[ProbeResult]) -> int:
    last = read_drift_report(folder)
    return next_check_number(
        [row.number for row in kept],
        last.number if last else 0,
        is_complete=last.is_complete if last else False,
    )


def _repeat_cost_usd(model: ModelSpec, usage: Usage) -> float:
    """Return the cost of repeating a call with this usage, at the model's current settings."""
    return model.usd_for_usage(replace(usage, batch=model.batch))


def _measure_drift(check: DriftCheck, replies: Sequence[ProbeResult]) -> DriftReport:
    return DriftReport(
        run=check.records.name,
        number=check.number,
        made=current_timestamp(),
        judges=tuple(_measure_judges(check, replies)),
        alpha=check.alpha,
        is_complete=len(replies) == len(check.tasks),
    )


def _measure_judges(check: DriftCheck, replies: Sequence[ProbeResult]) -> list[JudgeDrift]:
    """Return the drift of each judge; repeats of a judgment keep the order of their calls."""
    later: dict[str, list[ProbeResult]] = defaultdict(list)
    for row in sorted(replies, key=lambda row: row.number):
        later[row.of or ""].append(row)
    before = {row.digest: row for row in check.records.judgments}
    return [
        detect_judge_drift(
            pair.current.name,
            [
                RepeatedJudgment(
                    before=before[digest], later=tuple(row.judgment for row in later[digest])
                )
                for digest in check.repeated_digests(pair.current)
            ],
            alpha=check.alpha,
            seed=check.number,
            judges=len(check.pairs),
            changed_settings=changed_model_settings(pair),
        )
        for pair in check.pairs
    ]


def _sum_spent(check: DriftCheck) -> Spent:
    """Return what this check has spent before it was interrupted."""
    models = {judge.name: judge.model for judge in check.judges}
    digests = {task.digest for task in check.tasks}
    judgments = [row.judgment for row in check.kept.values() if row.digest in digests]
    return Spent(
        calls=len(judgments),
        usd=sum(models[each.judge].usd_for_usage(each.usage) for each in judgments),
    )
