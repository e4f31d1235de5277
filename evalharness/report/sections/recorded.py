"""Figures of imported votes as their own source publishes them, to hold an import against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalharness.report.templates import fill
from evalharness.stats.people import human_agreements
from evalharness.stats.recorded import label_accuracies, pair_totals, preference_rates

if TYPE_CHECKING:
    from evalharness.report.facts import Facts

PLACE = 52
TITLE = "As the sources count"
_SEED = 0  # of the intervals' bootstrap: the same run makes the same page


def render(facts: Facts) -> str:
    """Return the totals, preferences and accuracies of imported votes; nothing without any."""
    votes = facts.records.votes
    totals, rates = pair_totals(votes), preference_rates(votes)
    accuracies = label_accuracies(facts.records.games, votes)
    agreements = human_agreements(facts.battles, np.random.default_rng(_SEED))
    if not (totals or rates or accuracies or agreements):
        return ""
    return fill(
        "sections/recorded",
        totals=totals,
        rates=rates,
        accuracies=accuracies,
        agreements=agreements,
    )
