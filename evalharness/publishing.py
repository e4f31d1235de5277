"""From a run's files to its leaderboard, tables and page; no model is asked."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from evalharness import health, leaderboard, settle, tables, variants
from evalharness.errors import ConfigError, InputError
from evalharness.health import HealthCard
from evalharness.joining import join
from evalharness.report import render
from evalharness.store import jsonl
from evalharness.store.run_folder import CONFIG, read_run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalharness.domain import Battle, RunRecords
    from evalharness.leaderboard import Leaderboard

PAGE = "report.html"
CARD = "audit.json"


def publish(folder: Path) -> Leaderboard:
    """Write the leaderboard, its tables and the page of a run; return the leaderboard.

    Raises:
        ConfigError: there is no run in this folder.
        InputError: a file in it is damaged.
    """
    return _write(folder, read_run(folder), [card for card in [read_card(folder)] if card])


def report(folders: Sequence[Path], to: Path | None = None) -> Path:
    """Publish a run in its own folder, or several runs in one beside the first; return where.

    Args:
        folders: the runs'.
        to: another folder for what is made of them.

    Raises:
        ConfigError, InputError: as `publish` and `publish_joined`.
    """
    if len(folders) == 1 and to is None:
        publish(folders[0])
        return folders[0]
    place = to or folders[0].parent / "+".join(folder.name for folder in folders)
    publish_joined(folders, place)
    return place


def tables_of(folder: Path, records: RunRecords) -> dict[str, str]:
    """Return the tables of a run by the names of their files, and write nothing.

    Raises:
        InputError: the folder's health card is damaged.
    """
    card = read_card(folder)
    board = _tabulate(records, settle.battles_of(records), [card] if card else [])
    return _tables(board)


def publish_joined(folders: Sequence[Path], to: Path) -> Leaderboard:
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
    return _write(to, records, [card for card in map(read_card, folders) if card])


def _write(folder: Path, records: RunRecords, cards: Sequence[HealthCard]) -> Leaderboard:
    """Write what is made of records; the page shows a health card when there is a single one."""
    battles = settle.battles_of(records)
    board = _tabulate(records, battles, cards)
    page = render(records, battles, board, cards[0] if len(cards) == 1 else None)
    for name, text in {**_tables(board), PAGE: page}.items():
        jsonl.replace(folder / name, text.encode())
    return board


def _tabulate(
    records: RunRecords, battles: Sequence[Battle], cards: Sequence[HealthCard]
) -> Leaderboard:
    board = leaderboard.build(records, battles, seed=records.config.get("seed", 0))
    cautions = dict.fromkeys(caution for card in cards for caution in health.cautions(card))
    return replace(
        board,
        notes=(*board.notes, *cautions),
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
    text = msgspec.json.format(msgspec.json.encode(card), indent=2)
    jsonl.replace(folder / CARD, text + b"\n")


def read_card(folder: Path) -> HealthCard | None:
    """Return the health card that an audit left in a run's folder, or None.

    Raises:
        InputError: it is damaged.
    """
    path = folder / CARD
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=HealthCard)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"{error}; `audit` writes it again"
        raise InputError(msg, path=path) from error
