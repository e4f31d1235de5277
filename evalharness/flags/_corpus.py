"""A run's questions, references and answers looked for in a corpus that streams by.

Only the run's n-grams are in memory; a passage of the corpus is hashed, compared and forgotten.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from evalharness.flags._records import Find
from evalharness.flags._runs import common_runs, spread
from evalharness.flags._texts import by_value, collect, text_digest
from evalharness.flags._words import Table, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalharness.domain import Passage, RunRecords
    from evalharness.flags._words import Words

_SHORTEST = 8
"""Words of a text that is looked for as a whole, where it is shorter than an n-gram."""


class Seeker:
    """Looks for a run's texts in passages, and remembers the longest run of each."""

    def __init__(self, records: RunRecords, length: int) -> None:
        self._own = collect(records, length)
        told = np.flatnonzero(self._own.telling)
        order, begins = by_value(self._own.grams[told])
        self._at = self._own.at[told][order]
        self._text = self._own.text[told][order]
        self._table = Table(self._own.grams[told])
        self._begins = np.r_[begins, len(order)]
        self._is_seen = np.zeros(len(begins), np.bool_)
        self._longest = np.zeros(len(self._own.texts), np.int64)
        self._found: dict[int, tuple[str, int]] = {}
        self._short = self._short_texts()

    def look(self, passage: Passage) -> None:
        """Look for the run's texts in a passage."""
        words = words_of(passage.texts)
        grams, at = words.grams(self._own.length)
        near, place = self._table.find(grams)
        if len(near):
            self._is_seen[place] = True
            begins = self._begins[place]
            which, own = spread(begins, self._begins[place + 1] - begins)
            runs = common_runs(at[near][which], self._at[own], self._own.length)
            texts = self._own.words.text[runs.other]
            for run in np.flatnonzero(runs.words > self._longest[texts]):
                there, mine = int(runs.one[run]), int(runs.other[run])
                self._keep(passage, words, there, mine, int(runs.words[run]))
        self._look_for_short(passage, words)

    def finds(self) -> Iterator[Find]:
        """Yield what was found, text by text."""
        seen = self._text[np.repeat(self._is_seen, np.diff(self._begins))]
        counts = np.bincount(seen, minlength=len(self._own.texts))
        for number, (source, begin) in sorted(self._found.items()):
            text, words = self._own.texts[number], int(self._longest[number])
            told = int(self._own.telling_of[number])
            yield Find(
                kind=text.kind,
                question_id=text.question_id,
                turn=text.turn,
                model=text.model,
                sample=text.sample,
                digest=text_digest(text),
                words=words,
                share=int(counts[number]) / told if told else 1.0,
                source=source,
                excerpt=self._own.excerpt(begin, words),
            )

    def texts(self) -> Iterator[str]:
        """Yield the digest of each text that is looked for."""
        yield from map(text_digest, self._own.texts)

    def _keep(self, passage: Passage, words: Words, there: int, mine: int, number: int) -> None:
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
        is_short = (own.sizes >= _SHORTEST) & (own.sizes < own.length) & ~own.is_kind("answer")
        grams, at = own.words.grams(_SHORTEST)
        for number in np.flatnonzero(is_short):
            first = np.searchsorted(at, own.first_words[number])
            found[int(grams[first])].append(int(number))
        return found

    def _look_for_short(self, passage: Passage, words: Words) -> None:
        if not self._short:
            return
        own = self._own
        grams, at = words.grams(_SHORTEST)
        for place in np.flatnonzero(np.isin(grams, np.array(list(self._short), np.uint64))):
            for number in self._short[int(grams[place])]:
                begin, size = int(own.first_words[number]), int(own.sizes[number])
                there = int(at[place])
                written = words.hashes[there : there + size]
                if np.array_equal(written, own.words.hashes[begin : begin + size]):
                    self._keep(passage, words, there, begin, size)
