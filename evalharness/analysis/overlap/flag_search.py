"""All flags on a run's answers, from its records and from what a corpus was found to hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from evalharness.analysis.overlap.answer_matches import (
    AnswerMatch,
    find_first_equal_texts,
    find_longest_matches,
)
from evalharness.analysis.overlap.flag_records import CorpusScan, Flag, FlagKind, FlagReport
from evalharness.analysis.overlap.overlap_shares import share_in_corpus, share_in_references
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
    from collections.abc import Iterable, Iterator, Sequence

    from evalharness.analysis.overlap.flag_records import CorpusMatch, SameAnswerPair
    from evalharness.analysis.overlap.hashed_words import Indices
    from evalharness.domain import RunRecords

NGRAM_LENGTH = 13
"""Words of an n-gram, as for GPT-3 (Brown et al. 2020, arXiv:2005.14165, appendix C)."""

ALWAYS_FLAGGED_WORDS = 100
"""Words that two models hardly have in common even once, whatever the question."""

_FLAG_BY_TEXT_KIND = {
    "question": FlagKind.QUESTION_IN_CORPUS,
    "reference": FlagKind.REFERENCE_IN_CORPUS,
    "answer": FlagKind.ANSWER_IN_CORPUS,
}


def find_flags(records: RunRecords, scan: CorpusScan | None = None) -> FlagReport:
    """Return what a reader should look at before trusting a run's answers.

    Args:
        records: the run's.
        scan: what a corpus was found to hold of its texts; what is said of a text that has changed
            since is left out.
    """
    found = collect_run_texts(records, scan.length if scan else NGRAM_LENGTH)
    shared = list(find_longest_matches(found))
    finds = list(_current_matches(found, scan))
    equal = find_first_equal_texts(found)
    copies = list(_select_copies(found, shared))
    pairs = tuple(find_same_answer_pairs(found, copies, equal))
    flags = (
        *_flag_corpus_matches(found, finds),
        *_flag_reference_copies(found, shared),
        *_flag_same_answers(found, copies, equal, pairs),
        *_flag_same_replies(found),
        *_flag_empty_answers(found),
        *_flag_identity_claims(found, records.config.get("models")),
    )
    return FlagReport(
        flags=flags,
        twins=pairs,
        overlaps=(*share_in_references(found, shared), *share_in_corpus(found, finds)),
        length=found.length,
        questions=len(records.questions),
        answers=Counter(str(text.model) for text in found.texts if text.kind == "answer"),
        references=len(found.kind("reference")),
        scan=scan,
    )


def _current_matches(found: RunTexts, scan: CorpusScan | None) -> Iterator[tuple[int, CorpusMatch]]:
    """Yield the finds of texts that are as they were, with the texts' numbers."""
    kept = (
        {(f.kind, f.question_id, f.turn, f.model, f.sample): f for f in scan.finds} if scan else {}
    )
    for number, text in enumerate(found.texts if kept else ()):
        one = kept.get((text.kind, text.question_id, text.turn, text.model, text.sample))
        if one is not None and one.digest == digest_text(text):
            yield number, one


def _flag_corpus_matches(
    found: RunTexts, finds: Iterable[tuple[int, CorpusMatch]]
) -> Iterator[Flag]:
    for number, one in finds:
        size = int(found.sizes[number])
        is_answer = one.kind == "answer"
        if is_copied(one.words, size) or (not is_answer and 2 * one.words >= size):
            yield Flag(
                kind=_FLAG_BY_TEXT_KIND[one.kind],
                question_id=one.question_id,
                turn=one.turn,
                model=one.model,
                sample=one.sample,
                words=one.words,
                share=one.share,
                source=one.source,
                excerpt=one.excerpt,
            )


def _flag_reference_copies(found: RunTexts, shared: Sequence[AnswerMatch]) -> Iterator[Flag]:
    is_reference = found.is_kind("reference")
    for one in shared:
        if is_reference[one.other] and is_copied(one.words, int(found.sizes[one.answer])):
            yield _build_flag(found, FlagKind.ANSWER_IN_REFERENCE, one, "reference")


def _select_copies(found: RunTexts, shared: Iterable[AnswerMatch]) -> Iterator[AnswerMatch]:
    """Yield what two models' answers share, where it is more than chance brings about."""
    is_answer = found.is_kind("answer")
    for one in shared:
        size = int(found.sizes[[one.answer, one.other]].min())
        if is_answer[one.other] and is_copied(one.words, size):
            yield one


def _flag_same_answers(
    found: RunTexts, copies: Iterable[AnswerMatch], equal: Indices, pairs: Iterable[SameAnswerPair]
) -> Iterator[Flag]:
    """Yield answers that are another model's as well; of equal ones, each beside the first."""
    notable = {(pair.model_a, pair.model_b) for pair in pairs}
    whole = (
        _whole_answer_match(found, number, int(equal[number]))
        for number in found.kind("answer").tolist()
        if equal[number] != number and found.sizes[number] >= MIN_ANSWER_WORDS
    )
    for one in (*whole, *copies):
        if one.words >= ALWAYS_FLAGGED_WORDS or model_pair(found, one.answer, one.other) in notable:
            yield _build_flag(found, FlagKind.SAME_ANSWER, one, str(found.texts[one.other].model))


def _flag_same_replies(found: RunTexts) -> Iterator[Flag]:
    """Yield replies that a model gives to several questions, but for single words such as "D"."""
    own: dict[tuple[str | None, int], list[int]] = defaultdict(list)
    for number in found.kind("answer"):
        if found.sizes[number]:
            own[found.texts[number].model, int(found.whole[number])].append(int(number))
    for numbers in own.values():
        asked = {found.texts[number].question_id for number in numbers}
        size = int(found.sizes[numbers[0]])
        if len(asked) >= (2 if size >= MIN_ANSWER_WORDS else MIN_SAME_TURNS) and size > 1:
            questions = f"{len(asked)} questions"
            yield from (
                _build_flag(
                    found, FlagKind.SAME_REPLY, _whole_answer_match(found, each, each), questions
                )
                for each in numbers
            )


def _flag_empty_answers(found: RunTexts) -> Iterator[Flag]:
    for number in found.kind("answer"):
        if not found.texts[number].text.strip():
            text = found.texts[number]
            yield Flag(
                kind=FlagKind.EMPTY,
                question_id=text.question_id,
                turn=text.turn,
                model=text.model,
                sample=text.sample,
                source="nothing",
            )


def _flag_identity_claims(found: RunTexts, models: Any) -> Iterator[Flag]:
    """Yield the answers in which a model names itself, or another than the configuration does."""
    conf = models if isinstance(models, dict) else {}
    is_answer = found.is_kind("answer")
    numbers = [int(number) for number in find_texts_with_names(found.words) if is_answer[number]]
    for claim in find_identity_claims((number, found.texts[number].text) for number in numbers):
        text = found.texts[claim.text]
        own = conf.get(text.model) or {}
        names = [text.model, own.get("name"), own.get("family"), own.get("api_name")]
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


def _whole_answer_match(found: RunTexts, number: int, other: int) -> AnswerMatch:
    """Return all words of an answer as what it shares with another text."""
    size, grams = int(found.sizes[number]), max(int(found.telling_of[number]), 1)
    return AnswerMatch(number, other, size, int(found.first_words[number]), grams)


def _build_flag(found: RunTexts, kind: FlagKind, one: AnswerMatch, source: str) -> Flag:
    text = found.texts[one.answer]
    return Flag(
        kind=kind,
        question_id=text.question_id,
        turn=text.turn,
        model=text.model,
        sample=text.sample,
        words=one.words,
        share=one.grams / max(int(found.telling_of[one.answer]), 1),
        source=source,
        excerpt=found.excerpt(one.begin, one.words),
    )
