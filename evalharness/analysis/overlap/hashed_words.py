"""Split texts into words and hash the words and their n-grams.

A word is a run of letters and digits in lower case. All operations work on whole arrays, at about
100 MB of text per second, so that a corpus can be streamed. The hash of a word is a polynomial of
its letters modulo 2^64; the hash of an n-gram is a polynomial of its words. With 10^9 n-grams in a
corpus and 10^7 in a run's answers, a false match occurs in about one of 2,000 such corpora.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    Hashes = npt.NDArray[np.uint64]
    Indices = npt.NDArray[np.int64]

_BLOCK_LETTERS = 1 << 20  # hashed at a time
_MAX_CODE_POINT = 1 << 16
# Scripts that are written without spaces: each letter counts as a word.
_UNSPACED = ((0x0E00, 0x0E80), (0x3040, 0x3100), (0x3400, 0xA000), (0xF900, 0xFB00))
_SIEVE_BITS = (16, 27)
_SIEVE_SPARSITY = 5  # 2^5 sieve bits per hash: one in 32 of all other hashes passes
_LETTER_BASE = 0x9E3779B97F4A7C15
_WORD_BASE = 0xD1B54A32D192ED03
_MIX_FACTOR = np.uint64(0xBF58476D1CE4E5B9)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HashedWords:
    """The words of several texts, concatenated.

    Attributes:
        hashes: the hash of each word.
        text_number: the index of the text that contains each word.
        offset: the position of each word in its text, in letters.
    """

    hashes: Hashes
    text_number: Indices
    offset: Indices

    def hash_ngrams(self, n: int) -> tuple[Hashes, Indices]:
        """Return the n-grams inside each text.

        Args:
            n: words per n-gram.

        Returns:
            The hash of each n-gram, and the index of the word at which it begins.
        """
        count = len(self.hashes) - n + 1
        if count < 1:
            return np.empty(0, np.uint64), np.empty(0, np.int64)
        (start,) = np.nonzero(self.text_number[:count] == self.text_number[n - 1 :])
        prefix_sum = np.zeros(len(self.hashes) + 1, np.uint64)
        powers, inverses = _powers(_WORD_BASE, len(self.hashes))
        np.cumsum(self.hashes * powers, out=prefix_sum[1:])
        ngrams = (prefix_sum[n:] - prefix_sum[:count])[start] * inverses[start]
        return mix_hash_bits(ngrams), start.astype(np.int64)

    def hash_texts(self, first_words: Indices) -> Hashes:
        """Return one hash per text over all of its words.

        Args:
            first_words: the index of the first word of each text, then the number of all words.
        """
        prefix_sum = np.zeros(len(self.hashes) + 1, np.uint64)
        powers, inverses = _powers(_WORD_BASE, len(self.hashes) + 1)
        np.cumsum(self.hashes * powers[:-1], out=prefix_sum[1:])
        return mix_hash_bits(
            (prefix_sum[first_words[1:]] - prefix_sum[first_words[:-1]])
            * inverses[first_words[:-1]]
        )


class HashIndex:
    """A sorted set of hashes with fast lookup.

    A bit array (the sieve) over the leading bits of the hashes rejects most absent hashes before
    the binary search.
    """

    def __init__(self, hashes: Hashes) -> None:
        ordered = np.sort(hashes)  # np.unique takes ten times as long
        self.hashes = ordered[np.diff(ordered, prepend=~ordered[:1]) != 0]
        low, high = _SIEVE_BITS
        bits = min(max(len(self.hashes).bit_length() + _SIEVE_SPARSITY, low), high)
        self._shift = np.uint64(64 - bits)
        self._sieve = np.zeros(1 << bits, np.bool_)
        self._sieve[self.hashes >> self._shift] = True

    def find(self, hashes: Hashes) -> tuple[Indices, Indices]:
        """Return which of the hashes are in the set, and their positions in it."""
        (candidates,) = np.nonzero(self._sieve[hashes >> self._shift])
        position = np.searchsorted(self.hashes, hashes[candidates])
        is_match = self.hashes[np.minimum(position, len(self.hashes) - 1)] == hashes[candidates]
        return candidates[is_match], position[is_match]


def hash_words(texts: Sequence[str]) -> HashedWords:
    """Return the words of all texts."""
    blocks = [_hash_block(first, block) for first, block in _split_blocks(texts)]
    if not blocks:
        empty = np.empty(0, np.int64)
        return HashedWords(hashes=np.empty(0, np.uint64), text_number=empty, offset=empty)
    return HashedWords(
        hashes=np.concatenate([part.hashes for part in blocks]),
        text_number=np.concatenate([part.text_number for part in blocks]),
        offset=np.concatenate([part.offset for part in blocks]),
    )


def _split_blocks(texts: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield blocks of consecutive texts, each with the index of its first text."""
    first, letters = 0, 0
    for index, text in enumerate(texts):
        if letters and letters + len(text) > _BLOCK_LETTERS:
            yield first, texts[first:index]
            first, letters = index, 0
        letters += len(text) + 1
    if letters:
        yield first, texts[first:]


def _hash_block(first: int, texts: Sequence[str]) -> HashedWords:
    joined = "\n".join(texts).encode("utf-32-le", "surrogatepass")
    codes = np.minimum(np.frombuffer(joined, "<u4"), _MAX_CODE_POINT - 1).astype(np.uint16)
    lower_case, weights, is_single_word = _letter_tables()
    letters = lower_case[codes]
    is_single = is_single_word[letters]
    is_letter = letters > 0
    is_first = is_letter.copy()
    is_first[1:] &= ~is_letter[:-1] | is_single[1:] | is_single[:-1]
    (start,) = np.nonzero(is_first)
    powers, inverses = _powers(_LETTER_BASE, len(letters))
    hashes = (
        np.add.reduceat(weights[letters] * powers, start) * inverses[start]
        if len(start)
        else powers[:0]
    )
    text_starts = np.cumsum([0, *(len(text) + 1 for text in texts[:-1])])
    text_number = np.searchsorted(text_starts, start, side="right") - 1
    return HashedWords(
        hashes=mix_hash_bits(hashes),
        text_number=first + text_number,
        offset=start - text_starts[text_number],
    )


@cache
def _letter_tables() -> tuple[npt.NDArray[np.uint16], Hashes, npt.NDArray[np.bool_]]:
    """Return lookup tables by code point.

    Returns:
        The lower-case letter (0 for anything that is not a letter or digit), the weight of each
        letter in a word's hash, and whether the letter counts as a word.
    """
    lower_case = np.zeros(_MAX_CODE_POINT, np.uint16)
    for code in range(_MAX_CODE_POINT - 1):
        letter = chr(code)
        if letter.isalnum():
            lowered = letter.lower()
            lower_case[code] = ord(lowered) if len(lowered) == 1 else code
    weights = np.random.default_rng(0).integers(1 << 64, size=_MAX_CODE_POINT, dtype=np.uint64)
    weights[0] = 0
    is_single_word = np.zeros(_MAX_CODE_POINT, np.bool_)
    for low, high in _UNSPACED:
        is_single_word[low:high] = True
    return lower_case, weights, is_single_word


_POWER_CACHE: dict[int, tuple[Hashes, Hashes]] = {}


def _powers(base: int, number: int) -> tuple[Hashes, Hashes]:
    """Return the first `number` powers of an odd number modulo 2^64, and their inverses."""
    if base not in _POWER_CACHE or len(_POWER_CACHE[base][0]) < number:
        length = max(number, 2 * _BLOCK_LETTERS)
        _POWER_CACHE[base] = (
            _successive_powers(base, length),
            _successive_powers(pow(base, -1, 1 << 64), length),
        )
    powers, inverses = _POWER_CACHE[base]
    return powers[:number], inverses[:number]


def _successive_powers(base: int, number: int) -> Hashes:
    """Return 1, base, base^2, ... modulo 2^64."""
    factors = np.full(number, base, np.uint64)
    factors[0] = 1
    return np.multiply.accumulate(factors)


def mix_hash_bits(hashes: Hashes) -> Hashes:
    """Return the hashes with their bits mixed: every output bit depends on every input bit."""
    mixed = (hashes ^ (hashes >> np.uint64(30))) * _MIX_FACTOR
    return mixed ^ (mixed >> np.uint64(27))
