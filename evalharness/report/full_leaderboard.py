"""Build the leaderboard of a run with its robustness and all its cautions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalharness.analysis import (
    analyze_robustness,
    build_leaderboard,
    collect_cautions,
    find_flags,
)
from evalharness.judge import collect_battles
from evalharness.report.audit_files import read_judge_reports
from evalharness.report.corpus_scan import read_corpus_scan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalharness.analysis import FlagReport, Leaderboard
    from evalharness.domain import Battle, RunRecords
    from evalharness.report.audit_files import JudgeReports


def build_run_leaderboard(folder: Path, records: RunRecords) -> Leaderboard:
    """Return the leaderboard of a run as its report shows it, with all cautions.

    Args:
        folder: the run's folder, from which audits and the last corpus search are read.
        records: the run.

    Raises:
        InputError: the folder's health card, drift report or corpus search is damaged.
    """
    return build_full_leaderboard(
        records,
        collect_battles(records),
        judges=[read_judge_reports(folder)],
        flags=find_flags(records, read_corpus_scan(folder)),
    )


def build_full_leaderboard(
    records: RunRecords,
    battles: Sequence[Battle],
    *,
    judges: Sequence[JudgeReports] = (),
    flags: FlagReport | None = None,
) -> Leaderboard:
    """Return the leaderboard of a run with its robustness and all cautions.

    Args:
        records: the run.
        battles: its settled games and its votes.
        judges: the results of audits of its judges, one per merged run.
        flags: the flags on its answers.
    """
    board = build_leaderboard(records, battles, seed=records.config.seed)
    robustness = analyze_robustness(records, battles, board)
    return replace(
        board,
        robustness=robustness,
        cautions=collect_cautions(
            records,
            board.cautions,
            health=[each.card for each in judges if each.card],
            drift=[each.drift for each in judges if each.drift],
            flags=flags,
            robustness=robustness,
            progress=board.progress,
        ),
    )
