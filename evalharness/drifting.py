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

from evalharness import _plan_spec, config, ending, health, planning, reasking
from evalharness._engine_spec import engine_spec
from evalharness._specs import audit_spec, budget, judge_spec
from evalharness.config import Settings
from evalharness.domain import JudgingSpec, RunSpec
from evalharness.errors import ConfigError
from evalharness.health import Finding
from evalharness.probes import Probed
from evalharness.publishing import PAGE, publish, read_drift, write_drift
from evalharness.schema import saved_judge
from evalharness.store import jsonl
from evalharness.store.run_folder import RunFolder, read_run

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from evalharness.backends import Stop
    from evalharness.domain import JudgeSpec, ModelSpec, RunRecords, Usage
    from evalharness.health import Drift
    from evalharness.metering import Meter
    from evalharness.probing import Ask

CODES = {Finding.UNCHANGED: 0, Finding.CHANGED: 1, Finding.UNKNOWN: 3}
OPTION = "--against"
_CHOICES = ("models@judge", "prompts@judge")
"""Overrides that, as `judge=`, choose a judge or its prompts anew; else they are the run's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Check:
    """What a check asks: which judges, about which judgments of which run."""

    settings: Settings
    records: RunRecords
    pairs: tuple[reasking.Judges, ...]
    asks: tuple[Ask, ...]
    kept: Mapping[str, Probed]
    number: int

    @property
    def folder(self) -> Path:
        return self.settings.folder

    @property
    def missing(self) -> list[Ask]:
        return [each for each in self.asks if each.digest not in self.kept]


def is_asked_for(arguments: Sequence[str]) -> bool:
    """Return whether a command names a run to hold its judges against."""
    return any(each == OPTION or each.startswith(f"{OPTION}=") for each in arguments)


def main(parser: argparse.ArgumentParser, arguments: Sequence[str], *, only_plan: bool) -> int:
    """Do a check, or say what it would take; return the exit code."""
    parser.add_argument(OPTION, metavar="RUN", required=True, help="a run's folder, or its name")
    parser.add_argument("overrides", metavar="KEY=VALUE", nargs="*")
    parser.add_argument("--config-dir", type=Path, metavar="DIR", help="judges of your own")
    given = parser.parse_intermixed_args(arguments)
    check = prepare(given.against, given.overrides, given.config_dir)
    if only_plan:
        ending.tell(describe(check))
        return ending.OK
    found, problems, interrupted = ask(check)
    ending.warn(problems)
    if interrupted:
        raise KeyboardInterrupt
    ending.tell([*health.drift_lines(found), f"report: {check.folder / PAGE}"])
    return CODES[found.finding]


def prepare(run: str, overrides: Sequence[str], config_dir: Path | None = None) -> _Check:
    """Return what a check of a run asks.

    Raises:
        ConfigError: there is no such run, or its judgments cannot be asked again.
    """
    tree = config.compose(overrides, config_dir)
    folder = Path(run) if Path(run).is_dir() or "/" in run else Path(tree["results"], run)
    records = read_run(folder)
    was = _judges(_confs(records.config))
    if not was:
        msg = f"{folder}: no judge was asked there, so there is none to ask again"
        raise ConfigError(msg)
    now = _now(records.config, tree, overrides)
    settings = _settings(tree, folder, records, now)
    pairs = tuple(reasking.pair_up(was, now, records.name))
    rows = jsonl.read_own(folder / reasking.FILE, Probed)
    last = read_drift(folder)
    number = reasking.check_number(
        [row.number for row in rows],
        last.number if last else 0,
        is_complete=last.is_complete if last else False,
    )
    seed = records.config.get("seed", 0)
    return _Check(
        settings=settings,
        records=records,
        pairs=pairs,
        asks=reasking.asks(pairs, records, settings.audit.against, seed, number),
        kept={row.digest: row for row in rows},
        number=number,
    )


def describe(check: _Check) -> list[str]:
    """Return lines that say what a check asks, and what is missing of it would cost."""
    lines = [f"check     number {check.number} of {check.records.name}, past the cache"]
    before = {row.digest: row for row in check.records.judgments}
    missing = check.missing
    for pair in check.pairs:
        own = {each.of or "" for each in check.asks if each.showing.judge is pair.now}
        kinds = Counter(before[of].kind for of in own)
        lines.append(
            f"judge     {pair.now.name}: {kinds['pairwise']} games and {kinds['graded']} grades of "
            f"that run, each asked again {reasking.TIMES} times"
        )
        lines += [f"setting   {name} is another" for name in reasking.differences(pair)]
    usd = sum(_usd(each.showing.judge.model, before[each.of or ""].usage) for each in missing)
    is_known = all(pair.now.model.prices.is_known for pair in check.pairs)
    cost = f"${usd:,.2f} by what they used then" if is_known else "not known"
    done = len(check.asks) - len(missing)
    return [*lines, f"calls     {len(missing)}, {done} made already; cost {cost}"]


def ask(check: _Check) -> tuple[Drift, tuple[str, ...], bool]:
    """Ask what is missing, write what it shows, publish the run; return it, and what went wrong.

    Raises:
        ConfigError: a judge cannot be asked.
        RunLockedError: another process is writing this run.
    """
    from evalharness import auditing, engines, running
    from evalharness.backends import Stop
    from evalharness.progress import Bars

    settings, stop = check.settings, Stop()
    with engines.opened(settings.engine) as engine, RunFolder.open(check.folder):
        planning.refuse_missing_judges(settings.run, engine=engine)
        ending.tell(describe(check))
        meter = _meter(check, stop)
        with running.connector(settings, stop, meter, engine) as connect, Bars(meter) as bars:
            working = auditing.ask_for(
                check.asks,
                settings.run.judges,
                check.folder / reasking.FILE,
                connect=connect,
                progress=bars,
            )
            found = running.finish(working, stop, meter)
        interrupted = stop.is_set and meter.ended_by is None
        shown = _shown(check, found.probed)
        if not interrupted:
            write_drift(check.folder, shown)
    if not interrupted:
        publish(check.folder)
    problems = (*running.budget_end(meter), *running.unasked(found.failures))
    return shown, problems, interrupted


def _usd(model: ModelSpec, usage: Usage) -> float:
    """Return what a call that used so much would cost now."""
    return model.usd(replace(usage, batch=model.batch))


def _shown(check: _Check, probed: Sequence[Probed]) -> Drift:
    """Return what the replies show, those of one judgment in the order in which they were asked."""
    later: dict[str, list[Probed]] = defaultdict(list)
    for row in sorted(probed, key=lambda row: row.number):
        later[row.of or ""].append(row)
    before = {row.digest: row for row in check.records.judgments}
    judges = []
    for pair in check.pairs:
        of = dict.fromkeys(each.of or "" for each in check.asks if each.showing.judge is pair.now)
        asked = [
            health.Asked(before=before[key], later=tuple(row.judgment for row in later[key]))
            for key in of
        ]
        judges.append(
            health.drift(
                pair.now.name,
                asked,
                alpha=check.settings.audit.against.alpha,
                seed=check.number,
                judges=len(check.pairs),
                changed_settings=reasking.differences(pair),
            )
        )
    return health.Drift(
        run=check.records.name,
        number=check.number,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        judges=tuple(judges),
        alpha=check.settings.audit.against.alpha,
        is_complete=len(probed) == len(check.asks),
    )


def _meter(check: _Check, stop: Stop) -> Meter:
    """Return a meter at what this check has spent before: a budget here is the check's."""
    from evalharness.metering import Meter

    models = {pair.now.name: pair.now.model for pair in check.pairs}
    wanted = {each.digest for each in check.asks}
    spent = [row.judgment for row in check.kept.values() if row.digest in wanted]
    return Meter(
        check.settings.budget,
        stop,
        calls=len(spent),
        usd=sum(models[each.judge].usd(each.usage) for each in spent),
    )


def _settings(
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
        audit=audit_spec(tree["audit"]),
        engine=engine_spec(tree["engine"]),
        budget=budget(tree["budget"], [judge.model for judge in judges]),
        wanted=_plan_spec.wanted(tree["plan"]),
        tree=tree,
    )


def _confs(saved: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the judges of a run's configuration, by their place in it."""
    found = {"judge": saved["judge"]} if saved.get("judge") else {}
    found |= {f"panel.{name}": conf for name, conf in (saved.get("panel") or {}).items()}
    return {place: saved_judge(conf) for place, conf in found.items()}


def _judges(confs: Mapping[str, Any]) -> dict[str, JudgeSpec]:
    judges = [judge_spec(conf, place) for place, conf in confs.items()]
    return {judge.name: judge for judge in judges}


def _now(
    saved: Mapping[str, Any], tree: Mapping[str, Any], overrides: Sequence[str]
) -> list[JudgeSpec]:
    """Return the judges to ask: those that overrides choose, else the run's own with their settings."""
    keys = [override.partition("=")[0].lstrip("+") for override in overrides]
    if any(key == "judge" or key.startswith(_CHOICES) for key in keys):
        return list(_judges(_confs(tree)).values())
    confs = copy.deepcopy(_confs(saved))
    for key in keys:
        place, _, path = key.partition(".")
        if place == "judge" and path:
            _put(confs["judge"], path.split("."), tree["judge"])
    return list(_judges(confs).values())


def _put(conf: dict[str, Any], path: Sequence[str], source: Mapping[str, Any]) -> None:
    """Set one setting of a judge to what another has there."""
    *parents, last = path
    for name in parents:
        conf, source = conf.setdefault(name, {}), source[name]
    conf[last] = source[last]
