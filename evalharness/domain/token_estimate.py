"""Estimate how many tokens a text has, if no tokenizer is known."""

from __future__ import annotations

CHARACTERS_PER_TOKEN = 4
"""The average of English text, according to OpenAI's documentation."""

_MIN_BYTES_PER_TOKEN = 3  # few texts have more tokens than a third of their bytes


def estimate_tokens(length: int) -> float:
    """Return the average number of tokens of a text of this length.

    Args:
        length: the length of the text in characters; in bytes for a text in JSON.
    """
    return length / CHARACTERS_PER_TOKEN


def estimate_max_tokens(size: int) -> int:
    """Return a number of tokens that few texts of this size exceed.

    Args:
        size: the size of the text, in bytes of UTF-8.
    """
    return size // _MIN_BYTES_PER_TOKEN
