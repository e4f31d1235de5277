"""Show figures of imported votes in the form that their source publishes, to check the import."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template
from evalharness.stats import measure_label_accuracy, measure_preference_rates, sum_pair_scores

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData


def render_published_figures(data: PageData) -> str:
    """Return the totals, preferences and accuracies of imported votes, or nothing without votes."""
    votes = data.records.votes
    totals, rates = sum_pair_scores(votes), measure_preference_rates(votes)
    accuracies = measure_label_accuracy(data.records.games, votes)
    if not (totals or rates or accuracies):
        return ""
    return fill_template(
        "sections/ranking/published_figures",
        totals=totals,
        rates=rates,
        accuracies=accuracies,
    )


SECTION = Section(
    address="recorded", place=52, title="As the sources count", render=render_published_figures
)
