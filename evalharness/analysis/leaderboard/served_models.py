"""Say which models the servers of a run reported, and where a report changed within the run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalharness.domain import RunRecords

_MAX_LISTED = 4


def count_served_models(records: RunRecords) -> dict[str, Counter[str]]:
    """Return how many turns of each model came from each model that its server reported.

    Args:
        records: the run. Turns whose server reported nothing are not counted.
    """
    found: dict[str, Counter[str]] = {}
    for answer in records.answers:
        for turn in answer.turns:
            if turn.served:
                found.setdefault(answer.model, Counter())[turn.served] += 1
    return found


def count_served_judges(records: RunRecords) -> dict[str, Counter[str]]:
    """Return how many judgments of each judge came from each model that its server reported.

    Args:
        records: the run. Judgments whose server reported nothing are not counted.
    """
    found: dict[str, Counter[str]] = {}
    for judgment in records.judgments:
        if judgment.served:
            found.setdefault(judgment.judge, Counter())[judgment.served] += 1
    return found


def list_served_model_cautions(records: RunRecords) -> Iterator[str]:
    """Yield a sentence for each model whose server reported several models or versions."""
    return _iterate_changes(count_served_models(records), "answered turns")


def list_served_judge_cautions(records: RunRecords) -> Iterator[str]:
    """Yield a sentence for each judge whose server reported several models or versions."""
    return _iterate_changes(count_served_judges(records), "judgments")


def _iterate_changes(served: Mapping[str, Counter[str]], unit: str) -> Iterator[str]:
    for name, counts in served.items():
        if len(counts) > 1:
            listed = [f"{model} ({number})" for model, number in counts.most_common(_MAX_LISTED)]
            more = len(counts) - len(listed)
            yield (
                f"the server of {name} reported {len(counts)} models or versions within this run, "
                f"by {unit}: {', '.join(listed)}{f' and {more} more' if more else ''}"
            )
