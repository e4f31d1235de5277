"""A run's texts looked for in a corpus of the user's; what was found is kept beside the run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from evalharness.analysis import CorpusScan, CorpusSearch
from evalharness.domain import compute_digest
from evalharness.errors import InputError
from evalharness.store import find_corpus_files, read_passages, replace_file

if TYPE_CHECKING:
    from pathlib import Path

    from evalharness.config import Corpus
    from evalharness.domain import RunRecords

CORPUS_SCAN_FILE = "contamination.json"


def scan_corpus(folder: Path, records: RunRecords, where: Corpus) -> CorpusScan:
    """Return what a corpus holds of a run's texts, and keep it in the run's folder.

    What is kept there of the same files and texts stands: they are not read again.

    Args:
        folder: where it is kept.
        records: the run's.
        where: the corpus.

    Raises:
        ConfigError: a path does not exist.
        InputError: a file cannot be read.
    """
    files = find_corpus_files(where.paths)
    search = CorpusSearch(records, where.words)
    states = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    stamp = compute_digest([where.words, states, sorted(search.list_text_digests())])
    kept = read_corpus_scan(folder)
    if kept is not None and kept.stamp == stamp:
        return kept
    size = sum(size for _, size, _ in states)
    with _progress_bar() as bar:
        task = bar.add_task("corpus", total=size)
        for file in files:
            for passage in read_passages(file):
                search.search(passage)
                bar.advance(task, sum(map(len, passage.texts)))
    found = CorpusScan(
        corpus=tuple(map(str, where.paths)),
        files=len(files),
        size=size,
        length=where.words,
        stamp=stamp,
        finds=tuple(search.list_matches()),
    )
    folder.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(found), indent=2)
    replace_file(folder / CORPUS_SCAN_FILE, text + b"\n")
    return found


def read_corpus_scan(folder: Path) -> CorpusScan | None:
    """Return what was found in a corpus for a run, or None where none was read.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / CORPUS_SCAN_FILE
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=CorpusScan)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"{error}; `report RUN --corpus PATH` writes it again"
        raise InputError(msg, path=path) from error


def _progress_bar() -> Progress:
    """Return a bar on a terminal, of about the bytes read; quiet when nobody watches."""
    return Progress(
        TextColumn("{task.description:10}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
