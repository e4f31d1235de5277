"""Find all flags of a run, from its records and from a search of a corpus."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from evalharness.analysis.overlap.answer_matches import (
    AnswerMatch,
    find_first_equal_texts,
    find_longest_matches,
)
from evalharness.analysis.overlap.flag_records import CorpusScan, Flag, FlagKind, FlagReport
from evalharness.analysis.overlap.overlap_shares import (
    measure_corpus_shares,
    measure_reference_shares,
)
from evalharness.analysis.overlap.run_texts import (
    RunTexts,
    collect_run_texts,
    digest_text,
    shorten_excerpt,
)
from evalharness.analysis.overlap.same_answers import (
    MIN_ANSWER_WORDS,
    MIN_SAME_TURNS,
    find_same_answer_pairs,
    model_pair,
)
from evalharness.analysis.overlap.self_identification import (
    find_families,
    find_identity_claims,
    find_texts_with_names,
)
from evalharness.analysis.overlap.word_runs import is_copied

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from evalharness.analysis.overlap.flag_records import CorpusMatch, SameAnswerPair
    from evalharness.analysis.overlap.hashed_words import Indices
    from evalharness.domain import RunRecords, SavedModel

NGRAM_LENGTH = 13
"""Words per n-gram, as for GPT-3 (Brown et al. 2020, arXiv:2005.14165, appendix C)."""

ALWAYS_FLAGGED_WORDS = 100
"""Two independent answers almost never share a run of this length, even once."""

_FLAG_BY_TEXT_KIND = {
    "question": FlagKind.QUESTION_IN_CORPUS,
    "reference": FlagKind.REFERENCE_IN_CORPUS,
    "answer": FlagKind.ANSWER_IN_CORPUS,
}


def find_flags(records: RunRecords, scan: CorpusScan | None = None) -> FlagReport:
    """Return the flags of a run: findings that a reader should check before trusting its answers.

    Args:
        records: the run.
        scan: the search of a corpus; its matches of texts that changed since are ignored.
    """
    run_texts = collect_run_texts(records, scan.length if scan else NGRAM_LENGTH)
    longest_matches = list(find_longest_matches(run_texts))
    corpus_matches = list(_current_matches(run_texts, scan))
    first_equal = find_first_equal_texts(run_texts)
    copies = list(_select_copies(run_texts, longest_matches))
    pairs = tuple(find_same_answer_pairs(run_texts, copies, first_equal))
    flags = (
        *_flag_corpus_matches(run_texts, corpus_matches),
        *_flag_reference_copies(run_texts, longest_matches),
        *_flag_same_answers(run_texts, copies, first_equal, pairs),
        *_flag_same_replies(run_texts),
        *_flag_empty_answers(run_texts),
        *_flag_identity_claims(run_texts, records.config.models),
    )
    return FlagReport(
        flags=flags,
        twins=pairs,
        overlaps=(
            *measure_reference_shares(run_texts, longest_matches),
            *measure_corpus_shares(run_texts, corpus_matches),
        ),
        length=run_texts.length,
        questions=len(records.questions),
        answers=Counter(str(text.model) for text in run_texts.texts if text.kind == "answer"),
        references=len(run_texts.numbers_of_kind("reference")),
        scan=scan,
    )


def _current_matches(
    run_texts: RunTexts, scan: CorpusScan | None
) -> Iterator[tuple[int, CorpusMatch]]:
    """Yield the matches of texts that are unchanged, with the indices of the texts."""
    match_by_text = (
        {
            (match.kind, match.question_id, match.turn, match.model, match.sample): match
            for match in scan.finds
        }
        if scan
        else {}
    )
    for number, text in enumerate(run_texts.texts if match_by_text else ()):
        match = match_by_text.get((text.kind, text.question_id, text.turn, text.model, text.sample))
        if match is not None and match.digest == digest_text(text):
            yield number, match


def _flag_corpus_matches(
    run_texts: RunTexts, matches: Iterable[tuple[int, CorpusMatch]]
) -> Iterator[Flag]:
    """Yield the texts of which a corpus contains a long run."""
    for number, match in matches:
        words = int(run_texts.word_counts[number])
        is_answer = match.kind == "answer"
        if is_copied(match.words, words) or (not is_answer and 2 * match.words >= words):
            yield Flag(
                kind=_FLAG_BY_TEXT_KIND[match.kind],
                question_id=match.question_id,
                turn=match.turn,
                model=match.model,
                sample=match.sample,
                words=match.words,
                share=match.share,
                source=match.source,
                excerpt=match.excerpt,
            )


def _flag_reference_copies(run_texts: RunTexts, matches: Sequence[AnswerMatch]) -> Iterator[Flag]:
    """Yield the answers that share a long run with the reference."""
    is_reference = run_texts.is_kind("reference")
    for match in matches:
        if is_reference[match.other] and is_copied(
            match.words, int(run_texts.word_counts[match.answer])
        ):
            yield _build_flag(run_texts, FlagKind.ANSWER_IN_REFERENCE, match, "reference")


def _select_copies(run_texts: RunTexts, matches: Iterable[AnswerMatch]) -> Iterator[AnswerMatch]:
    """Yield the matches between answers of two models that are longer than chance explains."""
    is_answer = run_texts.is_kind("answer")
    for match in matches:
        words = int(run_texts.word_counts[[match.answer, match.other]].min())
        if is_answer[match.other] and is_copied(match.words, words):
            yield match


def _flag_same_answers(
    run_texts: RunTexts,
    copies: Iterable[AnswerMatch],
    first_equal: Indices,
    pairs: Iterable[SameAnswerPair],
) -> Iterator[Flag]:
    """Yield answers that another model gave as well; equal answers refer to the first one."""
    flagged_pairs = {(pair.model_a, pair.model_b) for pair in pairs}
    whole = (
        _whole_answer_match(run_texts, number, int(first_equal[number]))
        for number in run_texts.numbers_of_kind("answer").tolist()
        if first_equal[number] != number and run_texts.word_counts[number] >= MIN_ANSWER_WORDS
    )
    for match in (*whole, *copies):
        if (
            match.words >= ALWAYS_FLAGGED_WORDS
            or model_pair(run_texts, match.answer, match.other) in flagged_pairs
        ):
            yield _build_flag(
                run_texts, FlagKind.SAME_ANSWER, match, str(run_texts.texts[match.other].model)
            )


def _flag_same_replies(run_texts: RunTexts) -> Iterator[Flag]:
    """Yield replies that a model gave to several questions, without single words such as "D".

    Questions of equal text are one here: the same reply to them is what one expects.
    """
    asked = _list_question_texts(run_texts)
    answers_by_reply: dict[tuple[str | None, int], list[int]] = defaultdict(list)
    for number in run_texts.numbers_of_kind("answer"):
        if run_texts.word_counts[number]:
            answers_by_reply[
                run_texts.texts[number].model, int(run_texts.text_hashes[number])
            ].append(int(number))
    for numbers in answers_by_reply.values():
        questions = {
            asked.get(text.question_id, (text.question_id,))
            for text in map(run_texts.texts.__getitem__, numbers)
        }
        words = int(run_texts.word_counts[numbers[0]])
        if len(questions) >= (2 if words >= MIN_ANSWER_WORDS else MIN_SAME_TURNS) and words > 1:
            source = f"{len(questions)} questions"
            yield from (
                _build_flag(
                    run_texts,
                    FlagKind.SAME_REPLY,
                    _whole_answer_match(run_texts, each, each),
                    source,
                )
                for each in numbers
            )


def _list_question_texts(run_texts: RunTexts) -> dict[str, tuple[str, ...]]:
    """Return the turns of each question."""
    turns: dict[str, list[str]] = defaultdict(list)
    for number in run_texts.numbers_of_kind("question"):
        text = run_texts.texts[number]
        turns[text.question_id].append(text.text)
    return {question_id: tuple(texts) for question_id, texts in turns.items()}


def _flag_empty_answers(run_texts: RunTexts) -> Iterator[Flag]:
    """Yield the empty answers."""
    for number in run_texts.numbers_of_kind("answer"):
        text = run_texts.texts[number]
        if text.empty_cause:
            yield Flag(
                kind=FlagKind.EMPTY,
                question_id=text.question_id,
                turn=text.turn,
                model=text.model,
                sample=text.sample,
                source=text.empty_cause,
            )


def _flag_identity_claims(run_texts: RunTexts, models: Mapping[str, SavedModel]) -> Iterator[Flag]:
    """Yield the answers in which a model names itself or another model."""
    is_answer = run_texts.is_kind("answer")
    numbers = [
        int(number) for number in find_texts_with_names(run_texts.words) if is_answer[number]
    ]
    for claim in find_identity_claims((number, run_texts.texts[number].text) for number in numbers):
        text = run_texts.texts[claim.text]
        model = models.get(str(text.model))
        names = [text.model, *((*model.families, model.api_name) if model else ())]
        is_own = claim.family in find_families(names)
        yield Flag(
            kind=FlagKind.NAMES_ITSELF if is_own else FlagKind.NAMES_ANOTHER,
            question_id=text.question_id,
            turn=text.turn,
            model=text.model,
            sample=text.sample,
            source=claim.name,
            excerpt=shorten_excerpt(claim.sentence),
        )


def _whole_answer_match(run_texts: RunTexts, number: int, other: int) -> AnswerMatch:
    """Return a match that covers all words of an answer."""
    words, ngrams = (
        int(run_texts.word_counts[number]),
        max(int(run_texts.distinctive_counts[number]), 1),
    )
    return AnswerMatch(number, other, words, int(run_texts.first_words[number]), ngrams)


def _build_flag(run_texts: RunTexts, kind: FlagKind, match: AnswerMatch, source: str) -> Flag:
    """Return a flag for the answer of a match."""
    text = run_texts.texts[match.answer]
    return Flag(
        kind=kind,
        question_id=text.question_id,
        turn=text.turn,
        model=text.model,
        sample=text.sample,
        words=match.words,
        share=match.grams / max(int(run_texts.distinctive_counts[match.answer]), 1),
        source=source,
        excerpt=run_texts.excerpt(match.begin, match.words),
    )
