"""Others' words on a line of ours: no line of their own, no command to the terminal."""

from __future__ import annotations

from typing import Any

# As OWASP lists them ("CSV injection"); the last four are = + - @ of East Asian keyboards.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def escape_to_one_line(text: str) -> str:
    r"""Return the text with what is not printable as its escape: `\n`, `\x1b`, `\u202e`.

    What models, servers and files say can then neither forge a line of a log, nor color, move or
    retitle a terminal, nor turn the direction of writing.
    """
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def escape_lines(text: str) -> str:
    """Return the text with its own lines, each as `one_line` makes it."""
    return "\n".join(map(escape_to_one_line, text.split("\n")))


def escape_formula(cell: Any) -> Any:
    """Return a cell of a CSV file; text that a spreadsheet would run has an apostrophe before it.

    A carriage return, which Python's writer does not quote, becomes a space: to others it would
    begin a row.
    """
    if not isinstance(cell, str):
        return cell
    text = cell.replace("\r", " ")
    return f"'{text}" if cell.startswith(_FORMULA_STARTS) else text


def unescape_formula(cell: str) -> str:
    """Return what `without_formula` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA_STARTS) else cell
