"""Others' words on a line of ours: no line of their own, no command to the terminal."""

from __future__ import annotations


def one_line(text: str) -> str:
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


def lines(text: str) -> str:
    """Return the text with its own lines, each as `one_line` makes it."""
    return "\n".join(map(one_line, text.split("\n")))
