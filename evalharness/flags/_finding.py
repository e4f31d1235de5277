"""All flags on a run's answers, from its records and from what a corpus was found to hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from evalharness.flags import _names
from evalharness.flags._overlaps import against_corpus, against_references
from evalharness.flags._records import Flag, FlagKind, Flags, Scan
from evalharness.flags._runs import is_copied
from evalharness.flags._sharing import Shared, first_of_equals, longest_shared
from evalharness.flags._texts import Collection, collect, shown, text_digest
from evalharness.flags._twins import ENOUGH, SEVERAL, pair_of, twins

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from evalharness.domain import RunRecords
    from evalharness.flags._records import Find, Twins
    from evalharness.flags._words import Places

LENGTH = 13
"""Words of an n-gram, as for GPT-3 (Brown et al. 2020, arXiv:2005.14165, appendix C)."""

STRIKING = 100
"""Words that two models hardly have in common even once, whatever the question."""

_KINDS = {
    "question": FlagKind.QUESTION_IN_CORPUS,
    "reference": FlagKind.REFERENCE_IN_CORPUS,
    "answer": FlagKind.ANSWER_IN_CORPUS,
}


def find(records: RunRecords, scan: Scan | None = None) -> Flags:
    """Return what a reader should look at before trusting a run's answers.

    Args:
        records: the run's.
        scan: what a corpus was found to hold of its texts; what is said of a text that has changed
            since is left out.
    """
    found = collect(records, scan.length if scan else LENGTH)
    shared = list(longest_shared(found))
    finds = list(_current(found, scan))
    equal = first_of_equals(found)
    copies = list(_copies(found, shared))
    pairs = tuple(twins(found, copies, equal))
    flags = (
        *_in_corpus(found, finds),
        *_in_reference(found, shared),
        *_same_answers(found, copies, equal, pairs),
        *_same_replies(found),
        *_empty(found),
        *_claims(found, records.config.get("models")),
    )
    return Flags(
        flags=flags,
        twins=pairs,
        overlaps=(*against_references(found, shared), *against_corpus(found, finds)),
        length=found.length,
        questions=len(records.questions),
        answers=Counter(str(text.model) for text in found.texts if text.kind == "answer"),
        references=len(found.kind("reference")),
        scan=scan,
    )


def _current(found: Collection, scan: Scan | None) -> Iterator[tuple[int, Find]]:
    """Yield the finds of texts that are as they were, with the texts' numbers."""
    kept = (
        {(f.kind, f.question_id, f.turn, f.model, f.sample): f for f in scan.finds} if scan else {}
    )
    for number, text in enumerate(found.texts if kept else ()):
        one = kept.get((text.kind, text.question_id, text.turn, text.model, text.sample))
        if one is not None and one.digest == text_digest(text):
            yield number, one


def _in_corpus(found: Collection, finds: Iterable[tuple[int, Find]]) -> Iterator[Flag]:
    for number, one in finds:
        size = int(found.sizes[number])
        is_answer = one.kind == "answer"
        if is_copied(one.words, size) or (not is_answer and 2 * one.words >= size):
            yield Flag(
                kind=_KINDS[one.kind],
                question_id=one.question_id,
                turn=one.turn,
                model=one.model,
                sample=one.sample,
                words=one.words,
                share=one.share,
                source=one.source,
                excerpt=one.excerpt,
            )


def _in_reference(found: Collection, shared: Sequence[Shared]) -> Iterator[Flag]:
    is_reference = found.is_kind("reference")
    for one in shared:
        if is_reference[one.other] and is_copied(one.words, int(found.sizes[one.answer])):
            yield _flag(found, FlagKind.ANSWER_IN_REFERENCE, one, "reference")


def _copies(found: Collection, shared: Iterable[Shared]) -> Iterator[Shared]:
    """Yield what two models' answers share, where it is more than chance brings about."""
    is_answer = found.is_kind("answer")
    for one in shared:
        size = int(found.sizes[[one.answer, one.other]].min())
        if is_answer[one.other] and is_copied(one.words, size):
            yield one


def _same_answers(
    found: Collection, copies: Iterable[Shared], equal: Places, pairs: Iterable[Twins]
) -> Iterator[Flag]:
    """Yield answers that are another model's as well; of equal ones, each beside the first."""
    notable = {(pair.model_a, pair.model_b) for pair in pairs}
    whole = (
        _whole(found, number, int(equal[number]))
        for number in found.kind("answer").tolist()
        if equal[number] != number and found.sizes[number] >= ENOUGH
    )
    for one in (*whole, *copies):
        if one.words >= STRIKING or pair_of(found, one.answer, one.other) in notable:
            yield _flag(found, FlagKind.SAME_ANSWER, one, str(found.texts[one.other].model))


def _same_replies(found: Collection) -> Iterator[Flag]:
    """Yield replies that a model gives to several questions, but for single words such as "D"."""
    own: dict[tuple[str | None, int], list[int]] = defaultdict(list)
    for number in found.kind("answer"):
        if found.sizes[number]:
            own[found.texts[number].model, int(found.whole[number])].append(int(number))
    for numbers in own.values():
        asked = {found.texts[number].question_id for number in numbers}
        size = int(found.sizes[numbers[0]])
        if len(asked) >= (2 if size >= ENOUGH else SEVERAL) and size > 1:
            questions = f"{len(asked)} questions"
            yield from (
                _flag(found, FlagKind.SAME_REPLY, _whole(found, each, each), questions)
                for each in numbers
            )


def _empty(found: Collection) -> Iterator[Flag]:
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


def _claims(found: Collection, models: Any) -> Iterator[Flag]:
    """Yield the answers in which a model names itself, or another than the configuration does."""
    conf = models if isinstance(models, dict) else {}
    is_answer = found.is_kind("answer")
    numbers = [int(number) for number in _names.may_name(found.words) if is_answer[number]]
    for claim in _names.claims((number, found.texts[number].text) for number in numbers):
        text = found.texts[claim.text]
        own = conf.get(text.model) or {}
        names = [text.model, own.get("name"), own.get("family"), own.get("api_name")]
        is_own = claim.family in _names.families_of(names)
        yield Flag(
            kind=FlagKind.NAMES_ITSELF if is_own else FlagKind.NAMES_ANOTHER,
            question_id=text.question_id,
            turn=text.turn,
            model=text.model,
            sample=text.sample,
            source=claim.name,
            excerpt=shown(claim.sentence),
        )


def _whole(found: Collection, number: int, other: int) -> Shared:
    """Return all words of an answer as what it shares with another text."""
    size, grams = int(found.sizes[number]), max(int(found.telling_of[number]), 1)
    return Shared(number, other, size, int(found.first_words[number]), grams)


def _flag(found: Collection, kind: FlagKind, one: Shared, source: str) -> Flag:
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
