"""Say which models were sampled otherwise than configured, because their server refused a setting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.domain import list_request_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalharness.domain import RunRecords


def list_refused_model_cautions(records: RunRecords) -> Iterator[str]:
    """Yield a sentence for each model whose server takes no temperature."""
    return _iterate_sentences(records, "models", "answers")


def list_refused_judge_cautions(records: RunRecords) -> Iterator[str]:
    """Yield a sentence for each judge whose server takes no temperature."""
    return _iterate_sentences(records, "judges", "judgments")


def _iterate_sentences(records: RunRecords, role: str, results: str) -> Iterator[str]:
    for name, rules in list_request_rules(records.manifest, role).items():
        if "temperature" in rules.left_out:
            yield (
                f"{name} was asked without temperature, which its server does not take: its "
                f"{results} are drawn as the server decides, and may differ the next time"
            )
