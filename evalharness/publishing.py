"""From a run's files to its leaderboard, tables and page; no model is asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from evalharness import leaderboard, settle, tables
from evalharness.report import render
from evalharness.store import jsonl
from evalharness.store.run_folder import read_run

if TYPE_CHECKING:
    from pathlib import Path

    from evalharness.leaderboard import Leaderboard

PAGE = "report.html"


def publish(folder: Path) -> Leaderboard:
    """Write the leaderboard, its tables and the page of a run; return the leaderboard.

    Raises:
        ConfigError: there is no run in this folder.
        InputError: a file in it is damaged.
    """
    records = read_run(folder)
    battles = settle.battles_of(records)
    board = leaderboard.build(records, battles, seed=records.config.get("seed", 0))
    texts = {
        "leaderboard.json": json.dumps(tables.to_records(board), indent=2, ensure_ascii=False)
        + "\n",
        "leaderboard.csv": tables.to_csv(board),
        "leaderboard.md": tables.to_markdown(board),
        "leaderboard.tex": tables.to_latex(board),
        PAGE: render(records, battles, board),
    }
    for name, text in texts.items():
        jsonl.replace(folder / name, text.encode())
    return board
