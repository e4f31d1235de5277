"""Order the questions of a run so that the work done at any moment is a balanced sample."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from evalharness.domain import compute_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import Question

_DIGEST_RANGE = 16**16


def order_questions(questions: Sequence[Question], seed: int) -> tuple[Question, ...]:
    """Return the questions in the order in which a run asks them.

    The order is shuffled within each category, and the categories are interleaved in proportion to
    their sizes. So every beginning of the order is a random sample that is stratified by category:
    a run that stops early has figures about all categories.

    Each category is spread evenly over the order from a random start of its own, as in systematic
    sampling. The order depends on the seed, the ids and the categories, not on the order given.

    Args:
        questions: the questions of a run.
        seed: the seed of the run.
    """
    by_category: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        by_category[question.category].append(question)
    placed = [
        ((rank + start) / len(members), start, question)
        for category, members in by_category.items()
        for start in [_draw(seed, category)]
        for rank, question in enumerate(
            sorted(members, key=lambda each: _draw(seed, category, each.question_id))
        )
    ]
    return tuple(
        question
        for _, _, question in sorted(
            placed, key=lambda each: (*each[:2], each[2].category, each[2].question_id)
        )
    )


def _draw(seed: int, *names: str) -> float:
    """Return a number from 0 to 1 that is random for each seed and each sequence of names."""
    return int(compute_digest([seed, "work order", *names])[:16], 16) / _DIGEST_RANGE
