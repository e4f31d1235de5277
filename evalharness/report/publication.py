"""Write the leaderboard, its tables and the page of a run from the run's files; no model is called."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.analysis import find_flags
from evalharness.errors import ConfigError
from evalharness.judge import collect_battles
from evalharness.report.audit_files import read_judge_reports
from evalharness.report.corpus_scan import read_corpus_scan, scan_corpus
from evalharness.report.full_leaderboard import build_full_leaderboard, build_run_leaderboard
from evalharness.report.leaderboard_table import (
    render_leaderboard_csv,
    render_leaderboard_json,
    render_leaderboard_latex,
    render_leaderboard_markdown,
)
from evalharness.report.merged_runs import merge_runs
from evalharness.report.page.html_document import render_page
from evalharness.report.robustness_table import make_robustness_record, render_robustness_csv
from evalharness.store import CONFIG_FILE, read_run, replace_file, write_records

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalharness.analysis import Leaderboard
    from evalharness.config import Corpus
    from evalharness.domain import RunRecords
    from evalharness.report.audit_files import JudgeReports
    from evalharness.report.corpus_scan import ScanProgress

PAGE_FILE = "report.html"
FLAGS_FILE = "flags.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """The folder of the published tables and page, and the leaderboard."""

    folder: Path
    leaderboard: Leaderboard

    @property
    def cautions(self) -> tuple[str, ...]:
        """What a reader must know before trusting the leaderboard, a line each."""
        return tuple(map(str, self.leaderboard.cautions))


def publish_run(
    folder: Path, corpus: Corpus | None = None, *, progress: ScanProgress | None = None
) -> Leaderboard:
    """Write the leaderboard, its tables and the page of a run; return the leaderboard.

    Args:
        folder: the run's folder.
        corpus: where to search for the run's texts; without one, the page shows the last search.
        progress: shows the progress of reading the corpus.

    Raises:
        ConfigError: there is no run in this folder.
        InputError: a file in it is damaged.
    """
    return _write_report(
        folder, read_run(folder), [read_judge_reports(folder)], corpus, progress=progress
    )


def publish_runs(
    folders: Sequence[Path],
    to: Path | None = None,
    corpus: Corpus | None = None,
    *,
    progress: ScanProgress | None = None,
) -> Publication:
    """Publish one run in its own folder, or several runs in one folder next to the first.

    Args:
        folders: the folders of the runs.
        to: another folder for the report.
        corpus: as for `publish_run`.
        progress: as for `publish_run`.

    Raises:
        ConfigError, InputError: as `publish_run` and `publish_merged_runs`.
    """
    if len(folders) == 1 and to is None:
        board = publish_run(folders[0], corpus, progress=progress)
        return Publication(folder=folders[0], leaderboard=board)
    target = to or folders[0].parent / "+".join(folder.name for folder in folders)
    board = publish_merged_runs(folders, target, corpus, progress=progress)
    return Publication(folder=target, leaderboard=board)


def publish_merged_runs(
    folders: Sequence[Path],
    to: Path,
    corpus: Corpus | None = None,
    *,
    progress: ScanProgress | None = None,
) -> Leaderboard:
    """Write the leaderboard, the tables and the page of several runs over the same questions.

    Raises:
        ConfigError: there is no run in a folder, the runs cannot be merged, or `to` is a run.
        InputError: a file is damaged.
    """
    if (to / CONFIG_FILE).exists():
        msg = f"{to}: is a run itself; choose another folder with --to"
        raise ConfigError(msg)
    folders = sorted(folders, key=lambda folder: folder.name)  # as `merge_runs` orders them
    records = merge_runs([read_run(folder) for folder in folders])
    to.mkdir(parents=True, exist_ok=True)
    judges = [read_judge_reports(folder) for folder in folders]
    return _write_report(to, records, judges, corpus, progress=progress)


def render_run_tables(folder: Path, records: RunRecords) -> dict[str, str]:
    """Return the tables of a run by the names of their files, without writing them.

    Raises:
        InputError: the folder's health card, drift report or corpus search is damaged.
    """
    return _render_tables(build_run_leaderboard(folder, records))


def _write_report(
    folder: Path,
    records: RunRecords,
    judges: Sequence[JudgeReports],
    corpus: Corpus | None,
    *,
    progress: ScanProgress | None,
) -> Leaderboard:
    """Write all files of the report; the page shows audits of a single run only."""
    battles = collect_battles(records)
    scan = (
        scan_corpus(folder, records, corpus, progress=progress)
        if corpus
        else read_corpus_scan(folder)
    )
    flags = find_flags(records, scan)
    board = build_full_leaderboard(records, battles, judges=judges, flags=flags)
    cards = [each.card for each in judges if each.card]
    page = render_page(
        records,
        battles,
        board,
        cards[0] if len(cards) == 1 else None,
        judges[0].drift if len(judges) == 1 else None,
        flags,
    )
    write_records(folder / FLAGS_FILE, flags.flags)
    for name, text in {**_render_tables(board), PAGE_FILE: page}.items():
        replace_file(folder / name, text.encode())
    return board


def _render_tables(board: Leaderboard) -> dict[str, str]:
    texts = {
        "leaderboard.json": render_leaderboard_json(board),
        "leaderboard.csv": render_leaderboard_csv(board),
        "leaderboard.md": render_leaderboard_markdown(board),
        "leaderboard.tex": render_leaderboard_latex(board),
    }
    if board.robustness is not None:
        texts["robustness.json"] = _render_json(make_robustness_record(board.robustness))
        texts["robustness.csv"] = render_robustness_csv(board.robustness)
    return texts


def _render_json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
