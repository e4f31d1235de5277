"""Search the user's corpus for the texts of a run, and keep the result in the run's folder."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import msgspec

from evalharness.analysis import CorpusScan, CorpusSearch
from evalharness.domain import compute_digest
from evalharness.errors import InputError
from evalharness.store import find_corpus_files, read_passages, replace_file

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import Path

    from evalharness.config import Corpus
    from evalharness.domain import RunRecords

CORPUS_SCAN_FILE = "contamination.json"

ScanProgress = Callable[[int], AbstractContextManager[Callable[[int], None]]]
"""Opens a display for a number of bytes; it yields a function to call with the bytes just read."""


@contextmanager
def _hide_progress(_total: int) -> Iterator[Callable[[int], None]]:
    yield lambda _read: None


def scan_corpus(
    folder: Path,
    records: RunRecords,
    corpus: Corpus,
    *,
    progress: ScanProgress | None = None,
) -> CorpusScan:
    """Return the matches between a corpus and the texts of a run, and keep them in the folder.

    A kept result is returned unchanged while the corpus and the texts are the same.

    Args:
        folder: the folder in which the result is kept.
        records: the run.
        corpus: the files to search, and the length of the n-grams.
        progress: shows the progress of reading the corpus.

    Raises:
        ConfigError: a path does not exist.
        InputError: a file cannot be read.
    """
    files = find_corpus_files(corpus.paths)
    search = CorpusSearch(records, corpus.words)
    states = [(str(file), *_describe_state(file.stat())) for file in files]
    stamp = compute_digest([corpus.words, states, sorted(search.list_text_digests())])
    kept = read_corpus_scan(folder)
    if kept is not None and kept.stamp == stamp:
        return kept
    size = sum(size for _, size, *_ in states)
    with (progress or _hide_progress)(size) as advance:
        for file in files:
            for passage in read_passages(file):
                search.search(passage)
                advance(sum(map(len, passage.texts)))
    scan = CorpusScan(
        corpus=tuple(map(str, corpus.paths)),
        files=len(files),
        size=size,
        length=corpus.words,
        stamp=stamp,
        finds=tuple(search.list_matches()),
    )
    folder.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(scan), indent=2)
    replace_file(folder / CORPUS_SCAN_FILE, text + b"\n")
    return scan


def _describe_state(state: os.stat_result) -> tuple[int, int, int]:
    """Return the size and the times of a file; the last one changes even where the others are kept."""
    return state.st_size, state.st_mtime_ns, state.st_ctime_ns


def read_corpus_scan(folder: Path) -> CorpusScan | None:
    """Return the last corpus search that was kept in a run's folder, or None without one.

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
