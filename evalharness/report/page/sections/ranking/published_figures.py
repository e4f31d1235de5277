"""Figures of imported votes as their own source publishes them, to hold an import against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.report.page.templates import fill_template
from evalharness.stats import measure_label_accuracy, measure_preference_rates, sum_pair_scores

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData

ADDRESS = "recorded"
PLACE = 52
TITLE = "As the sources count"


def render(facts: PageData) -> str:
    """Return the totals, preferences and accuracies of imported votes; nothing without any."""
    votes = facts.records.votes
    totals, rates = sum_pair_scores(votes), measure_preference_rates(votes)
    accuracies = measure_label_accuracy(facts.records.games, votes)
    if not (totals or rates or accuracies):
        return ""
    return fill_template(
        "sections/ranking/published_figures",
        totals=totals,
        rates=rates,
        accuracies=accuracies,
    )
