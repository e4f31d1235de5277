"""Say which models were sampled otherwise than configured, because their server refused a setting."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalharness.domain import list_request_rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalharness.domain import RunRecords


def list_refused_model_cautions(records: RunRecords) -> Iterator[str]:
    """Yield a sentence for each model whose server takes no temperature, or cut its answers."""
    cut = Counter(
        answer.model for answer in records.answers for turn in answer.turns if turn.is_truncated
    )
    return _iterate_sentences(records, "models", "answers", cut)


def list_refused_judge_cautions(records: RunRecords) -> Iterator[str]:
    """Yield a sentence for each judge whose server takes no temperature, or cut its replies."""
    cut = Counter(each.judge for each in records.judgments if each.finish_reason is not None)
    return _iterate_sentences(records, "judges", "judgments", cut)


def _iterate_sentences(
    records: RunRecords, role: str, results: str, cut: Mapping[str, int]
) -> Iterator[str]:
    for name, rules in list_request_rules(records.manifest, role).items():
        if "temperature" in rules.left_out:
            yield (
                f"{name} was asked without temperature, which its server does not take: its "
                f"{results} are drawn as the server decides, and may differ the next time"
            )
        if rules.max_tokens is not None and (count := cut.get(name, 0)):
            yield (
                f"{name} was asked for at most {rules.max_tokens} tokens, the most that its server "
                f"allows, which is less than configured: {count} of its replies were cut"
            )
