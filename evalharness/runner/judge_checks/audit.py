"""Audit the judges of a finished run: send them probes, and write their health card."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.analysis import build_health_card
from evalharness.backends import open_engine
from evalharness.errors import ConfigError
from evalharness.planner import refuse_missing_judges
from evalharness.report import publish_run, write_health_card
from evalharness.runner.calls.session import extract_call_settings, open_session
from evalharness.runner.frontend import SILENT_FRONTEND
from evalharness.runner.judge_checks.probe_replies import run_audit_probes
from evalharness.runner.resume import refuse_run_conflict
from evalharness.runner.usage import sum_spent
from evalharness.store import RunFolder, read_trials

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.analysis import HealthCard
    from evalharness.config import Settings
    from evalharness.domain import Failure
    from evalharness.runner.frontend import Frontend

_MAX_DETAIL_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOutcome:
    """The end of an audit.

    Attributes:
        card: the health of the judges.
        problems: a sentence for each kind of probe that failed.
        interrupted: whether the user stopped the audit.
    """

    card: HealthCard
    problems: tuple[str, ...]
    interrupted: bool


def audit_judges(settings: Settings, *, frontend: Frontend = SILENT_FRONTEND) -> AuditOutcome:
    """Send a run's judges the probes that have no reply yet, write their health card, and publish the run.

    Args:
        settings: the run and its audit.
        frontend: shows progress and handles interrupts.

    Raises:
        ConfigError: there are no answers, a judge is missing, or the folder has other settings.
        RunLockedError: another process is writing this run.
    """
    spec, path = settings.run, settings.folder
    records = settings.records()
    if records is None or not records.answers:
        msg = f"{path}: there are no answers to audit a judge with; `run` first, or say run=NAME"
        raise ConfigError(msg)
    with open_engine(settings.engine) as engine:
        refuse_missing_judges(spec.judges, engine=engine)
        with RunFolder.open(path) as folder:
            refuse_run_conflict(folder, settings.tree, spec.questions)
            spent = sum_spent(
                spec,
                folder.answers.values(),
                folder.judgments.values(),
                read_trials(path),
            )
            with open_session(extract_call_settings(settings), spent, engine, frontend) as session:
                work = run_audit_probes(
                    spec,
                    settings.audit,
                    records,
                    path,
                    connect=session.connect,
                    progress=session.progress,
                )
                replies = session.run(work)
    card = build_health_card(records, spec, replies.probed, settings.audit.thresholds)
    write_health_card(path, card)
    publish_run(path)
    return AuditOutcome(
        card=card,
        problems=(*session.describe_budget_end(), *describe_probe_failures(replies.failures)),
        interrupted=session.was_interrupted,
    )


def describe_probe_failures(failures: Sequence[Failure]) -> list[str]:
    """Return a sentence for each judge, reason and detail of failed probes."""
    counts = Counter((row.model, row.reason, row.detail[:_MAX_DETAIL_CHARS]) for row in failures)
    return [
        f"{count} x probe failed for {model}: {reason} ({detail}); the same command asks again"
        for (model, reason, detail), count in counts.most_common()
    ]
