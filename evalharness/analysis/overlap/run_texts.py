"""Collect the texts of a run with their n-grams, and select the n-grams that are distinctive."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from evalharness.analysis.label_numbers import number_labels
from evalharness.analysis.overlap.hashed_words import (
    HashedWords,
    HashIndex,
    hash_words,
    mix_hash_bits,
)
from evalharness.domain import compute_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from evalharness.analysis.overlap.hashed_words import Hashes, Indices
    from evalharness.domain import RunRecords

    Mask = npt.NDArray[np.bool_]

TextKind = Literal["question", "reference", "answer"]

_MAX_EXCERPT_LETTERS = 240
_MAX_REPEATS = 4
"""The limit for one n-gram in one text. In a looping text, all occurrences would form pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunText:
    """One turn of a question, of its reference, or of an answer."""

    kind: TextKind
    question_id: str
    turn: int
    text: str
    model: str | None = None
    sample: int = 0
    empty_cause: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class RunTexts:
    """All texts of a run, grouped by question, with their words and n-grams.

    Attributes:
        texts: the texts.
        length: words per n-gram.
        words: the words of all texts.
        ngrams: the hash of each n-gram.
        start: the index of the word at which each n-gram begins.
    """

    texts: Sequence[RunText]
    length: int
    words: HashedWords
    ngrams: Hashes
    start: Indices

    @cached_property
    def text_questions(self) -> Indices:
        """The number of the question of each text."""
        return number_labels(text.question_id for text in self.texts)

    @cached_property
    def ngram_texts(self) -> Indices:
        """The index of the text that contains each n-gram."""
        return self.words.text_number[self.start]

    @cached_property
    def first_words(self) -> Indices:
        """The index of the first word of each text, then the number of all words."""
        return np.searchsorted(self.words.text_number, np.arange(len(self.texts) + 1))

    @cached_property
    def word_counts(self) -> Indices:
        """The number of words of each text."""
        return np.diff(self.first_words)

    @cached_property
    def is_distinctive(self) -> Mask:
        """Which n-grams are evidence of copying when they occur in another text.

        An n-gram of an answer or reference does not count if it also occurs in its own question. An
        n-gram that occurs under two questions is a common phrase, such as "as an AI language model,
        I do not have personal opinions". An n-gram that one text repeats many times comes from a
        model that looped.
        """
        is_candidate = self.is_kind("question")[self.ngram_texts] | ~self._is_in_own_question
        return is_candidate & ~self._repetition[1] & ~self._is_looping

    @cached_property
    def distinctive_counts(self) -> Indices:
        """The number of distinctive n-grams of each text."""
        return np.bincount(self.ngram_texts[self.is_distinctive], minlength=len(self.texts))

    @cached_property
    def text_hashes(self) -> Hashes:
        """A hash of each text; equal for texts that differ only in case and punctuation."""
        return self.words.hash_texts(self.first_words)

    def numbers_of_kind(self, kind: TextKind) -> Indices:
        """Return the indices of the texts of a kind."""
        return np.flatnonzero(self.is_kind(kind))

    def is_kind(self, kind: TextKind) -> Mask:
        """Return a mask of the texts of a kind."""
        return np.array([text.kind == kind for text in self.texts], np.bool_)

    def excerpt(self, word: int, number: int) -> str:
        """Return `number` words from a word on, as written, shortened to one line.

        Args:
            word: the index of the first word.
            number: the number of words.
        """
        text_number = int(self.words.text_number[word])
        end = word + number
        end_offset = (
            int(self.words.offset[end]) if end < self.first_words[text_number + 1] else None
        )
        return shorten_excerpt(
            self.texts[text_number].text[int(self.words.offset[word]) : end_offset]
        )

    @property
    def is_repeated(self) -> Mask:
        """Which n-grams occur at least twice; only these can be shared."""
        return self._repetition[0]

    @cached_property
    def _repetition(self) -> tuple[Mask, Mask]:
        """Which n-grams occur at least twice, and which occur under two questions."""
        order, starts = group_equal_hashes(self.ngrams)
        is_repeated, is_common_phrase = np.zeros((2, len(self.ngrams)), np.bool_)
        if len(starts):
            questions, sizes = (
                self.text_questions[self.ngram_texts[order]],
                np.diff(np.r_[starts, len(order)]),
            )
            is_in_two_questions = np.minimum.reduceat(questions, starts) != np.maximum.reduceat(
                questions, starts
            )
            is_repeated[order] = np.repeat(sizes > 1, sizes)
            is_common_phrase[order] = np.repeat(is_in_two_questions, sizes)
        return is_repeated, is_common_phrase

    @cached_property
    def _is_looping(self) -> Mask:
        """Which n-grams one text contains more often than a chorus would repeat."""
        (repeated,) = np.nonzero(self.is_repeated)
        order, starts = group_equal_hashes(
            mix_hash_bits(self.ngrams[repeated] + self.ngram_texts[repeated].astype(np.uint64))
        )
        sizes = np.diff(np.r_[starts, len(order)])
        is_looping = np.zeros(len(self.ngrams), np.bool_)
        is_looping[repeated[order]] = np.repeat(sizes > _MAX_REPEATS, sizes)
        return is_looping

    @cached_property
    def _is_in_own_question(self) -> Mask:
        """Which n-grams occur in their own question."""
        keys = mix_hash_bits(self.ngrams + self.text_questions[self.ngram_texts].astype(np.uint64))
        is_in_question = np.zeros(len(keys), np.bool_)
        is_in_question[
            HashIndex(keys[self.is_kind("question")[self.ngram_texts]]).find(keys)[0]
        ] = True
        return is_in_question


def collect_run_texts(records: RunRecords, length: int) -> RunTexts:
    """Return all texts of a run with their n-grams of `length` words."""
    texts = [text for group in _texts_by_question(records).values() for text in group]
    words = hash_words([text.text for text in texts])
    ngrams, start = words.hash_ngrams(length)
    return RunTexts(texts=texts, length=length, words=words, ngrams=ngrams, start=start)


def shorten_excerpt(text: str) -> str:
    """Return a text on one line, at most 240 letters.

    Lone surrogates are replaced, because a UTF-8 file cannot hold them.
    """
    line = " ".join(text.split()).encode(errors="replace").decode()
    return line if len(line) <= _MAX_EXCERPT_LETTERS else f"{line[: _MAX_EXCERPT_LETTERS - 3]}..."


def digest_text(text: RunText) -> str:
    """Return the digest that identifies a text in a stored scan."""
    return compute_digest([text.kind, text.text])


def group_equal_hashes(hashes: Hashes) -> tuple[Indices, Indices]:
    """Return an order that groups equal hashes.

    Returns:
        The order, and the position in it at which each group of equal hashes begins.
    """
    order = np.argsort(hashes)
    ordered = hashes[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(order) else order
    return order, starts


def _texts_by_question(records: RunRecords) -> dict[str, list[RunText]]:
    """Return the texts of each question: its turns, its references, its answers."""
    by_question: dict[str, list[RunText]] = {}
    for question in records.questions:
        parts: tuple[tuple[TextKind, Sequence[str | None]], ...] = (
            ("question", question.turns),
            ("reference", question.references),
        )
        by_question[question.question_id] = [
            RunText(kind=kind, question_id=question.question_id, turn=turn, text=text)
            for kind, turns in parts
            for turn, text in enumerate(turns, start=1)
            if text
        ]
    for answer in records.answers:
        by_question.setdefault(answer.question_id, []).extend(
            RunText(
                kind="answer",
                question_id=answer.question_id,
                turn=turn,
                text=reply.text,
                model=answer.model,
                sample=answer.sample,
                empty_cause=reply.empty_cause or "",
            )
            for turn, reply in enumerate(answer.turns, start=1)
        )
    return by_question
