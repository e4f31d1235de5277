"""Find pairs of models with the same answers.

Such a pair is one model under two names, or a wrong endpoint.
"""

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
"""Shorter answers, such as "D" or "12 apples", are often equal by chance."""

MIN_SAME_TURNS = 3
"""The minimum of a reported pair; questions with one right answer cause a few equal turns."""

MIN_SAME_SHARE = 0.05
"""The minimum share of compared turns of a reported pair."""

_ModelPair = tuple[str, str]


def find_same_answer_pairs(
    run_texts: RunTexts, copies: Iterable[AnswerMatch], equal: Indices
) -> Iterator[SameAnswerPair]:
    """Yield the pairs of models with more equal answers than the questions explain.

    Six models of 2023 had at most 3 of 141 MT-bench turns alike, in lists and tables that the
    question determines.

    Args:
        run_texts: the texts.
        copies: answers that share a long run.
        equal: for each text the index of the first text with the same words.
    """
    answers_by_turn: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for number in run_texts.numbers_of_kind("answer"):
        text = run_texts.texts[number]
        if run_texts.word_counts[number] >= MIN_ANSWER_WORDS:
            answers_by_turn[text.question_id, text.turn, text.sample].append(int(number))
    compared, identical, alike = Counter[_ModelPair](), Counter[_ModelPair](), Counter[_ModelPair]()
    for numbers in answers_by_turn.values():
        for one, other in combinations(numbers, 2):
            pair = model_pair(run_texts, one, other)
            compared[pair] += 1
            if equal[one] == equal[other]:
                is_identical = run_texts.texts[one].text == run_texts.texts[other].text
                (identical if is_identical else alike)[pair] += 1
    overlapping = Counter(model_pair(run_texts, each.answer, each.other) for each in copies)
    for pair in sorted(identical.keys() | alike.keys() | overlapping.keys()):
        same_turns = identical[pair] + alike[pair] + overlapping[pair]
        if same_turns >= max(MIN_SAME_TURNS, MIN_SAME_SHARE * compared[pair]):
            yield SameAnswerPair(
                model_a=pair[0],
                model_b=pair[1],
                compared=compared[pair],
                identical=identical[pair],
                alike=alike[pair],
                overlapping=overlapping[pair],
            )


def model_pair(run_texts: RunTexts, one: int, other: int) -> tuple[str, str]:
    """Return the models of two answers, in alphabetical order."""
    first, second = sorted((str(run_texts.texts[one].model), str(run_texts.texts[other].model)))
    return first, second
