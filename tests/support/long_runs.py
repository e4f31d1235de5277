"""Runs of realistic size, with texts as long and about as compressible as real ones.

MT-bench answers have 300 to 1,100 characters a turn and GPT-4's reviews of pairs about 700; such
reviews shrink to a third under zlib. These texts consist of invented words whose frequencies are
those of a natural language, so they compress equally well.
"""

from __future__ import annotations

import random
from bisect import bisect
from itertools import accumulate, combinations
from typing import TYPE_CHECKING

from builders import CATEGORIES, JUDGE, answer, graded_judgment, pairwise_judgment, question

from evalharness.domain import RunConfig, RunRecords, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalharness.domain import Answer, GradedJudgment, PairwiseJudgment, Question

_VOCABULARY = 4000
_ONSETS = ("b", "c", "d", "f", "g", "l", "m", "n", "p", "r", "s", "t", "st", "tr", "pl", "")
_VOWELS = ("a", "e", "i", "o", "u", "ea", "ou")
_ENDS = ("", "n", "r", "s", "t", "l", "nd", "rt")


class Writer:
    """Writes invented prose; equal seeds give equal words."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.words = [self._word() for _ in range(_VOCABULARY)]
        self._reach = list(accumulate(1 / (place + 3) for place in range(_VOCABULARY)))

    def _word(self) -> str:
        syllables = self.rng.choice((1, 2, 2, 3))
        return "".join(
            self.rng.choice(_ONSETS) + self.rng.choice(_VOWELS) + self.rng.choice(_ENDS)
            for _ in range(syllables)
        )

    def sentence(self) -> str:
        """Return one sentence."""
        top = self._reach[-1]
        words = [
            self.words[bisect(self._reach, self.rng.random() * top)]
            for _ in range(self.rng.randint(8, 22))
        ]
        return " ".join(words).capitalize() + "."

    def prose(self, length: int) -> str:
        """Return sentences with about this number of characters."""
        said: list[str] = []
        while sum(map(len, said)) < length:
            said.append(self.sentence())
        return " ".join(said)

    def markdown(self, length: int) -> str:
        """Return an answer in the style of models: paragraphs, a list, sometimes code."""
        parts = [f"**{self.sentence()}**", self.prose(length // 2)]
        parts.append("\n".join(f"{place}. {self.sentence()}" for place in (1, 2, 3)))
        if self.rng.random() < 0.25:
            parts.append(
                f"```python\nfor {self.rng.choice(self.words)} in range(10):\n    pass\n```"
            )
        if self.rng.random() < 0.15:
            parts.append(r"So $\frac{n(n+1)}{2}$ holds, and $$\sum_{k=1}^{n} k^2 = x.$$")
        return "\n\n".join(parts)


def a_long_run(
    models: int = 20, questions: int = 80, *, turns: Sequence[int] = (1, 2), seed: int = 0
) -> RunRecords:
    """Return a graded run with all pairs in both orders; pairs are judged at `turns`."""
    writer = Writer(seed)
    names = tuple(f"model-{place + 1:02d}-{7 * (place % 5 + 1)}b" for place in range(models))
    asked = tuple(
        question(
            f"{CATEGORIES[place % len(CATEGORIES)]}-{place + 1:02d}",
            category=CATEGORIES[place % len(CATEGORIES)],
            turns=(writer.prose(250), writer.prose(120)),
            references=(writer.prose(300), None) if place % 4 == 2 else (),
        )
        for place in range(questions)
    )
    return RunRecords(
        name="long",
        questions=asked,
        answers=tuple(_answers(writer, asked, names)),
        graded=tuple(_grades(writer, asked, names)),
        games=tuple(_games(writer, asked, names, turns)),
        config=RunConfig.from_tree({"models": {name: {} for name in names}, "seed": seed}),
        manifest={"command": "evalharness run run=long", "finished": "2025-03-01T12:00:00"},
    )


def _answers(
    writer: Writer, questions: Sequence[Question], models: Sequence[str]
) -> Iterator[Answer]:
    for each in questions:
        for place, model in enumerate(models):
            length = 500 + 40 * place
            yield answer(
                model, each.question_id, texts=(writer.markdown(length), writer.markdown(length))
            )


def _grades(
    writer: Writer, questions: Sequence[Question], models: Sequence[str]
) -> Iterator[GradedJudgment]:
    for each in questions:
        for place, model in enumerate(models):
            for turn in (1, 2):
                score = max(1, min(10, round(writer.rng.gauss(8.5 - 0.25 * place, 1.6))))
                reply = f"{writer.prose(600)} Rating: [[{score}]]"
                yield graded_judgment(model, each.question_id, turn=turn, score=score, reply=reply)


def _games(
    writer: Writer, questions: Sequence[Question], models: Sequence[str], turns: Sequence[int]
) -> Iterator[PairwiseJudgment]:
    for each in questions:
        for (place_a, a), (place_b, b) in combinations(enumerate(models), 2):
            for turn in turns:
                for first, second in ((a, b), (b, a)):
                    gap = (place_b - place_a) * (1 if first == a else -1)
                    draw = writer.rng.gauss(0.12 * gap + 0.2, 1)
                    verdict = Verdict.TIE if abs(draw) < 0.15 else Verdict("A" if draw > 0 else "B")
                    yield pairwise_judgment(
                        first,
                        second,
                        each.question_id,
                        turn=turn,
                        judge=JUDGE,
                        verdict=verdict,
                        reply=f"{writer.prose(600)} [[{'C' if verdict == 'tie' else verdict}]]",
                    )
