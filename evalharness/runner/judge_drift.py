"""A run's judges asked once more what they judged there, to see whether they have changed since.

Exit codes: 0 no change found, 1 a judge has changed, 3 cannot tell (too few replies).
"""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalharness.analysis import (
    DriftFinding,
    DriftReport,
    RepeatedJudgment,
    detect_judge_drift,
    format_drift_report,
)
from evalharness.cli import OK, print_lines, print_problems
from evalharness.config import (
    Settings,
    build_audit_spec,
    build_budget,
    build_engine_spec,
    build_judge_spec,
    build_plan_targets,
    complete_saved_judge,
    compose_config,
)
from evalharness.domain import JudgingSpec, RunSpec
from evalharness.errors import ConfigError
from evalharness.judge import ProbeResult
from evalharness.planner import refuse_missing_judges
from evalharness.report import PAGE_FILE, publish_run, read_drift_report, write_drift_report
from evalharness.runner.drift_sample import (
    DRIFT_FILE,
    REPEATS_PER_JUDGMENT,
    JudgeThenAndNow,
    changed_model_settings,
    next_check_number,
    pair_judges,
    plan_drift_tasks,
)
from evalharness.store import RunFolder, read_records, read_run

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from evalharness.backends import StopSignal
    from evalharness.domain import JudgeSpec, ModelSpec, RunRecords, Usage
    from evalharness.runner.budget import BudgetMeter
    from evalharness.runner.probe_tasks import ProbeTask

EXIT_CODES = {DriftFinding.UNCHANGED: 0, DriftFinding.CHANGED: 1, DriftFinding.UNKNOWN: 3}
AGAINST_OPTION = "--against"
_JUDGE_OVERRIDES = ("models@judge", "prompts@judge")
"""Overrides that, as `judge=`, choose a judge or its prompts anew; else they are the run's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftCheck:
    """What a check asks: which judges, about which judgments of which run."""

    settings: Settings
    records: RunRecords
    pairs: tuple[JudgeThenAndNow, ...]
    asks: tuple[ProbeTask, ...]
    kept: Mapping[str, ProbeResult]
    number: int

    @property
    def folder(self) -> Path:
        """The folder of the run whose judges are asked."""
        return self.settings.folder

    @property
    def missing(self) -> list[ProbeTask]:
        """The tasks that have no reply yet."""
        return [each for each in self.asks if each.digest not in self.kept]


def names_drift_check(arguments: Sequence[str]) -> bool:
    """Return whether a command names a run to hold its judges against."""
    return any(
        each == AGAINST_OPTION or each.startswith(f"{AGAINST_OPTION}=") for each in arguments
    )


def run_drift_command(
    parser: argparse.ArgumentParser, arguments: Sequence[str], *, only_plan: bool
) -> int:
    """Do a check, or say what it would take; return the exit code."""
    parser.add_argument(
        AGAINST_OPTION, metavar="RUN", required=True, help="a run's folder, or its name"
    )
    parser.add_argument("overrides", metavar="KEY=VALUE", nargs="*")
    parser.add_argument("--config-dir", type=Path, metavar="DIR", help="judges of your own")
    given = parser.parse_intermixed_args(arguments)
    check = prepare_drift_check(given.against, given.overrides, given.config_dir)
    if only_plan:
        print_lines(describe_drift_check(check))
        return OK
    found, problems, interrupted = run_drift_check(check)
    print_problems(problems)
    if interrupted:
        raise KeyboardInterrupt
    print_lines([*format_drift_report(found), f"report: {check.folder / PAGE_FILE}"])
    return EXIT_CODES[found.finding]


def prepare_drift_check(
    run: str, overrides: Sequence[str], config_dir: Path | None = None
) -> DriftCheck:
    """Return what a check of a run asks.

    Raises:
        ConfigError: there is no such run, or its judgments cannot be asked again.
    """
    tree = compose_config(overrides, config_dir)
    folder = Path(run) if Path(run).is_dir() or "/" in run else Path(tree["results"], run)
    records = read_run(folder)
    was = _judge_specs(_saved_judges(records.config))
    if not was:
        msg = f"{folder}: no judge was asked there, so there is none to ask again"
        raise ConfigError(msg)
    now = _current_judges(records.config, tree, overrides)
    settings = _check_settings(tree, folder, records, now)
    pairs = tuple(pair_judges(was, now, records.name))
    rows = read_records(folder / DRIFT_FILE, ProbeResult)
    last = read_drift_report(folder)
    number = next_check_number(
        [row.number for row in rows],
        last.number if last else 0,
        is_complete=last.is_complete if last else False,
    )
    seed = records.config.get("seed", 0)
    return DriftCheck(
        settings=settings,
        records=records,
        pairs=pairs,
        asks=plan_drift_tasks(pairs, records, settings.audit.against, seed, number),
        kept={row.digest: row for row in rows},
        number=number,
    )


def describe_drift_check(check: DriftCheck) -> list[str]:
    """Return lines that say what a check asks, and what is missing of it would cost."""
    lines = [f"check     number {check.number} of {check.records.name}, past the cache"]
    before = {row.digest: row for row in check.records.judgments}
    missing = check.missing
    for pair in check.pairs:
        own = {each.of or "" for each in check.asks if each.showing.judge is pair.now}
        kinds = Counter(before[of].kind for of in own)
        lines.append(
            f"judge     {pair.now.name}: {kinds['pairwise']} games and {kinds['graded']} grades of "
            f"that run, each asked again {REPEATS_PER_JUDGMENT} times"
        )
        lines += [f"setting   {name} is another" for name in changed_model_settings(pair)]
    usd = sum(
        _repeat_cost_usd(each.showing.judge.model, before[each.of or ""].usage) for each in missing
    )
    is_known = all(pair.now.model.prices.is_known for pair in check.pairs)
    cost = f"${usd:,.2f} by what they used then" if is_known else "not known"
    done = len(check.asks) - len(missing)
    return [*lines, f"calls     {len(missing)}, {done} made already; cost {cost}"]


def run_drift_check(check: DriftCheck) -> tuple[DriftReport, tuple[str, ...], bool]:
    """Ask what is missing, write what it shows, publish the run; return it, and what went wrong.

    Raises:
        ConfigError: a judge cannot be asked.
        RunLockedError: another process is writing this run.
    """
    from evalharness.backends import StopSignal, open_engine
    from evalharness.cli import ProgressBars
    from evalharness.runner.audit import run_probe_tasks
    from evalharness.runner.work import (
        describe_budget_end,
        describe_probe_failures,
        open_connections,
        run_to_completion,
    )

    settings, stop = check.settings, StopSignal()
    with open_engine(settings.engine) as engine, RunFolder.open(check.folder):
        refuse_missing_judges(settings.run, engine=engine)
        print_lines(describe_drift_check(check))
        meter = _check_meter(check, stop)
        with (
            open_connections(settings, stop, meter, engine) as connect,
            ProgressBars(meter) as bars,
        ):
            working = run_probe_tasks(
                check.asks,
                settings.run.judges,
                check.folder / DRIFT_FILE,
                connect=connect,
                progress=bars,
            )
            found = run_to_completion(working, stop, meter)
        interrupted = stop.is_set and meter.ended_by is None
        shown = _measure_drift(check, found.probed)
        if not interrupted:
            write_drift_report(check.folder, shown)
    if not interrupted:
        publish_run(check.folder)
    problems = (*describe_budget_end(meter), *describe_probe_failures(found.failures))
    return shown, problems, interrupted


def _repeat_cost_usd(model: ModelSpec, usage: Usage) -> float:
    """Return what a call that used so much would cost now."""
    return model.usd(replace(usage, batch=model.batch))


def _measure_drift(check: DriftCheck, probed: Sequence[ProbeResult]) -> DriftReport:
    """Return what the replies show, those of one judgment in the order in which they were asked."""
    later: dict[str, list[ProbeResult]] = defaultdict(list)
    for row in sorted(probed, key=lambda row: row.number):
        later[row.of or ""].append(row)
    before = {row.digest: row for row in check.records.judgments}
    judges = []
    for pair in check.pairs:
        of = dict.fromkeys(each.of or "" for each in check.asks if each.showing.judge is pair.now)
        asked = [
            RepeatedJudgment(before=before[key], later=tuple(row.judgment for row in later[key]))
            for key in of
        ]
        judges.append(
            detect_judge_drift(
                pair.now.name,
                asked,
                alpha=check.settings.audit.against.alpha,
                seed=check.number,
                judges=len(check.pairs),
                changed_settings=changed_model_settings(pair),
            )
        )
    return DriftReport(
        run=check.records.name,
        number=check.number,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        judges=tuple(judges),
        alpha=check.settings.audit.against.alpha,
        is_complete=len(probed) == len(check.asks),
    )


def _check_meter(check: DriftCheck, stop: StopSignal) -> BudgetMeter:
    """Return a meter at what this check has spent before: a budget here is the check's."""
    from evalharness.runner.budget import BudgetMeter

    models = {pair.now.name: pair.now.model for pair in check.pairs}
    wanted = {each.digest for each in check.asks}
    spent = [row.judgment for row in check.kept.values() if row.digest in wanted]
    return BudgetMeter(
        check.settings.budget,
        stop,
        calls=len(spent),
        usd=sum(models[each.judge].usd(each.usage) for each in spent),
    )


def _check_settings(
    tree: Mapping[str, Any], folder: Path, records: RunRecords, judges: Sequence[JudgeSpec]
) -> Settings:
    """Return settings under which a run's folder is asked about by these judges, past the cache."""
    return Settings(
        run=RunSpec(
            name=folder.resolve().name,
            models=(),
            judges=tuple(judges),
            questions=records.questions,
            judging=JudgingSpec(),
        ),
        results=folder.resolve().parent,
        cache="off",
        audit=build_audit_spec(tree["audit"]),
        engine=build_engine_spec(tree["engine"]),
        budget=build_budget(tree["budget"], [judge.model for judge in judges]),
        wanted=build_plan_targets(tree["plan"]),
        tree=tree,
    )


def _saved_judges(saved: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the judges of a run's configuration, by their place in it."""
    found = {"judge": saved["judge"]} if saved.get("judge") else {}
    found |= {f"panel.{name}": conf for name, conf in (saved.get("panel") or {}).items()}
    return {place: complete_saved_judge(conf) for place, conf in found.items()}


def _judge_specs(confs: Mapping[str, Any]) -> dict[str, JudgeSpec]:
    judges = [build_judge_spec(conf, place) for place, conf in confs.items()]
    return {judge.name: judge for judge in judges}


def _current_judges(
    saved: Mapping[str, Any], tree: Mapping[str, Any], overrides: Sequence[str]
) -> list[JudgeSpec]:
    """Return the judges to ask: those that overrides choose, else the run's own with their settings."""
    keys = [override.partition("=")[0].lstrip("+") for override in overrides]
    if any(key == "judge" or key.startswith(_JUDGE_OVERRIDES) for key in keys):
        return list(_judge_specs(_saved_judges(tree)).values())
    confs = copy.deepcopy(_saved_judges(saved))
    for key in keys:
        place, _, path = key.partition(".")
        if place == "judge" and path:
            _copy_setting(confs["judge"], path.split("."), tree["judge"])
    return list(_judge_specs(confs).values())


def _copy_setting(conf: dict[str, Any], path: Sequence[str], source: Mapping[str, Any]) -> None:
    """Set one setting of a judge to what another has there."""
    *parents, last = path
    for name in parents:
        conf, source = conf.setdefault(name, {}), source[name]
    conf[last] = source[last]
