"""Make the records of labelled pairs, in which the two places stand for two models."""

from __future__ import annotations

from evalharness.domain import Vote, Winner, compute_digest
from evalharness.stats import GOLD_JUDGE


def make_gold_vote(pair_id: str, sides: tuple[str, str], winner: Winner) -> Vote:
    """Return the label of a pair as a vote.

    Args:
        pair_id: the question id of the pair.
        sides: the names of the two places, which stand for models.
        winner: the labelled side.
    """
    return Vote(
        question_id=pair_id,
        judge=GOLD_JUDGE,
        model_a=sides[0],
        model_b=sides[1],
        winner=winner,
        digest=compute_digest([GOLD_JUDGE, pair_id]),
    )


def describe_labelled_set(sides: tuple[str, str]) -> str:
    """Return the caution for readers of a run of labelled pairs."""
    return (
        f"{' and '.join(sides)} are places in a labelled set, not models: their ratings mean "
        "nothing. What this run shows is how well judges find the label."
    )
