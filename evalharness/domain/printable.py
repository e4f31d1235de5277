"""Escape third-party text for the terminal and logs, for Markdown, and for CSV files."""

from __future__ import annotations

from typing import Any

# From OWASP, "CSV injection"; the last four are the fullwidth forms of = + - @.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

CONTROL_TO_SPACE: dict[int, str] = {
    **dict.fromkeys((*range(32), *range(127, 160), *range(0x2028, 0x202F)), " "),
    **dict.fromkeys(range(0x2066, 0x206A), " "),
}
"""A translation of control characters, among them those of writing direction, to spaces."""

_MARKDOWN_ESCAPES: dict[int, str] = {
    **CONTROL_TO_SPACE,
    **str.maketrans({letter: f"\\{letter}" for letter in "\\|`*[]"}),
    **str.maketrans({"<": "&lt;", "&": "&amp;"}),
}


def escape_to_one_line(text: str) -> str:
    r"""Return the text with escapes for all characters that are not printable: `\n`, `\x1b`, `\u202e`.

    Text of models, servers and files can then neither forge a log line, nor control a terminal, nor
    change the direction of writing.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def escape_lines(text: str) -> str:
    """Return the text with its line breaks kept and each line escaped by `escape_to_one_line`."""
    return "\n".join(map(escape_to_one_line, text.split("\n")))


def escape_markdown(text: str) -> str:
    """Return text escaped for one line of Markdown, where it is shown unchanged."""
    return text.translate(_MARKDOWN_ESCAPES)


def escape_formula(cell: Any) -> Any:
    """Return a cell for a CSV file, with an apostrophe before text that a spreadsheet would run.

    A carriage return becomes a space: Python's CSV writer does not quote it, and other readers
    start a new row at it.
    """
    if not isinstance(cell, str):
        return cell
    text = cell.replace("\r", " ")
    return f"'{text}" if cell.startswith(_FORMULA_STARTS) else text


def unescape_formula(cell: str) -> str:
    """Return the cell without the apostrophe that `escape_formula` adds."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA_STARTS) else cell
