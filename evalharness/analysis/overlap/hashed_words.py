"""Texts as hashed words: letters and digits in lower case, whatever stands between them.

Everything is done on whole arrays, some 100 MB of text a second, so that a corpus can be streamed.
A word's hash is a polynomial of its letters modulo 2^64, an n-gram's one of its words; two of 10^9
in a corpus and 10^7 in a run's answers are taken for each other once in some 2,000 such corpora.
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

_BLOCK_LETTERS = 1 << 20  # letters hashed at a time
_MAX_CODE_POINT = 1 << 16
# Scripts written without spaces: each letter counts as a word.
_UNSPACED = ((0x0E00, 0x0E80), (0x3040, 0x3100), (0x3400, 0xA000), (0xF900, 0xFB00))
_SIEVE_BITS = (16, 27)
_SIEVE_SPARSITY = 5  # the sieve has 2^5 places for a hash: one in 32 of the others passes it
_LETTER_BASE = 0x9E3779B97F4A7C15
_WORD_BASE = 0xD1B54A32D192ED03
_MIX_FACTOR = np.uint64(0xBF58476D1CE4E5B9)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HashedWords:
    """The words of texts, one after the other.

    Attributes:
        hashes: of each word.
        text: the number of the text in which it stands.
        begin: where in that text it begins, in letters.
    """

    hashes: Hashes
    text: Indices
    begin: Indices

    def grams(self, n: int) -> tuple[Hashes, Indices]:
        """Return the hashes of all runs of n words inside a text, and at which word each begins."""
        number = len(self.hashes) - n + 1
        if number < 1:
            return np.empty(0, np.uint64), np.empty(0, np.int64)
        (at,) = np.nonzero(self.text[:number] == self.text[n - 1 :])
        total = np.zeros(len(self.hashes) + 1, np.uint64)
        powers, inverses = _powers(_WORD_BASE, len(self.hashes))
        np.cumsum(self.hashes * powers, out=total[1:])
        grams = (total[n:] - total[:number])[at] * inverses[at]
        return mix_hash_bits(grams), at.astype(np.int64)

    def whole(self, begins: Indices) -> Hashes:
        """Return a hash of all words of each text, whose first words and last end are given."""
        total = np.zeros(len(self.hashes) + 1, np.uint64)
        powers, inverses = _powers(_WORD_BASE, len(self.hashes) + 1)
        np.cumsum(self.hashes * powers[:-1], out=total[1:])
        return mix_hash_bits((total[begins[1:]] - total[begins[:-1]]) * inverses[begins[:-1]])


class HashIndex:
    """Hashes in order, in which others are found fast: most of those that are not there pass a sieve.

    The sieve has a place for each of the hashes' first bits.
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
        """Return which of these hashes are in the table, and their places there."""
        (near,) = np.nonzero(self._sieve[hashes >> self._shift])
        place = np.searchsorted(self.hashes, hashes[near])
        equal = self.hashes[np.minimum(place, len(self.hashes) - 1)] == hashes[near]
        return near[equal], place[equal]


def hash_words(texts: Sequence[str]) -> HashedWords:
    """Return the words of all texts."""
    parts = [_hash_block(first, block) for first, block in _split_blocks(texts)]
    if not parts:
        nothing = np.empty(0, np.int64)
        return HashedWords(hashes=np.empty(0, np.uint64), text=nothing, begin=nothing)
    return HashedWords(
        hashes=np.concatenate([part.hashes for part in parts]),
        text=np.concatenate([part.text for part in parts]),
        begin=np.concatenate([part.begin for part in parts]),
    )


def _split_blocks(texts: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield texts some at a time, with the number of the first of them."""
    first, size = 0, 0
    for number, text in enumerate(texts):
        if size and size + len(text) > _BLOCK_LETTERS:
            yield first, texts[first:number]
            first, size = number, 0
        size += len(text) + 1
    if size:
        yield first, texts[first:]


def _hash_block(first: int, texts: Sequence[str]) -> HashedWords:
    joined = "\n".join(texts).encode("utf-32-le", "surrogatepass")
    codes = np.minimum(np.frombuffer(joined, "<u4"), _MAX_CODE_POINT - 1).astype(np.uint16)
    lower, worth, stands_alone = _letter_tables()
    letters = lower[codes]
    alone = stands_alone[letters]
    inside = letters > 0
    begins = inside.copy()
    begins[1:] &= ~inside[:-1] | alone[1:] | alone[:-1]
    (at,) = np.nonzero(begins)
    powers, inverses = _powers(_LETTER_BASE, len(letters))
    hashes = np.add.reduceat(worth[letters] * powers, at) * inverses[at] if len(at) else powers[:0]
    starts = np.cumsum([0, *(len(text) + 1 for text in texts[:-1])])
    text = np.searchsorted(starts, at, side="right") - 1
    return HashedWords(hashes=mix_hash_bits(hashes), text=first + text, begin=at - starts[text])


@cache
def _letter_tables() -> tuple[npt.NDArray[np.uint16], Hashes, npt.NDArray[np.bool_]]:
    """Return each letter in lower case (0 where it is none), its worth, and whether it is a word."""
    lower = np.zeros(_MAX_CODE_POINT, np.uint16)
    for code in range(_MAX_CODE_POINT - 1):
        letter = chr(code)
        if letter.isalnum():
            small = letter.lower()
            lower[code] = ord(small) if len(small) == 1 else code
    worth = np.random.default_rng(0).integers(1 << 64, size=_MAX_CODE_POINT, dtype=np.uint64)
    worth[0] = 0
    alone = np.zeros(_MAX_CODE_POINT, np.bool_)
    for low, high in _UNSPACED:
        alone[low:high] = True
    return lower, worth, alone


_POWER_CACHE: dict[int, tuple[Hashes, Hashes]] = {}


def _powers(base: int, number: int) -> tuple[Hashes, Hashes]:
    """Return the powers of an odd number modulo 2^64, from 0 on, and their inverses."""
    if base not in _POWER_CACHE or len(_POWER_CACHE[base][0]) < number:
        length = max(number, 2 * _BLOCK_LETTERS)
        _POWER_CACHE[base] = (
            _successive_powers(base, length),
            _successive_powers(pow(base, -1, 1 << 64), length),
        )
    powers, inverses = _POWER_CACHE[base]
    return powers[:number], inverses[:number]


def _successive_powers(base: int, number: int) -> Hashes:
    factors = np.full(number, base, np.uint64)
    factors[0] = 1
    return np.multiply.accumulate(factors)


def mix_hash_bits(hashes: Hashes) -> Hashes:
    """Return hashes of which every bit depends on every bit."""
    mixed = (hashes ^ (hashes >> np.uint64(30))) * _MIX_FACTOR
    return mixed ^ (mixed >> np.uint64(27))
