"""Hashes of words and n-grams are equal exactly where the words are."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from evalharness.analysis.overlap.hashed_words import hash_words
from evalharness.analysis.overlap.word_runs import find_common_runs, match_equal_hashes

WORD = re.compile(r"[^\W_]+")
FEW = st.lists(st.sampled_from(["a", "b", "c", "Ab", "ba", "d1"]), max_size=40)
SEPARATORS = st.sampled_from([" ", "\n", ", ", "-", "'", "  ", "_"])


def spelled(text):
    """Return the words of a text by a plain loop, for scripts with spaces."""
    return [word.lower() for word in WORD.findall(text)]


@given(
    st.lists(st.text(st.characters(max_codepoint=0x2FF, exclude_characters="İ²³¹¼½¾")), max_size=6)
)
def test_words_are_runs_of_letters_and_digits_in_lower_case(texts):
    """Case, punctuation and spaces are what a copy changes first."""
    words = hash_words(texts)
    expected = [(number, word) for number, text in enumerate(texts) for word in spelled(text)]
    hashes = {}

    assert words.text_number.tolist() == [number for number, _ in expected]
    for (_, word), hashed in zip(expected, words.hashes.tolist(), strict=True):
        assert hashes.setdefault(word, hashed) == hashed
    assert len(set(hashes.values())) == len(hashes)


@given(FEW, FEW, SEPARATORS, st.integers(1, 4))
def test_ngrams_are_equal_where_their_words_are(one, other, separator, n):
    """This holds for any two texts and separators."""
    texts = [separator.join(one), " ".join(other)]
    words = hash_words(texts)
    ngrams, starts = words.hash_ngrams(n)
    all_words = [word.lower() for word in (*one, *other)]
    words_by_hash = {}

    assert len(ngrams) == sum(max(len(each) - n + 1, 0) for each in (one, other))
    for gram, begin in zip(ngrams.tolist(), starts.tolist(), strict=True):
        assert (
            words_by_hash.setdefault(gram, all_words[begin : begin + n])
            == all_words[begin : begin + n]
        )
    assert len(words_by_hash) == len({tuple(each) for each in words_by_hash.values()})


def longest_common(one, other):
    """Return the length of the longest common run by exhaustive comparison."""
    best = 0
    for i in range(len(one)):
        for j in range(len(other)):
            size = 0
            while (
                i + size < len(one) and j + size < len(other) and one[i + size] == other[j + size]
            ):
                size += 1
            best = max(best, size)
    return best


@given(FEW, FEW, st.integers(1, 3))
def test_the_longest_common_run_is_that_of_a_plain_search(one, other, n):
    """Words may occur many times."""
    words = hash_words([" ".join(one), " ".join(other)])
    ngrams, starts = words.hash_ngrams(n)
    is_first_text = words.text_number[starts] == 0
    order = np.argsort(ngrams[~is_first_text])
    first, second = match_equal_hashes(ngrams[is_first_text], ngrams[~is_first_text][order])
    runs = find_common_runs(starts[is_first_text][first], starts[~is_first_text][order][second], n)
    expected = longest_common([w.lower() for w in one], [w.lower() for w in other])

    assert int(runs.words.max(initial=0)) == (expected if expected >= n else 0)


def test_in_scripts_without_spaces_each_letter_is_a_word():
    """Otherwise a Chinese sentence would be one word, and no run in it could be found."""
    assert len(hash_words(["今天天气很好。"]).hashes) == 6
    assert len(hash_words(["日本語 text"]).hashes) == 4


def test_many_texts_are_hashed_as_each_alone():
    """Texts are hashed block by block."""
    texts = [f"text {number} " * 2_000 for number in range(120)]  # more than one block
    together = hash_words(texts)

    for number in (0, 57, 119):
        alone = hash_words([texts[number]])
        own = together.text_number == number
        assert np.array_equal(together.hashes[own], alone.hashes)
        assert np.array_equal(together.offset[own], alone.offset)
