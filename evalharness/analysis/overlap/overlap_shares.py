"""Measure how much of each model's answers occurs in references or in a corpus."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis.overlap.flag_records import OverlapShare
from evalharness.analysis.overlap.hashed_words import HashIndex
from evalharness.analysis.overlap.run_texts import group_equal_hashes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from evalharness.analysis.overlap.answer_matches import AnswerMatch
    from evalharness.analysis.overlap.flag_records import CorpusMatch
    from evalharness.analysis.overlap.hashed_words import Indices
    from evalharness.analysis.overlap.run_texts import RunTexts

AGAINST_REFERENCES, AGAINST_CORPUS = "references", "corpus"


def measure_reference_shares(
    run_texts: RunTexts, shared: Sequence[AnswerMatch]
) -> Iterator[OverlapShare]:
    """Yield for each model the share of its answers that occurs in the questions' references."""
    is_reference = run_texts.is_kind("reference")
    best: dict[int, tuple[int, int]] = {}
    for each in shared:
        if is_reference[each.other]:
            longest, ngrams = best.get(each.answer, (0, 0))
            best[each.answer] = (max(longest, each.words), max(ngrams, each.grams))
    has_reference = set(run_texts.text_questions[is_reference].tolist())
    numbers = [
        number
        for number in run_texts.numbers_of_kind("answer").tolist()
        if int(run_texts.text_questions[number]) in has_reference
    ]
    yield from _share_by_model(
        run_texts, AGAINST_REFERENCES, numbers, best, _count_in_other_references(run_texts)
    )


def measure_corpus_shares(
    run_texts: RunTexts, matches: Iterable[tuple[int, CorpusMatch]]
) -> Iterator[OverlapShare]:
    """Yield for each model the share of its answers that occurs in a corpus."""
    best = {
        number: (match.words, round(match.share * int(run_texts.distinctive_counts[number])))
        for number, match in matches
    }
    yield from (
        _share_by_model(
            run_texts, AGAINST_CORPUS, run_texts.numbers_of_kind("answer").tolist(), best, None
        )
        if best
        else ()
    )


def _count_in_other_references(run_texts: RunTexts) -> Indices:
    """Return for each text the number of its n-grams in references of other questions."""
    is_in_reference = run_texts.is_kind("reference")[run_texts.ngram_texts]
    ngrams, questions = (
        run_texts.ngrams[is_in_reference],
        run_texts.text_questions[run_texts.ngram_texts[is_in_reference]],
    )
    order, starts = group_equal_hashes(ngrams)
    if not len(starts):
        return np.zeros(len(run_texts.texts), np.int64)
    questions = questions[order]
    first_question, last_question = (
        np.minimum.reduceat(questions, starts),
        np.maximum.reduceat(questions, starts),
    )
    found, group = HashIndex(ngrams).find(run_texts.ngrams)
    question = run_texts.text_questions[run_texts.ngram_texts[found]]
    is_elsewhere = (first_question[group] != question) | (last_question[group] != question)
    return np.bincount(run_texts.ngram_texts[found[is_elsewhere]], minlength=len(run_texts.texts))


def _share_by_model(
    run_texts: RunTexts,
    against: str,
    numbers: Iterable[int],
    best: Mapping[int, tuple[int, int]],
    chance_counts: Indices | None,
) -> Iterator[OverlapShare]:
    """Yield the overlap of each model.

    Args:
        run_texts: the texts.
        against: `references` or `corpus`.
        numbers: the indices of the answers to count.
        best: the longest run and the number of shared n-grams, by answer.
        chance_counts: the number of n-grams in references of other questions, by text; None if
            unknown.
    """
    ngram_counts = np.bincount(run_texts.ngram_texts, minlength=len(run_texts.texts))
    answers_by_model: dict[str, list[int]] = defaultdict(list)
    for number in numbers:
        if run_texts.distinctive_counts[number]:
            answers_by_model[str(run_texts.texts[number].model)].append(number)
    for model, answers in answers_by_model.items():
        runs = [best.get(answer, (0, 0))[0] for answer in answers]
        ngrams = sum(best.get(answer, (0, 0))[1] for answer in answers)
        yield OverlapShare(
            model=model,
            against=against,
            texts=len(answers),
            share=ngrams / int(run_texts.distinctive_counts[answers].sum()),
            chance=None
            if chance_counts is None
            else float(chance_counts[answers].sum() / ngram_counts[answers].sum()),
            typical=float(np.median(runs)),
            longest=max(runs),
        )
