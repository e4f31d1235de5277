"""Compare the tables in a bundle with the tables that this release computes."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from evalharness.exchange.bundle.table_fields import CAUTIONS, column_of, read_table_fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalharness.exchange.bundle.table_fields import FieldPath, FieldValue, TableFields

RELATIVE_TOLERANCE = 1e-9
"""Other processors add in another order; one verdict of 30,000 moves ratings by 1e-5."""

_MAX_SHOWN = 80  # characters of a value in a message
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


class TableComparison:
    """The comparison of a bundle's tables with computed ones.

    A column that the bundle does not have is no difference: a later release may write more columns.
    Different words in a sentence are no difference either, if another release sealed the bundle.

    Attributes:
        figures: the number of figures that were compared.
        absent: tables and columns that this release computes and the bundle does not have.
        reworded: the number of sentences that this release words differently.
    """

    def __init__(self, *, is_same_release: bool) -> None:
        """Begin a comparison.

        Args:
            is_same_release: whether this release sealed the bundle, so that words must be equal.
        """
        self.figures = 0
        self.absent: list[str] = []
        self.reworded = 0
        self._is_same_release = is_same_release

    def compare_table(self, name: str, sealed: str | None, computed: str) -> Iterator[str]:
        """Yield the differences between a table in the bundle and the computed one.

        Args:
            name: the name of the table's file.
            sealed: its content in the bundle; None if the bundle does not have the file.
            computed: its content as this release computes it.
        """
        if sealed is None:
            self.absent.append(name)
            return
        ours = read_table_fields(name, computed)
        try:
            theirs = read_table_fields(name, sealed)
        except ValueError as error:
            yield f"{name}: cannot be read as a table: {error}"
            return
        yield from self._compare_columns(name, theirs, ours)
        yield from self._compare_fields(name, theirs, ours)
        if (CAUTIONS,) not in ours.columns() - theirs.columns():
            yield from self._compare_sentences(name, theirs.sentences, ours.sentences)

    def _compare_columns(self, name: str, theirs: TableFields, ours: TableFields) -> Iterator[str]:
        for column in sorted(theirs.columns() - ours.columns()):
            yield f"{name}: nothing computes the column {'.'.join(column)}"
        absent = sorted(ours.columns() - theirs.columns())
        self.absent += [f"{name}: {'.'.join(column)}" for column in absent]

    def _compare_fields(self, name: str, theirs: TableFields, ours: TableFields) -> Iterator[str]:
        """Compare the fields of the columns that both tables have."""
        shared = theirs.columns() & ours.columns()
        for path in dict.fromkeys((*theirs.fields, *ours.fields)):
            if column_of(path) not in shared:
                continue
            place = f"{name}, {_describe_place(path)}"
            if path not in ours.fields:
                yield f"{place}: {_clip(theirs.fields[path])}, computed again nothing"
            elif path not in theirs.fields:
                yield f"{place}: nothing, computed again {_clip(ours.fields[path])}"
            else:
                sealed, computed = theirs.fields[path], ours.fields[path]
                self.figures += _count_figures(computed)
                if not _values_agree(sealed, computed):
                    yield f"{place}: {_clip(sealed)}, computed again {_clip(computed)}"

    def _compare_sentences(
        self, name: str, sealed: Sequence[str], computed: Sequence[str]
    ) -> Iterator[str]:
        """Compare the sentences around a table; their order does not matter."""
        unmatched = list(computed)
        changed = []
        for sentence in sealed:
            match = next((each for each in unmatched if _texts_agree(sentence, each)), None)
            if match is None:
                changed.append(sentence)
            else:
                unmatched.remove(match)
                self.figures += _count_figures(match)
        for sentence in changed:
            same_words = [each for each in unmatched if _words(sentence) == _words(each)]
            if same_words:
                unmatched.remove(same_words[0])
                yield f"{name}: {_clip(sentence)}, computed again {_clip(same_words[0])}"
            elif self._is_same_release:
                yield f"{name}: does not follow: {_clip(sentence)}"
            else:
                self.reworded += 1
        if self._is_same_release:
            yield from (f"{name}: is missing: {_clip(sentence)}" for sentence in unmatched)
        elif len(unmatched) > len(changed):
            self.reworded += len(unmatched) - len(changed)


def _values_agree(sealed: FieldValue, computed: FieldValue) -> bool:
    """Return whether two values are equal, apart from rounding in their numbers."""
    if isinstance(sealed, str) and isinstance(computed, str):
        return _texts_agree(sealed, computed)
    if _is_number(sealed) and _is_number(computed):
        return _numbers_agree(float(sealed or 0), float(computed or 0))
    return type(sealed) is type(computed) and sealed == computed


def _texts_agree(sealed: str, computed: str) -> bool:
    """Return whether two texts have the same words, and numbers that differ by rounding only."""
    if sealed == computed:
        return True
    return _words(sealed) == _words(computed) and all(
        _numbers_agree(float(one), float(other))
        for one, other in zip(_NUMBER.findall(sealed), _NUMBER.findall(computed), strict=True)
    )


def _numbers_agree(one: float, other: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return math.isclose(one, other, rel_tol=RELATIVE_TOLERANCE, abs_tol=RELATIVE_TOLERANCE)


def _words(text: str) -> list[str]:
    """Return the text between the numbers."""
    return _NUMBER.split(text)


def _count_figures(value: FieldValue) -> int:
    if isinstance(value, str):
        return len(_NUMBER.findall(value))
    return int(_is_number(value))


def _is_number(value: FieldValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _describe_place(path: FieldPath) -> str:
    return ", ".join(f"row {part}" if isinstance(part, int) else part for part in path)


def _clip(value: FieldValue) -> str:
    text = "nothing" if value is None else str(value).strip()
    return text[:_MAX_SHOWN]
