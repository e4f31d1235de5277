"""Pairs of models whose answers are the same: one model under two names, or a wrong endpoint."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

from evalharness.analysis.overlap.flag_records import SameAnswerPair

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from evalharness.analysis.overlap.answer_matches import AnswerMatch
    from evalharness.analysis.overlap.hashed_words import Indices
    from evalharness.analysis.overlap.run_texts import RunTexts

MIN_ANSWER_WORDS = 20
"""Words of an answer that do not come out alike by chance, as "D" or "12 apples" may."""

MIN_SAME_TURNS = 3
"""Equal turns that make a pair worth a look: questions with one right answer bring about a few."""

MIN_SAME_SHARE = 0.05
"""And their share of the turns compared."""

_ModelPair = tuple[str, str]


def find_same_answer_pairs(
    found: RunTexts, copies: Iterable[AnswerMatch], equal: Indices
) -> Iterator[SameAnswerPair]:
    """Yield the pairs of models that have more answers in common than questions bring about.

    Six models of 2023 had at most 3 of 141 turns of MT-bench alike, in lists and tables that the
    question determines.

    Args:
        found: the texts.
        copies: answers that share a long run.
        equal: for each text the first that has the same words.
    """
    answered: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for number in found.kind("answer"):
        text = found.texts[number]
        if found.sizes[number] >= MIN_ANSWER_WORDS:
            answered[text.question_id, text.turn, text.sample].append(int(number))
    compared, identical, alike = Counter[_ModelPair](), Counter[_ModelPair](), Counter[_ModelPair]()
    for numbers in answered.values():
        for one, other in combinations(numbers, 2):
            pair = model_pair(found, one, other)
            compared[pair] += 1
            if equal[one] == equal[other]:
                is_identical = found.texts[one].text == found.texts[other].text
                (identical if is_identical else alike)[pair] += 1
    overlapping = Counter(model_pair(found, each.answer, each.other) for each in copies)
    for pair in sorted(identical.keys() | alike.keys() | overlapping.keys()):
        same = identical[pair] + alike[pair] + overlapping[pair]
        if same >= max(MIN_SAME_TURNS, MIN_SAME_SHARE * compared[pair]):
            yield SameAnswerPair(
                model_a=pair[0],
                model_b=pair[1],
                compared=compared[pair],
                identical=identical[pair],
                alike=alike[pair],
                overlapping=overlapping[pair],
            )


def model_pair(found: RunTexts, one: int, other: int) -> tuple[str, str]:
    """Return the models of two answers, in alphabetical order."""
    first, second = sorted((str(found.texts[one].model), str(found.texts[other].model)))
    return first, second
