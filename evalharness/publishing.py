"""From a run's files to its leaderboard, tables and page; no model is asked."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from evalharness import health, leaderboard, settle, tables
from evalharness.errors import InputError
from evalharness.health import HealthCard
from evalharness.report import render
from evalharness.store import jsonl
from evalharness.store.run_folder import read_run

if TYPE_CHECKING:
    from pathlib import Path

    from evalharness.leaderboard import Leaderboard

PAGE = "report.html"
CARD = "audit.json"


def publish(folder: Path) -> Leaderboard:
    """Write the leaderboard, its tables and the page of a run; return the leaderboard.

    Raises:
        ConfigError: there is no run in this folder.
        InputError: a file in it is damaged.
    """
    records = read_run(folder)
    battles = settle.battles_of(records)
    board = leaderboard.build(records, battles, seed=records.config.get("seed", 0))
    card = _read_card(folder)
    if card is not None:
        board = replace(board, notes=(*board.notes, *health.cautions(card)))
    texts = {
        "leaderboard.json": json.dumps(tables.to_records(board), indent=2, ensure_ascii=False)
        + "\n",
        "leaderboard.csv": tables.to_csv(board),
        "leaderboard.md": tables.to_markdown(board),
        "leaderboard.tex": tables.to_latex(board),
        PAGE: render(records, battles, board, card),
    }
    for name, text in texts.items():
        jsonl.replace(folder / name, text.encode())
    return board


def write_card(folder: Path, card: HealthCard) -> None:
    """Keep the health card of a run's judges."""
    text = msgspec.json.format(msgspec.json.encode(card), indent=2)
    jsonl.replace(folder / CARD, text + b"\n")


def _read_card(folder: Path) -> HealthCard | None:
    path = folder / CARD
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=HealthCard)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"{error}; `audit` writes it again"
        raise InputError(msg, path=path) from error
