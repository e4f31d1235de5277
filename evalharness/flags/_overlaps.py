"""How much of each model's answers stands in references, or in a corpus."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from evalharness.flags._records import Overlap
from evalharness.flags._texts import by_value
from evalharness.flags._words import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from evalharness.flags._records import Find
    from evalharness.flags._sharing import Shared
    from evalharness.flags._texts import Collection
    from evalharness.flags._words import Places

REFERENCES, CORPUS = "references", "corpus"


def against_references(found: Collection, shared: Sequence[Shared]) -> Iterator[Overlap]:
    """Yield by model how much of its answers stands in the references of their questions."""
    is_reference = found.is_kind("reference")
    best: dict[int, tuple[int, int]] = {}
    for each in shared:
        if is_reference[each.other]:
            words, grams = best.get(each.answer, (0, 0))
            best[each.answer] = (max(words, each.words), max(grams, each.grams))
    has_reference = set(found.question[is_reference].tolist())
    numbers = [n for n in found.kind("answer").tolist() if int(found.question[n]) in has_reference]
    yield from _by_model(found, REFERENCES, numbers, best, _in_other_references(found))


def against_corpus(found: Collection, finds: Iterable[tuple[int, Find]]) -> Iterator[Overlap]:
    best = {
        number: (one.words, round(one.share * int(found.telling_of[number])))
        for number, one in finds
    }
    yield from _by_model(found, CORPUS, found.kind("answer").tolist(), best, None) if best else ()


def _in_other_references(found: Collection) -> Places:
    """Return how many n-grams of each text stand in the reference of another question."""
    mine = found.is_kind("reference")[found.text]
    grams, own = found.grams[mine], found.question[found.text[mine]]
    order, begins = by_value(grams)
    if not len(begins):
        return np.zeros(len(found.texts), np.int64)
    own = own[order]
    low, high = np.minimum.reduceat(own, begins), np.maximum.reduceat(own, begins)
    near, place = Table(grams).find(found.grams)
    asked = found.question[found.text[near]]
    elsewhere = (low[place] != asked) | (high[place] != asked)
    return np.bincount(found.text[near[elsewhere]], minlength=len(found.texts))


def _by_model(
    found: Collection,
    against: str,
    numbers: Iterable[int],
    best: Mapping[int, tuple[int, int]],
    elsewhere: Places | None,
) -> Iterator[Overlap]:
    """Yield each model's overlap, from the longest run and the shared n-grams of its answers."""
    total = np.bincount(found.text, minlength=len(found.texts))
    own: dict[str, list[int]] = defaultdict(list)
    for number in numbers:
        if found.telling_of[number]:
            own[str(found.texts[number].model)].append(number)
    for model, places in own.items():
        runs = [best.get(place, (0, 0))[0] for place in places]
        grams = sum(best.get(place, (0, 0))[1] for place in places)
        yield Overlap(
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
