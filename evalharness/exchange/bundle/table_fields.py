"""Read the tables of a run (JSON, CSV, Markdown, LaTeX) as named fields and sentences.

Tables are compared field by field, so that a column which only one of two releases writes does not
shift the others.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

FieldPath: TypeAlias = tuple[str | int, ...]
"""Where a field is: keys of objects or names of columns, and numbers of rows from 1."""
FieldValue: TypeAlias = str | float | bool | None

_ROW_COUNT = "number of rows"
CAUTIONS = "cautions"
"""The entry of a JSON row that holds sentences about the whole table."""
_MARKDOWN_RULE = re.compile(r"\|( -{3}:? \|)+")
_LATEX_FRAME = re.compile(
    r"\\(toprule|midrule|bottomrule|end\{tabular\}|begin\{tabular\}\{[lr]*\})"
)
_LATEX_ROW_END = r" \\"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFields:
    """The content of a table file.

    Attributes:
        fields: the values by their path.
        sentences: the text around a Markdown or LaTeX table, one entry for each line.
    """

    fields: dict[FieldPath, FieldValue]
    sentences: tuple[str, ...] = ()

    def columns(self) -> set[tuple[str, ...]]:
        """Return the columns of the table."""
        return {column_of(path) for path in self.fields}


def column_of(path: FieldPath) -> tuple[str, ...]:
    """Return the column to which a field belongs: its path without the numbers of rows."""
    return tuple(part for part in path if isinstance(part, str))


def read_table_fields(name: str, text: str) -> TableFields:
    """Return the fields of a table file.

    Args:
        name: the name of the file; its suffix determines the format.
        text: its content.

    Raises:
        ValueError: the content does not have the format, or no table has this suffix.
    """
    match PurePosixPath(name).suffix:
        case ".json":
            try:
                content = json.loads(text, object_pairs_hook=_object_with_unique_keys)
                sentences = tuple(dict.fromkeys(_take_cautions(content)))
                return TableFields(fields=dict(_flatten((), content)), sentences=sentences)
            except RecursionError as error:
                msg = "nested too deeply"
                raise ValueError(msg) from error
        case ".csv":
            try:
                return _read_csv(text)
            except csv.Error as error:
                raise ValueError(str(error)) from error
        case ".md":
            return _read_markdown(text.splitlines())
        case ".tex":
            return _read_latex(text.splitlines())
    msg = f"{name}: no table has this suffix"
    raise ValueError(msg)


def _take_cautions(content: object) -> Iterator[str]:
    """Yield the cautions of each row, and mark in the row that it had them: they are sentences."""
    for row in content if isinstance(content, list) else ():
        if isinstance(row, dict) and isinstance(row.get(CAUTIONS), list):
            for caution in row[CAUTIONS]:
                yield str(caution.get("sentence") if isinstance(caution, dict) else caution)
            row[CAUTIONS] = True


def _object_with_unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return a JSON object; keys that are repeated are numbered, so that none hides another."""
    names = _number_repeats(name for name, _ in pairs)
    return dict(zip(names, (value for _, value in pairs), strict=True))


def _number_repeats(names: Iterable[str]) -> list[str]:
    seen: Counter[str] = Counter()
    numbered = []
    for name in names:
        seen[name] += 1
        numbered.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return numbered


def _flatten(path: FieldPath, content: object) -> Iterator[tuple[FieldPath, FieldValue]]:
    """Yield the fields of JSON content; a list also has the number of its rows."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _flatten((*path, key), value)
    elif isinstance(content, list):
        yield (*path, _ROW_COUNT), len(content)
        for number, value in enumerate(content, start=1):
            yield from _flatten((*path, number), value)
    elif content is None or isinstance(content, str | bool | int | float):
        yield path, content


def _read_csv(text: str) -> TableFields:
    return TableFields(fields=_table_fields(list(csv.reader(io.StringIO(text), strict=True))))


def _read_markdown(lines: Sequence[str]) -> TableFields:
    """Read the table at the top, and the paragraphs below it."""
    rows = [
        line.removeprefix("| ").removesuffix(" |").split(" | ")
        for line in lines
        if line.startswith("| ") and not _MARKDOWN_RULE.fullmatch(line)
    ]
    sentences = [line for line in lines if line and not line.startswith("| ")]
    return TableFields(fields=_table_fields(rows), sentences=tuple(sentences))


def _read_latex(lines: Sequence[str]) -> TableFields:
    """Read the rows of the tabular, and the comments before it."""
    rows = [
        line.removeprefix("{}").removesuffix(_LATEX_ROW_END).split(" & ")
        for line in lines
        if _is_latex_row(line)
    ]
    sentences = [
        line
        for line in lines
        if line and not _is_latex_row(line) and not _LATEX_FRAME.fullmatch(line)
    ]
    return TableFields(fields=_table_fields(rows), sentences=tuple(sentences))


def _is_latex_row(line: str) -> bool:
    return line.endswith(_LATEX_ROW_END) and not line.startswith("%")


def _table_fields(rows: Sequence[Sequence[str]]) -> dict[FieldPath, FieldValue]:
    """Return the cells of a table by row and column; the first row has the names of the columns."""
    header = _number_repeats(rows[0]) if rows else []
    fields: dict[FieldPath, FieldValue] = {(_ROW_COUNT,): max(len(rows) - 1, 0)}
    for number, cells in enumerate(rows[1:], start=1):
        if len(cells) != len(header):
            msg = f"row {number} has {len(cells)} cells under {len(header)} columns"
            raise ValueError(msg)
        fields |= {(number, name): cell for name, cell in zip(header, cells, strict=True)}
    return fields
