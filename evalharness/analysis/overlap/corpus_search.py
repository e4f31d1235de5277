"""Search a streamed corpus for the questions, references and answers of a run.

Only the run's n-grams are held in memory. Each passage of the corpus is hashed, compared and
dropped.
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
"""Texts from this length up to an n-gram are searched for as a whole."""


class CorpusSearch:
    """Searches passages for the texts of a run, and keeps the longest run of each text."""

    def __init__(self, records: RunRecords, length: int) -> None:
        self._run_texts = collect_run_texts(records, length)
        distinctive = np.flatnonzero(self._run_texts.is_distinctive)
        order, starts = group_equal_hashes(self._run_texts.ngrams[distinctive])
        self._starts = self._run_texts.start[distinctive][order]
        self._ngram_texts = self._run_texts.ngram_texts[distinctive][order]
        self._index = HashIndex(self._run_texts.ngrams[distinctive])
        self._group_starts = np.r_[starts, len(order)]
        self._is_seen = np.zeros(len(starts), np.bool_)
        self._longest_runs = np.zeros(len(self._run_texts.texts), np.int64)
        self._sources: dict[int, tuple[str, int]] = {}
        self._short_texts_by_hash = self._index_short_texts()

    def search(self, passage: Passage) -> None:
        """Search a passage for the run's texts."""
        words = hash_words(passage.texts)
        ngrams, starts = words.hash_ngrams(self._run_texts.length)
        matched, groups = self._index.find(ngrams)
        if len(matched):
            self._is_seen[groups] = True
            group_starts = self._group_starts[groups]
            match, own_ngram = expand_stretches(
                group_starts, self._group_starts[groups + 1] - group_starts
            )
            runs = find_common_runs(
                starts[matched][match], self._starts[own_ngram], self._run_texts.length
            )
            texts = self._run_texts.words.text_number[runs.other]
            for run in np.flatnonzero(runs.words > self._longest_runs[texts]):
                corpus_word, own_word = int(runs.one[run]), int(runs.other[run])
                self._keep_run(passage, words, corpus_word, own_word, int(runs.words[run]))
        self._search_short_texts(passage, words)

    def list_matches(self) -> Iterator[CorpusMatch]:
        """Yield the longest run of each text that was found."""
        seen_texts = self._ngram_texts[np.repeat(self._is_seen, np.diff(self._group_starts))]
        counts = np.bincount(seen_texts, minlength=len(self._run_texts.texts))
        for number, (source, first_word) in sorted(self._sources.items()):
            text, words = self._run_texts.texts[number], int(self._longest_runs[number])
            distinctive = int(self._run_texts.distinctive_counts[number])
            yield CorpusMatch(
                kind=text.kind,
                question_id=text.question_id,
                turn=text.turn,
                model=text.model,
                sample=text.sample,
                digest=digest_text(text),
                words=words,
                share=int(counts[number]) / distinctive if distinctive else 1.0,
                source=source,
                excerpt=self._run_texts.excerpt(first_word, words),
            )

    def list_text_digests(self) -> Iterator[str]:
        """Yield the digest of each text that is searched for."""
        yield from map(digest_text, self._run_texts.texts)

    def _keep_run(
        self, passage: Passage, words: HashedWords, corpus_word: int, own_word: int, length: int
    ) -> None:
        """Keep a run if it is the longest run of its text so far."""
        text = int(self._run_texts.words.text_number[own_word])
        if length > self._longest_runs[text]:
            passage_text = int(words.text_number[corpus_word])
            line = passage.lines[passage_text]
            if passage.is_plain_text:
                line += passage.texts[passage_text].count("\n", 0, int(words.offset[corpus_word]))
            self._longest_runs[text] = length
            self._sources[text] = (f"{passage.source}:{line}", own_word)

    def _index_short_texts(self) -> dict[int, list[int]]:
        """Index texts that are shorter than an n-gram by the hash of their first words."""
        run_texts, by_hash = self._run_texts, defaultdict[int, list[int]](list)
        is_short = (
            (run_texts.word_counts >= _MIN_WORDS)
            & (run_texts.word_counts < run_texts.length)
            & ~run_texts.is_kind("answer")
        )
        ngrams, starts = run_texts.words.hash_ngrams(_MIN_WORDS)
        for number in np.flatnonzero(is_short):
            first = np.searchsorted(starts, run_texts.first_words[number])
            by_hash[int(ngrams[first])].append(int(number))
        return by_hash

    def _search_short_texts(self, passage: Passage, words: HashedWords) -> None:
        """Search a passage for the texts that are shorter than an n-gram."""
        if not self._short_texts_by_hash:
            return
        run_texts = self._run_texts
        ngrams, starts = words.hash_ngrams(_MIN_WORDS)
        for position in np.flatnonzero(
            np.isin(ngrams, np.array(list(self._short_texts_by_hash), np.uint64))
        ):
            for number in self._short_texts_by_hash[int(ngrams[position])]:
                first_word, length = (
                    int(run_texts.first_words[number]),
                    int(run_texts.word_counts[number]),
                )
                corpus_word = int(starts[position])
                corpus_hashes = words.hashes[corpus_word : corpus_word + length]
                if np.array_equal(
                    corpus_hashes, run_texts.words.hashes[first_word : first_word + length]
                ):
                    self._keep_run(passage, words, corpus_word, first_word, length)
