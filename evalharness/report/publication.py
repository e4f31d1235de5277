"""From a run's files to its leaderboard, tables and page; no model is asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from evalharness.analysis import (
    NGRAM_LENGTH,
    DriftReport,
    HealthCard,
    analyze_robustness,
    build_leaderboard,
    find_flags,
    list_drift_cautions,
    list_flag_cautions,
    list_health_cautions,
)
from evalharness.config import Corpus
from evalharness.errors import ConfigError, InputError
from evalharness.judge import collect_battles
from evalharness.report.corpus_scan import read_corpus_scan, scan_corpus
from evalharness.report.leaderboard_table import (
    list_leaderboard_records,
    render_leaderboard_csv,
    render_leaderboard_latex,
    render_leaderboard_markdown,
)
from evalharness.report.merged_runs import merge_runs
from evalharness.report.page.html_document import render_page
from evalharness.report.robustness_table import make_robustness_record, render_robustness_csv
from evalharness.store import CONFIG_FILE, read_run, replace_file, write_records

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from evalharness.analysis import FlagReport, Leaderboard
    from evalharness.domain import Battle, RunRecords

_SavedReport = TypeVar("_SavedReport")

PAGE_FILE = "report.html"
HEALTH_CARD_FILE = "audit.json"
DRIFT_FILE = "drift.json"
FLAGS_FILE = "flags.jsonl"


def parse_report_arguments(
    parser: argparse.ArgumentParser, arguments: Sequence[str]
) -> argparse.Namespace:
    """Return the arguments of `report`."""
    parser.add_argument(
        "runs", metavar="RUN", nargs="+", help="a run's folder, or its name in results/"
    )
    parser.add_argument("--to", type=Path, metavar="DIR", help="where several runs' report goes")
    parser.add_argument(
        "--corpus",
        type=Path,
        action="append",
        metavar="PATH",
        help="look for questions, references and answers in this file or folder",
    )
    words = "of an n-gram looked for in a corpus: 13, as for GPT-3"
    parser.add_argument("--words", type=int, default=NGRAM_LENGTH, metavar="N", help=words)
    return parser.parse_intermixed_args(arguments)


def corpus_from_arguments(given: argparse.Namespace) -> Corpus | None:
    """Return the corpus that the arguments of `report` name.

    Raises:
        ConfigError: a path does not exist, or the n-grams are too short.
    """
    return Corpus(paths=tuple(given.corpus), words=given.words) if given.corpus else None


def publish_run(folder: Path, corpus: Corpus | None = None) -> Leaderboard:
    """Write the leaderboard, its tables and the page of a run; return the leaderboard.

    Args:
        folder: the run's.
        corpus: where the run's texts are looked for; without one, what was found before is shown.

    Raises:
        ConfigError: there is no run in this folder.
        InputError: a file in it is damaged.
    """
    return _write_report(folder, read_run(folder), [_read_judge_reports(folder)], corpus)


def publish_runs(
    folders: Sequence[Path], to: Path | None = None, corpus: Corpus | None = None
) -> Path:
    """Publish a run in its own folder, or several runs in one beside the first; return where.

    Args:
        folders: the runs'.
        to: another folder for what is made of them.
        corpus: as for `publish`.

    Raises:
        ConfigError, InputError: as `publish` and `publish_joined`.
    """
    if len(folders) == 1 and to is None:
        publish_run(folders[0], corpus)
        return folders[0]
    place = to or folders[0].parent / "+".join(folder.name for folder in folders)
    publish_merged_runs(folders, place, corpus)
    return place


def render_run_tables(folder: Path, records: RunRecords) -> dict[str, str]:
    """Return the tables of a run by the names of their files, and write nothing.

    Raises:
        InputError: the folder's health card, or what a corpus was found to hold, is damaged.
    """
    found = find_flags(records, read_corpus_scan(folder))
    board = _build_leaderboard(
        records, collect_battles(records), [_read_judge_reports(folder)], found
    )
    return _render_tables(board)


def publish_merged_runs(
    folders: Sequence[Path], to: Path, corpus: Corpus | None = None
) -> Leaderboard:
    """Write the leaderboard, the tables and the page of several runs over the same questions.

    Raises:
        ConfigError: there is no run in a folder, the runs cannot be joined, or `to` is a run.
        InputError: a file is damaged.
    """
    if (to / CONFIG_FILE).exists():
        msg = f"{to}: is a run itself; choose another folder with --to"
        raise ConfigError(msg)
    records = merge_runs([read_run(folder) for folder in folders])
    to.mkdir(parents=True, exist_ok=True)
    return _write_report(to, records, [_read_judge_reports(folder) for folder in folders], corpus)


@dataclass(frozen=True, slots=True, kw_only=True)
class _JudgeReports:
    """What was found of the judges of a folder's run."""

    card: HealthCard | None
    drift: DriftReport | None

    def cautions(self) -> tuple[str, ...]:
        return (
            *(list_health_cautions(self.card) if self.card else ()),
            *(list_drift_cautions(self.drift) if self.drift else ()),
        )


def _read_judge_reports(folder: Path) -> _JudgeReports:
    return _JudgeReports(card=read_health_card(folder), drift=read_drift_report(folder))


def _write_report(
    folder: Path, records: RunRecords, told: Sequence[_JudgeReports], corpus: Corpus | None
) -> Leaderboard:
    """Write what is made of records; the page shows what was found of judges where it is of one run."""
    battles = collect_battles(records)
    scan = scan_corpus(folder, records, corpus) if corpus else read_corpus_scan(folder)
    found = find_flags(records, scan)
    board = _build_leaderboard(records, battles, told, found)
    cards = [each.card for each in told if each.card]
    card = cards[0] if len(cards) == 1 else None
    drift = told[0].drift if len(told) == 1 else None
    page = render_page(records, battles, board, card, drift, found)
    write_records(folder / FLAGS_FILE, found.flags)
    for name, text in {**_render_tables(board), PAGE_FILE: page}.items():
        replace_file(folder / name, text.encode())
    return board


def _build_leaderboard(
    records: RunRecords, battles: Sequence[Battle], told: Sequence[_JudgeReports], found: FlagReport
) -> Leaderboard:
    board = build_leaderboard(records, battles, seed=records.config.seed)
    cautions = dict.fromkeys(caution for each in told for caution in each.cautions())
    return replace(
        board,
        notes=(*board.notes, *cautions, *list_flag_cautions(found)),
        robustness=analyze_robustness(records, battles, board),
    )


def _render_tables(board: Leaderboard) -> dict[str, str]:
    found = {
        "leaderboard.json": _render_json(list_leaderboard_records(board)),
        "leaderboard.csv": render_leaderboard_csv(board),
        "leaderboard.md": render_leaderboard_markdown(board),
        "leaderboard.tex": render_leaderboard_latex(board),
    }
    if board.robustness is not None:
        found["robustness.json"] = _render_json(make_robustness_record(board.robustness))
        found["robustness.csv"] = render_robustness_csv(board.robustness)
    return found


def _render_json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def write_health_card(folder: Path, card: HealthCard) -> None:
    """Keep the health card of a run's judges."""
    _write_judge_report(folder / HEALTH_CARD_FILE, card)


def write_drift_report(folder: Path, found: DriftReport) -> None:
    """Keep what the last check of a run's judges against themselves found."""
    _write_judge_report(folder / DRIFT_FILE, found)


def _write_judge_report(path: Path, card: HealthCard | DriftReport) -> None:
    text = msgspec.json.format(msgspec.json.encode(card), indent=2)
    replace_file(path, text + b"\n")


def read_health_card(folder: Path) -> HealthCard | None:
    """Return the health card that an audit left in a run's folder, or None.

    Raises:
        InputError: it is damaged.
    """
    return _read_judge_report(folder / HEALTH_CARD_FILE, HealthCard, "audit")


def read_drift_report(folder: Path) -> DriftReport | None:
    """Return what `audit --against` left in a run's folder, or None.

    Raises:
        InputError: it is damaged.
    """
    return _read_judge_report(folder / DRIFT_FILE, DriftReport, "audit --against")


def _read_judge_report(path: Path, kind: type[_SavedReport], verb: str) -> _SavedReport | None:
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"{error}; `{verb}` writes it again"
        raise InputError(msg, path=path) from error
