"""Read the files of a text corpus passage by passage, so that files can be larger than memory.

`.jsonl` and `.ndjson` files hold one record per line, and the strings of a record are one document.
`.parquet` files hold one document per row. Every other file is text. All but `.parquet` files may
be compressed with gzip, as `.gz`.
"""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import msgspec

from evalharness.domain import Passage
from evalharness.errors import ConfigError, InputError
from evalharness.store.text_files import check_text_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_PASSAGE_LENGTH = 1 << 20
_OVERLAP_LENGTH = 1 << 15  # repeated in the next passage, because a match may cross the boundary
_RECORD_SUFFIXES = {".jsonl", ".ndjson"}
_ROWS_PER_BATCH = 4096


def find_corpus_files(paths: Iterable[Path]) -> list[Path]:
    """Return the files of a corpus.

    Args:
        paths: files, and folders of which all files belong to the corpus.

    Raises:
        ConfigError: a path does not exist, or a folder is empty.
    """
    files: list[Path] = []
    for path in paths:
        found = (
            sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        )
        if not found or not path.exists():
            msg = f"{path}: {'is empty' if path.is_dir() else 'there is no such file or folder'}"
            raise ConfigError(msg)
        files += found
    return files


def read_passages(path: Path) -> Iterator[Passage]:
    """Yield the passages of a file.

    Raises:
        InputError: the file cannot be read, or a line is not JSON.
    """
    kinds = [suffix for suffix in path.suffixes if suffix != ".gz"]
    kind = kinds[-1] if kinds else ""
    try:
        if kind == ".parquet":
            yield from _batch_documents(path, _read_parquet_documents(path))
            return
        if path.suffix != ".gz":
            check_text_file(path)  # other encodings would match nothing, without a word
        opened = gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # noqa: SIM115
        with opened as file:
            if kind in _RECORD_SUFFIXES:
                yield from _batch_documents(path, _read_json_documents(path, file))
            else:
                yield from _read_text_passages(path, cast("BinaryIO", file))
    except (OSError, EOFError) as error:
        raise InputError(str(error), path=path) from error


def _read_text_passages(path: Path, file: BinaryIO) -> Iterator[Passage]:
    text, line = "", 1
    with io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline="") as reader:
        while block := reader.read(_PASSAGE_LENGTH):
            text += block
            yield Passage(source=str(path), texts=(text,), lines=(line,))
            start = max(0, len(text) - _OVERLAP_LENGTH)
            line += text.count("\n", 0, start)
            text = text[start:]


def _read_json_documents(path: Path, file: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(file, start=1):
        if line.strip():
            try:
                yield number, "\n".join(_find_strings(msgspec.json.decode(line)))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise InputError(str(error), path=path, line=number) from error


def _read_parquet_documents(path: Path) -> Iterator[tuple[int, str]]:
    import pyarrow as pa
    from pyarrow import parquet

    number = 0
    try:
        with parquet.ParquetFile(path) as opened:
            for batch in opened.iter_batches(batch_size=_ROWS_PER_BATCH):
                for row in batch.to_pylist():
                    number += 1
                    yield number, "\n".join(_find_strings(row))
    except pa.ArrowException as error:
        raise InputError(str(error), path=path) from error


def _find_strings(content: Any) -> Iterator[str]:
    """Yield the strings in a record, in order."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for value in content.values():
            yield from _find_strings(value)
    elif isinstance(content, list):
        for value in content:
            yield from _find_strings(value)


def _batch_documents(path: Path, documents: Iterable[tuple[int, str]]) -> Iterator[Passage]:
    """Yield documents in batches; their own line breaks are not lines of the file."""
    lines: list[int] = []
    texts: list[str] = []
    size = 0
    for line, text in documents:
        lines.append(line)
        texts.append(text)
        size += len(text) + 1
        if size > _PASSAGE_LENGTH:
            yield Passage(source=str(path), texts=texts, lines=lines, is_plain_text=False)
            lines, texts, size = [], [], 0
    if texts:
        yield Passage(source=str(path), texts=texts, lines=lines, is_plain_text=False)
