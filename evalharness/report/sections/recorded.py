"""Figures of imported votes as their own source publishes them, to hold an import against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.report.templates import fill
from evalharness.stats.recorded import label_accuracies, pair_totals, preference_rates

if TYPE_CHECKING:
    from evalharness.report.facts import Facts

PLACE = 52
TITLE = "As the sources count"


def render(facts: Facts) -> str:
    """Return the totals, preferences and accuracies of imported votes; nothing without any."""
    votes = facts.records.votes
    totals, rates = pair_totals(votes), preference_rates(votes)
    accuracies = label_accuracies(facts.records.games, votes)
    if not (totals or rates or accuracies):
        return ""
    return fill(
        "sections/recorded",
        totals=totals,
        rates=rates,
        accuracies=accuracies,
    )
