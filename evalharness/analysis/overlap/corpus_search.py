"""A run's questions, references and answers looked for in a corpus that streams by.

Only the run's n-grams are in memory; a passage of the corpus is hashed, compared and forgotten.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis.overlap.flag_records import CorpusMatch
from evalharness.analysis.overlap.hashed_words import HashIndex, hash_words
from evalharness.analysis.overlap.run_texts import (
    collect_run_texts,
    digest_text,
    group_equal_hashes,
)
from evalharness.analysis.overlap.word_runs import expand_stretches, find_common_runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalharness.analysis.overlap.hashed_words import HashedWords
    from evalharness.domain import Passage, RunRecords

_MIN_WORDS = 8
"""Words of a text that is looked for as a whole, where it is shorter than an n-gram."""


class CorpusSearch:
    """Looks for a run's texts in passages, and remembers the longest run of each."""

    def __init__(self, records: RunRecords, length: int) -> None:
        self._own = collect_run_texts(records, length)
        told = np.flatnonzero(self._own.telling)
        order, begins = group_equal_hashes(self._own.grams[told])
        self._at = self._own.at[told][order]
        self._text = self._own.text[told][order]
        self._table = HashIndex(self._own.grams[told])
        self._begins = np.r_[begins, len(order)]
        self._is_seen = np.zeros(len(begins), np.bool_)
        self._longest = np.zeros(len(self._own.texts), np.int64)
        self._found: dict[int, tuple[str, int]] = {}
        self._short = self._short_texts()

    def look(self, passage: Passage) -> None:
        """Look for the run's texts in a passage."""
        words = hash_words(passage.texts)
        grams, at = words.grams(self._own.length)
        near, place = self._table.find(grams)
        if len(near):
            self._is_seen[place] = True
            begins = self._begins[place]
            which, own = expand_stretches(begins, self._begins[place + 1] - begins)
            runs = find_common_runs(at[near][which], self._at[own], self._own.length)
            texts = self._own.words.text[runs.other]
            for run in np.flatnonzero(runs.words > self._longest[texts]):
                there, mine = int(runs.one[run]), int(runs.other[run])
                self._keep(passage, words, there, mine, int(runs.words[run]))
        self._look_for_short(passage, words)

    def finds(self) -> Iterator[CorpusMatch]:
        """Yield what was found, text by text."""
        seen = self._text[np.repeat(self._is_seen, np.diff(self._begins))]
        counts = np.bincount(seen, minlength=len(self._own.texts))
        for number, (source, begin) in sorted(self._found.items()):
            text, words = self._own.texts[number], int(self._longest[number])
            told = int(self._own.telling_of[number])
            yield CorpusMatch(
                kind=text.kind,
                question_id=text.question_id,
                turn=text.turn,
                model=text.model,
                sample=text.sample,
                digest=digest_text(text),
                words=words,
                share=int(counts[number]) / told if told else 1.0,
                source=source,
                excerpt=self._own.excerpt(begin, words),
            )

    def texts(self) -> Iterator[str]:
        """Yield the digest of each text that is looked for."""
        yield from map(digest_text, self._own.texts)

    def _keep(
        self, passage: Passage, words: HashedWords, there: int, mine: int, number: int
    ) -> None:
        """Keep a run, where it is the longest one of its text so far."""
        text = int(self._own.words.text[mine])
        if number > self._longest[text]:
            within = int(words.text[there])
            line = passage.lines[within]
            if passage.is_written:
                line += passage.texts[within].count("\n", 0, int(words.begin[there]))
            self._longest[text] = number
            self._found[text] = (f"{passage.source}:{line}", mine)

    def _short_texts(self) -> dict[int, list[int]]:
        """Return questions and references too short for an n-gram, by the hash of their first words."""
        own, found = self._own, defaultdict[int, list[int]](list)
        is_short = (own.sizes >= _MIN_WORDS) & (own.sizes < own.length) & ~own.is_kind("answer")
        grams, at = own.words.grams(_MIN_WORDS)
        for number in np.flatnonzero(is_short):
            first = np.searchsorted(at, own.first_words[number])
            found[int(grams[first])].append(int(number))
        return found

    def _look_for_short(self, passage: Passage, words: HashedWords) -> None:
        if not self._short:
            return
        own = self._own
        grams, at = words.grams(_MIN_WORDS)
        for place in np.flatnonzero(np.isin(grams, np.array(list(self._short), np.uint64))):
            for number in self._short[int(grams[place])]:
                begin, size = int(own.first_words[number]), int(own.sizes[number])
                there = int(at[place])
                written = words.hashes[there : there + size]
                if np.array_equal(written, own.words.hashes[begin : begin + size]):
                    self._keep(passage, words, there, begin, size)
