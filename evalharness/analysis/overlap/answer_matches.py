"""The longest runs that a run's answers have in common with references and with each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evalharness.analysis.overlap.word_runs import find_common_runs, match_equal_hashes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalharness.analysis.overlap.hashed_words import Indices
    from evalharness.analysis.overlap.run_texts import RunTexts


class AnswerMatch(NamedTuple):
    """The longest run that an answer has in common with another text, by the texts' numbers.

    `begin` is the answer's word with which it begins, `grams` how many of its n-grams are shared.
    """

    answer: int
    other: int
    words: int
    begin: int
    grams: int


def find_longest_matches(found: RunTexts) -> Iterator[AnswerMatch]:
    """Yield the longest run of each answer with each reference and answer of its question, if any.

    Only answers of different models to the same turn are compared, each pair once; of answers that
    are equal, the first stands for all.
    """
    texts = found.texts
    looked_at = find_first_equal_texts(found) == np.arange(len(texts))
    looked_at[found.kind("question")] = False
    kept = found.telling & found.repeated & looked_at[found.text]
    grams, at, text = found.grams[kept], found.at[kept], found.text[kept]
    is_answer = found.is_kind("answer")
    models: dict[str | None, int] = {}
    model = np.array([models.setdefault(each.model, len(models)) for each in texts])
    place = np.array([(each.turn, each.sample) for each in texts]).reshape(-1, 2)
    for low, high in _iterate_stretches(found.question[text]):
        order = low + np.argsort(grams[low:high])
        first, second = match_equal_hashes(grams[order], grams[order])
        first, second = order[first], order[second]
        one, other = text[first], text[second]
        is_alike = (one < other) & (model[one] != model[other])
        is_alike &= (place[one] == place[other]).all(axis=1)
        wanted = is_answer[one] & (~is_answer[other] | is_alike)
        if wanted.any():
            yield from _select_longest(found, at[first[wanted]], at[second[wanted]])


def find_first_equal_texts(found: RunTexts) -> Indices:
    """Return for each text the first one of its kind with the same words, turn and sample.

    Among references and questions each stands for itself; so does an answer without words.
    """
    first: dict[tuple[object, ...], int] = {}
    numbers = np.arange(len(found.texts))
    for number in found.kind("answer"):
        text = found.texts[number]
        if found.sizes[number]:
            key = (found.whole[number], text.question_id, text.turn, text.sample)
            numbers[number] = first.setdefault(key, number)
    return numbers


def _select_longest(found: RunTexts, one: Indices, other: Indices) -> Iterator[AnswerMatch]:
    """Yield the longest run of each pair of texts, from the words at which equal n-grams begin."""
    size, number = len(found.words.text), len(found.texts)

    def pair(one: Indices, other: Indices) -> Indices:
        return found.words.text[one] * number + found.words.text[other]

    shared = np.unique(pair(one, other) * size + one) // size
    pairs, grams = np.unique(shared, return_counts=True)
    runs = find_common_runs(one, other, found.length)
    own = pair(runs.one, runs.other)
    order = np.lexsort((-runs.words, own))
    best = order[np.searchsorted(own[order], pairs)]
    columns = (pairs // number, pairs % number, runs.words[best], runs.one[best], grams)
    yield from map(AnswerMatch, *(column.tolist() for column in columns))


def _iterate_stretches(numbers: Indices) -> Iterator[tuple[int, int]]:
    """Yield where each stretch of equal numbers begins and ends."""
    if len(numbers):
        ends = np.flatnonzero(np.r_[np.diff(numbers) != 0, True]) + 1
        yield from zip(np.r_[0, ends[:-1]].tolist(), ends.tolist(), strict=True)
