"""Estimate how many tokens a text has, where no tokenizer is known."""

from __future__ import annotations

CHARACTERS_PER_TOKEN = 4
"""Of English text, by OpenAI's documentation."""

_MIN_BYTES_PER_TOKEN = 3  # few texts have more tokens than a third of their bytes


def estimate_tokens(length: int) -> float:
    """Return the usual number of tokens of a text.

    Args:
        length: of the text, in characters; of a text in JSON, in bytes.
    """
    return length / CHARACTERS_PER_TOKEN


def estimate_max_tokens(size: int) -> int:
    """Return the number of tokens that few texts of a size exceed.

    Args:
        size: of the text, in bytes of UTF-8.
    """
    return size // _MIN_BYTES_PER_TOKEN
