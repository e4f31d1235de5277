"""From a run's files to its leaderboard, tables and page; no model is asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from evalharness import flags, health, leaderboard, scanning, settle, tables, variants
from evalharness._corpus_spec import Corpus
from evalharness.errors import ConfigError, InputError
from evalharness.health import Drift, HealthCard
from evalharness.joining import join
from evalharness.report import render
from evalharness.store import jsonl
from evalharness.store.run_folder import CONFIG, read_run

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from evalharness.domain import Battle, RunRecords
    from evalharness.flags import Flags
    from evalharness.leaderboard import Leaderboard

_Card = TypeVar("_Card")

PAGE = "report.html"
CARD = "audit.json"
DRIFT = "drift.json"
FLAGS = "flags.jsonl"


def parse(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
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
    parser.add_argument("--words", type=int, default=flags.LENGTH, metavar="N", help=words)
    return parser.parse_intermixed_args(arguments)


def corpus_of(given: argparse.Namespace) -> Corpus | None:
    """Return the corpus that the arguments of `report` name.

    Raises:
        ConfigError: a path does not exist, or the n-grams are too short.
    """
    return Corpus(paths=tuple(given.corpus), words=given.words) if given.corpus else None


def publish(folder: Path, corpus: Corpus | None = None) -> Leaderboard:
    """Write the leaderboard, its tables and the page of a run; return the leaderboard.

    Args:
        folder: the run's.
        corpus: where the run's texts are looked for; without one, what was found before is shown.

    Raises:
        ConfigError: there is no run in this folder.
        InputError: a file in it is damaged.
    """
    return _write(folder, read_run(folder), [_told(folder)], corpus)


def report(folders: Sequence[Path], to: Path | None = None, corpus: Corpus | None = None) -> Path:
    """Publish a run in its own folder, or several runs in one beside the first; return where.

    Args:
        folders: the runs'.
        to: another folder for what is made of them.
        corpus: as for `publish`.

    Raises:
        ConfigError, InputError: as `publish` and `publish_joined`.
    """
    if len(folders) == 1 and to is None:
        publish(folders[0], corpus)
        return folders[0]
    place = to or folders[0].parent / "+".join(folder.name for folder in folders)
    publish_joined(folders, place, corpus)
    return place


def tables_of(folder: Path, records: RunRecords) -> dict[str, str]:
    """Return the tables of a run by the names of their files, and write nothing.

    Raises:
        InputError: the folder's health card, or what a corpus was found to hold, is damaged.
    """
    found = flags.find(records, scanning.read_scan(folder))
    board = _tabulate(records, settle.battles_of(records), [_told(folder)], found)
    return _tables(board)


def publish_joined(folders: Sequence[Path], to: Path, corpus: Corpus | None = None) -> Leaderboard:
    """Write the leaderboard, the tables and the page of several runs over the same questions.

    Raises:
        ConfigError: there is no run in a folder, the runs cannot be joined, or `to` is a run.
        InputError: a file is damaged.
    """
    if (to / CONFIG).exists():
        msg = f"{to}: is a run itself; choose another folder with --to"
        raise ConfigError(msg)
    records = join([read_run(folder) for folder in folders])
    to.mkdir(parents=True, exist_ok=True)
    return _write(to, records, [_told(folder) for folder in folders], corpus)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What was found of the judges of a folder's run."""

    card: HealthCard | None
    drift: Drift | None

    def cautions(self) -> tuple[str, ...]:
        return (
            *(health.cautions(self.card) if self.card else ()),
            *(health.drift_cautions(self.drift) if self.drift else ()),
        )


def _told(folder: Path) -> _Told:
    return _Told(card=read_card(folder), drift=read_drift(folder))


def _write(
    folder: Path, records: RunRecords, told: Sequence[_Told], corpus: Corpus | None
) -> Leaderboard:
    """Write what is made of records; the page shows what was found of judges where it is of one run."""
    battles = settle.battles_of(records)
    scan = scanning.scan(folder, records, corpus) if corpus else scanning.read_scan(folder)
    found = flags.find(records, scan)
    board = _tabulate(records, battles, told, found)
    cards = [each.card for each in told if each.card]
    card = cards[0] if len(cards) == 1 else None
    drift = told[0].drift if len(told) == 1 else None
    page = render(records, battles, board, card, drift, found)
    jsonl.write(folder / FLAGS, found.flags)
    for name, text in {**_tables(board), PAGE: page}.items():
        jsonl.replace(folder / name, text.encode())
    return board


def _tabulate(
    records: RunRecords, battles: Sequence[Battle], told: Sequence[_Told], found: Flags
) -> Leaderboard:
    board = leaderboard.build(records, battles, seed=records.config.get("seed", 0))
    cautions = dict.fromkeys(caution for each in told for caution in each.cautions())
    return replace(
        board,
        notes=(*board.notes, *cautions, *flags.cautions(found)),
        robustness=leaderboard.robustness(records, battles, board),
    )


def _tables(board: Leaderboard) -> dict[str, str]:
    found = {
        "leaderboard.json": _json(tables.to_records(board)),
        "leaderboard.csv": tables.to_csv(board),
        "leaderboard.md": tables.to_markdown(board),
        "leaderboard.tex": tables.to_latex(board),
    }
    if board.robustness is not None:
        found["robustness.json"] = _json(variants.to_record(board.robustness))
        found["robustness.csv"] = variants.to_csv(board.robustness)
    return found


def _json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def write_card(folder: Path, card: HealthCard) -> None:
    """Keep the health card of a run's judges."""
    _write_card(folder / CARD, card)


def write_drift(folder: Path, found: Drift) -> None:
    """Keep what the last check of a run's judges against themselves found."""
    _write_card(folder / DRIFT, found)


def _write_card(path: Path, card: HealthCard | Drift) -> None:
    text = msgspec.json.format(msgspec.json.encode(card), indent=2)
    jsonl.replace(path, text + b"\n")


def read_card(folder: Path) -> HealthCard | None:
    """Return the health card that an audit left in a run's folder, or None.

    Raises:
        InputError: it is damaged.
    """
    return _read_card(folder / CARD, HealthCard, "audit")


def read_drift(folder: Path) -> Drift | None:
    """Return what `audit --against` left in a run's folder, or None.

    Raises:
        InputError: it is damaged.
    """
    return _read_card(folder / DRIFT, Drift, "audit --against")


def _read_card(path: Path, kind: type[_Card], verb: str) -> _Card | None:
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"{error}; `{verb}` writes it again"
        raise InputError(msg, path=path) from error
