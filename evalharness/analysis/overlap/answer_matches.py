"""Find the longest run of words that an answer has in common with references and other answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evalharness.analysis.label_numbers import number_labels
from evalharness.analysis.overlap.word_runs import find_common_runs, match_equal_hashes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalharness.analysis.overlap.hashed_words import Indices
    from evalharness.analysis.overlap.run_texts import RunTexts


class AnswerMatch(NamedTuple):
    """The longest run that an answer has in common with another text.

    Attributes:
        answer: the index of the answer's text.
        other: the index of the other text.
        words: the length of the run, in words.
        begin: the index of the first word of the run in the answer.
        grams: the number of the answer's n-grams that the other text contains.
    """

    answer: int
    other: int
    words: int
    begin: int
    grams: int


def find_longest_matches(run_texts: RunTexts) -> Iterator[AnswerMatch]:
    """Yield the longest common run of each answer with each other text of its question.

    The other texts are references, and answers of other models to the same turn; each pair is
    compared once. Of equal answers only the first is compared.
    """
    texts = run_texts.texts
    is_compared = find_first_equal_texts(run_texts) == np.arange(len(texts))
    is_compared[run_texts.numbers_of_kind("question")] = False
    is_kept = run_texts.is_distinctive & run_texts.is_repeated & is_compared[run_texts.ngram_texts]
    ngrams, start, text = (
        run_texts.ngrams[is_kept],
        run_texts.start[is_kept],
        run_texts.ngram_texts[is_kept],
    )
    is_answer = run_texts.is_kind("answer")
    model = number_labels(each.model for each in texts)
    turn_and_sample = np.array([(each.turn, each.sample) for each in texts]).reshape(-1, 2)
    for begin, end in _iterate_stretches(run_texts.text_questions[text]):
        order = begin + np.argsort(ngrams[begin:end])
        first, second = match_equal_hashes(ngrams[order], ngrams[order])
        first, second = order[first], order[second]
        one, other = text[first], text[second]
        is_same_turn = (one < other) & (model[one] != model[other])
        is_same_turn &= (turn_and_sample[one] == turn_and_sample[other]).all(axis=1)
        is_pair = is_answer[one] & (~is_answer[other] | is_same_turn)
        if is_pair.any():
            yield from _select_longest(run_texts, start[first[is_pair]], start[second[is_pair]])


def find_first_equal_texts(run_texts: RunTexts) -> Indices:
    """Return for each text the index of the first answer with the same words.

    Answers are equal only within a question, turn and sample. Questions, references and empty
    answers map to themselves.
    """
    first: dict[tuple[object, ...], int] = {}
    representatives = np.arange(len(run_texts.texts))
    for number in run_texts.numbers_of_kind("answer"):
        text = run_texts.texts[number]
        if run_texts.word_counts[number]:
            key = (run_texts.text_hashes[number], text.question_id, text.turn, text.sample)
            representatives[number] = first.setdefault(key, number)
    return representatives


def _select_longest(run_texts: RunTexts, one: Indices, other: Indices) -> Iterator[AnswerMatch]:
    """Yield the longest run of each pair of texts.

    Args:
        run_texts: the texts.
        one: the words at which the n-grams of equal pairs begin, in the answer.
        other: the same in the other text.
    """
    words, texts = len(run_texts.words.text_number), len(run_texts.texts)

    def pair_codes(one: Indices, other: Indices) -> Indices:
        return run_texts.words.text_number[one] * texts + run_texts.words.text_number[other]

    shared = np.unique(pair_codes(one, other) * words + one) // words
    pairs, ngram_counts = np.unique(shared, return_counts=True)
    runs = find_common_runs(one, other, run_texts.length)
    run_pairs = pair_codes(runs.one, runs.other)
    order = np.lexsort((-runs.words, run_pairs))
    best = order[np.searchsorted(run_pairs[order], pairs)]
    columns = (pairs // texts, pairs % texts, runs.words[best], runs.one[best], ngram_counts)
    yield from map(AnswerMatch, *(column.tolist() for column in columns))


def _iterate_stretches(numbers: Indices) -> Iterator[tuple[int, int]]:
    """Yield the bounds of each stretch of equal numbers."""
    if len(numbers):
        ends = np.flatnonzero(np.r_[np.diff(numbers) != 0, True]) + 1
        yield from zip(np.r_[0, ends[:-1]].tolist(), ends.tolist(), strict=True)
