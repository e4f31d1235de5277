"""The texts of a run, and the n-grams of them that say something when they stand elsewhere too."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from evalharness.analysis.overlap.hashed_words import (
    HashedWords,
    HashIndex,
    hash_words,
    mix_hash_bits,
)
from evalharness.domain import digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from evalharness.analysis.overlap.hashed_words import Hashes, Indices
    from evalharness.domain import RunRecords

    Mask = npt.NDArray[np.bool_]

TextKind = Literal["question", "reference", "answer"]

_MAX_EXCERPT_LETTERS = 240  # letters
_MAX_REPEATS = 4
"""Times that a text may say the same n words; of looping texts, all places would pair with all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunText:
    """One turn of a question, of its reference, or of an answer to it."""

    kind: TextKind
    question_id: str
    turn: int
    text: str
    model: str | None = None
    sample: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class RunTexts:
    """Texts, those of a question together, with their words and n-grams.

    Attributes:
        texts: the texts.
        length: the n of the n-grams.
        words: of all texts.
        grams: the hash of each n-gram.
        at: the word at which it begins.
    """

    texts: Sequence[RunText]
    length: int
    words: HashedWords
    grams: Hashes
    at: Indices

    @cached_property
    def question(self) -> Indices:
        """The number of each text's question."""
        numbers: dict[str, int] = {}
        own = [numbers.setdefault(text.question_id, len(numbers)) for text in self.texts]
        return np.array(own, np.int64)

    @cached_property
    def text(self) -> Indices:
        """The number of the text in which each n-gram stands."""
        return self.words.text[self.at]

    @cached_property
    def first_words(self) -> Indices:
        """The number of each text's first word, and behind the last one that of all words."""
        return np.searchsorted(self.words.text, np.arange(len(self.texts) + 1))

    @cached_property
    def sizes(self) -> Indices:
        """How many words each text has."""
        return np.diff(self.first_words)

    @cached_property
    def telling(self) -> Mask:
        """The n-grams that say something when they stand elsewhere too.

        An answer or a reference may repeat its question; what is said about two questions is said
        about many, such as "as an AI language model, I do not have personal opinions"; and what a
        text says again and again is a model that could not stop.
        """
        may_be = self.is_kind("question")[self.text] | ~self._asked
        return may_be & ~self._standing[1] & ~self._looping

    @cached_property
    def telling_of(self) -> Indices:
        """How many telling n-grams each text has."""
        return np.bincount(self.text[self.telling], minlength=len(self.texts))

    @cached_property
    def whole(self) -> Hashes:
        """A hash of each text's words: equal for texts equal but for case and punctuation."""
        return self.words.whole(self.first_words)

    def kind(self, kind: TextKind) -> Indices:
        """Return the numbers of the texts of a kind."""
        return np.flatnonzero(self.is_kind(kind))

    def is_kind(self, kind: TextKind) -> Mask:
        """Return which texts are of a kind."""
        return np.array([text.kind == kind for text in self.texts], np.bool_)

    def excerpt(self, word: int, number: int) -> str:
        """Return so many words from this one on as they were written, cut where it is long."""
        place = int(self.words.text[word])
        end = word + number
        ends = int(self.words.begin[end]) if end < self.first_words[place + 1] else None
        return shorten_excerpt(self.texts[place].text[int(self.words.begin[word]) : ends])

    @property
    def repeated(self) -> Mask:
        """The n-grams that stand at two places at least: few do, and only these can be shared."""
        return self._standing[0]

    @cached_property
    def _standing(self) -> tuple[Mask, Mask]:
        """The n-grams that stand at two places at least, and those that two questions have."""
        order, begins = group_equal_hashes(self.grams)
        repeated, common = np.zeros((2, len(self.grams)), np.bool_)
        if len(begins):
            own, numbers = self.question[self.text[order]], np.diff(np.r_[begins, len(order)])
            is_common = np.minimum.reduceat(own, begins) != np.maximum.reduceat(own, begins)
            repeated[order] = np.repeat(numbers > 1, numbers)
            common[order] = np.repeat(is_common, numbers)
        return repeated, common

    @cached_property
    def _looping(self) -> Mask:
        """The n-grams that a single text has more often than any chorus."""
        (again,) = np.nonzero(self.repeated)
        order, begins = group_equal_hashes(
            mix_hash_bits(self.grams[again] + self.text[again].astype(np.uint64))
        )
        numbers = np.diff(np.r_[begins, len(order)])
        looping = np.zeros(len(self.grams), np.bool_)
        looping[again[order]] = np.repeat(numbers > _MAX_REPEATS, numbers)
        return looping

    @cached_property
    def _asked(self) -> Mask:
        """The n-grams that stand in the words of their own question."""
        keys = mix_hash_bits(self.grams + self.question[self.text].astype(np.uint64))
        asked = np.zeros(len(keys), np.bool_)
        asked[HashIndex(keys[self.is_kind("question")[self.text]]).find(keys)[0]] = True
        return asked


def collect_run_texts(records: RunRecords, length: int) -> RunTexts:
    """Return all texts of a run with their n-grams of so many words."""
    texts = [text for own in _texts_by_question(records).values() for text in own]
    words = hash_words([text.text for text in texts])
    grams, at = words.grams(length)
    return RunTexts(texts=texts, length=length, words=words, grams=grams, at=at)


def shorten_excerpt(text: str) -> str:
    """Return a text in one line, cut where it is long; half a surrogate pair has no place in a file."""
    line = " ".join(text.split()).encode(errors="replace").decode()
    return line if len(line) <= _MAX_EXCERPT_LETTERS else f"{line[: _MAX_EXCERPT_LETTERS - 3]}..."


def digest_text(text: RunText) -> str:
    """Return the digest under which what is found of a text is kept."""
    return digest([text.kind, text.text])


def group_equal_hashes(hashes: Hashes) -> tuple[Indices, Indices]:
    """Return an order that brings equal hashes together, and where each stretch of them begins."""
    order = np.argsort(hashes)
    ordered = hashes[order]
    begins = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(order) else order
    return order, begins


def _texts_by_question(records: RunRecords) -> dict[str, list[RunText]]:
    found: dict[str, list[RunText]] = {}
    for question in records.questions:
        parts: tuple[tuple[TextKind, Sequence[str | None]], ...] = (
            ("question", question.turns),
            ("reference", question.references),
        )
        found[question.question_id] = [
            RunText(kind=kind, question_id=question.question_id, turn=turn, text=text)
            for kind, turns in parts
            for turn, text in enumerate(turns, start=1)
            if text
        ]
    for answer in records.answers:
        found.setdefault(answer.question_id, []).extend(
            RunText(
                kind="answer",
                question_id=answer.question_id,
                turn=turn,
                text=reply.text,
                model=answer.model,
                sample=answer.sample,
            )
            for turn, reply in enumerate(answer.turns, start=1)
        )
    return found
