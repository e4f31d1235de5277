"""How much of each model's answers stands in references, or in a corpus."""

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


def share_in_references(found: RunTexts, shared: Sequence[AnswerMatch]) -> Iterator[OverlapShare]:
    """Yield by model how much of its answers stands in the references of their questions."""
    is_reference = found.is_kind("reference")
    best: dict[int, tuple[int, int]] = {}
    for each in shared:
        if is_reference[each.other]:
            words, grams = best.get(each.answer, (0, 0))
            best[each.answer] = (max(words, each.words), max(grams, each.grams))
    has_reference = set(found.question[is_reference].tolist())
    numbers = [n for n in found.kind("answer").tolist() if int(found.question[n]) in has_reference]
    yield from _share_by_model(
        found, AGAINST_REFERENCES, numbers, best, _count_in_other_references(found)
    )


def share_in_corpus(
    found: RunTexts, finds: Iterable[tuple[int, CorpusMatch]]
) -> Iterator[OverlapShare]:
    """Yield how much of each model's answers a corpus holds."""
    best = {
        number: (one.words, round(one.share * int(found.telling_of[number])))
        for number, one in finds
    }
    yield from (
        _share_by_model(found, AGAINST_CORPUS, found.kind("answer").tolist(), best, None)
        if best
        else ()
    )


def _count_in_other_references(found: RunTexts) -> Indices:
    """Return how many n-grams of each text stand in the reference of another question."""
    mine = found.is_kind("reference")[found.text]
    grams, own = found.grams[mine], found.question[found.text[mine]]
    order, begins = group_equal_hashes(grams)
    if not len(begins):
        return np.zeros(len(found.texts), np.int64)
    own = own[order]
    low, high = np.minimum.reduceat(own, begins), np.maximum.reduceat(own, begins)
    near, place = HashIndex(grams).find(found.grams)
    asked = found.question[found.text[near]]
    elsewhere = (low[place] != asked) | (high[place] != asked)
    return np.bincount(found.text[near[elsewhere]], minlength=len(found.texts))


def _share_by_model(
    found: RunTexts,
    against: str,
    numbers: Iterable[int],
    best: Mapping[int, tuple[int, int]],
    elsewhere: Indices | None,
) -> Iterator[OverlapShare]:
    """Yield each model's overlap, from the longest run and the shared n-grams of its answers."""
    total = np.bincount(found.text, minlength=len(found.texts))
    own: dict[str, list[int]] = defaultdict(list)
    for number in numbers:
        if found.telling_of[number]:
            own[str(found.texts[number].model)].append(number)
    for model, places in own.items():
        runs = [best.get(place, (0, 0))[0] for place in places]
        grams = sum(best.get(place, (0, 0))[1] for place in places)
        yield OverlapShare(
            model=model,
            against=against,
            texts=len(places),
            share=grams / int(found.telling_of[places].sum()),
            chance=None
            if elsewhere is None
            else float(elsewhere[places].sum() / total[places].sum()),
            typical=float(np.median(runs)),
            longest=max(runs),
        )
