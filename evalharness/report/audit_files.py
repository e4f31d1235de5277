"""Read and write the files of an audit in a run's folder: the health card and the drift report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import msgspec

from evalharness.analysis import DriftReport, HealthCard
from evalharness.errors import InputError
from evalharness.store import replace_file

if TYPE_CHECKING:
    from pathlib import Path

HEALTH_CARD_FILE = "audit.json"
DRIFT_FILE = "drift.json"

_JudgeReport = TypeVar("_JudgeReport", HealthCard, DriftReport)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeReports:
    """The results of audits of the judges of a run; None without an audit."""

    card: HealthCard | None = None
    drift: DriftReport | None = None


def read_judge_reports(folder: Path) -> JudgeReports:
    """Return the health card and the drift report of a run's folder.

    Raises:
        InputError: one of them is damaged.
    """
    return JudgeReports(card=read_health_card(folder), drift=read_drift_report(folder))


def read_health_card(folder: Path) -> HealthCard | None:
    """Return the health card that an audit left in a run's folder, or None.

    Raises:
        InputError: the file is damaged.
    """
    return _read_judge_report(folder / HEALTH_CARD_FILE, HealthCard, "audit")


def read_drift_report(folder: Path) -> DriftReport | None:
    """Return the drift report that `audit --against` left in a run's folder, or None.

    Raises:
        InputError: the file is damaged.
    """
    return _read_judge_report(folder / DRIFT_FILE, DriftReport, "audit --against")


def write_health_card(folder: Path, card: HealthCard) -> None:
    """Write the health card of a run's judges into its folder."""
    _write_judge_report(folder / HEALTH_CARD_FILE, card)


def write_drift_report(folder: Path, report: DriftReport) -> None:
    """Write the result of the last drift check of a run's judges into its folder."""
    _write_judge_report(folder / DRIFT_FILE, report)


def _read_judge_report(path: Path, kind: type[_JudgeReport], verb: str) -> _JudgeReport | None:
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"{error}; `{verb}` writes it again"
        raise InputError(msg, path=path) from error


def _write_judge_report(path: Path, report: HealthCard | DriftReport) -> None:
    replace_file(path, msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
