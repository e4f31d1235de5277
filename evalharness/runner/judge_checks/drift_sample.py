"""Choose the judgments of a run that a drift check repeats."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from evalharness.domain import compute_digest
from evalharness.errors import ConfigError
from evalharness.judge import Probe
from evalharness.runner.judge_checks.probe_tasks import ProbeTask, rebuild_judgment_request

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalharness.domain import Judgment, RunRecords
    from evalharness.judge import DriftCheckSpec, JudgmentRequest
    from evalharness.runner.judge_checks.drift_judges import MatchedJudge

DRIFT_FILE = "drift.jsonl"
REPEATS_PER_JUDGMENT = 2
"""How often each judgment is repeated. Two repeats show how much the judge varies by itself."""
MIN_JUDGMENTS = 20
"""With fewer judgments, only a completely different judge could be detected."""
_MAX_EXAMPLES = 3


def plan_drift_tasks(
    pairs: Sequence[MatchedJudge],
    records: RunRecords,
    against: DriftCheckSpec,
    seed: int,
    number: int,
) -> tuple[ProbeTask, ...]:
    """Return the judgments to repeat: a sample for each judge, `REPEATS_PER_JUDGMENT` times each.

    Args:
        pairs: the judges.
        records: the run.
        against: the size of the sample.
        seed: the seed of the sample.
        number: the number of the check, from 1. A new check makes all its calls again.

    Raises:
        ConfigError: there are too few judgments, or their prompts, questions or answers have changed since.
    """
    return tuple(
        task for pair in pairs for task in _judge_tasks(pair, records, against, seed, number)
    )


def _judge_tasks(
    pair: MatchedJudge, records: RunRecords, against: DriftCheckSpec, seed: int, number: int
) -> Iterator[ProbeTask]:
    judgments = [each for each in records.judgments if each.judge == pair.original.name]
    _refuse_imported_judgments(pair, judgments, records.name)
    chosen = sample_judgments(
        judgments,
        against.limit,
        random.Random(compute_digest([seed, "against", pair.original.name])),
    )
    requests = _rebuild_requests(pair, chosen, records)
    changed = [judgment for judgment, request in requests if request is None]
    if changed:
        msg = (
            f"{records.name}: {len(changed)} of the {len(chosen)} judgments to be asked again are not "
            "of the questions, answers and prompts that stand there now "
            f"({'; '.join(map(_describe_judgment, changed[:_MAX_EXAMPLES]))}): only the same prompt can show a drift. "
            "Take an unchanged copy of the run"
        )
        raise ConfigError(msg)
    if len(chosen) < MIN_JUDGMENTS:
        msg = (
            f"{records.name} holds {len(chosen)} judgments by {pair.original.name} to ask again, and a "
            f"check needs {MIN_JUDGMENTS}; take a larger run, or a larger audit.against.limit"
        )
        raise ConfigError(msg)
    for judgment, request in requests:
        if request is not None:
            for time in range(1, REPEATS_PER_JUDGMENT + 1):
                yield ProbeTask(
                    probe=Probe.LATER,
                    request=replace(request, judge=pair.current),
                    repeated=judgment.digest,
                    number=REPEATS_PER_JUDGMENT * (number - 1) + time,
                )


def _rebuild_requests(
    pair: MatchedJudge, judgments: Sequence[Judgment], records: RunRecords
) -> list[tuple[Judgment, JudgmentRequest | None]]:
    """Return each judgment with the request that made it; None if that has changed since."""
    questions = {question.question_id: question for question in records.questions}
    answers = {(each.question_id, each.model, each.sample): each for each in records.answers}
    return [
        (judgment, rebuild_judgment_request(pair.original, question, judgment, answers))
        if (question := questions.get(judgment.question_id))
        else (judgment, None)
        for judgment in judgments
    ]


def sample_judgments(
    judgments: Sequence[Judgment], limit: int, rng: random.Random
) -> list[Judgment]:
    """Return a sample, balanced over grades and games, over models, and over pairs.

    A larger sample begins with a smaller one. Unscored judgments are chosen like all others.

    Args:
        judgments: of one judge.
        limit: the size of the sample.
        rng: draws the sample.
    """
    by_kind: dict[str, list[tuple[int, tuple[str, ...], Judgment]]] = defaultdict(list)
    ranks: Counter[tuple[str, ...]] = Counter()
    for judgment in rng.sample(sorted(judgments, key=lambda each: each.digest), len(judgments)):
        stratum = (judgment.kind, *sorted(judgment.models))
        by_kind[judgment.kind].append((ranks[stratum], stratum, judgment))
        ranks[stratum] += 1
    ordered = [
        (place, kind, judgment)
        for kind, ranked in by_kind.items()
        for place, (_, _, judgment) in enumerate(sorted(ranked, key=lambda each: each[:2]))
    ]
    return [judgment for _, _, judgment in sorted(ordered, key=lambda each: each[:2])][:limit]


def next_check_number(kept: Sequence[int], last: int, *, is_complete: bool) -> int:
    """Return the number of the check: that of an unfinished one, else the next.

    Args:
        kept: the numbers of the replies in the run's folder.
        last: the check that was last reported; 0 for none.
        is_complete: whether that check has all its replies.
    """
    begun = max(((number - 1) // REPEATS_PER_JUDGMENT + 1 for number in kept), default=0)
    if begun > last or (last and not is_complete):
        return max(begun, last)
    return last + 1


def _refuse_imported_judgments(pair: MatchedJudge, judgments: Sequence[Judgment], run: str) -> None:
    known = {prompt.name for prompt in pair.original.prompts.values()}
    others = sorted({each.prompt for each in judgments} - known)
    if others:
        msg = (
            f"{run}: {pair.original.name} judged with the prompt {others[0]!r}, which is none of the run's "
            f"own ({', '.join(sorted(known))}), so that it cannot be asked the same again"
        )
        raise ConfigError(msg)


def _describe_judgment(judgment: Judgment) -> str:
    return f"question {judgment.question_id}, turn {judgment.turn}, {' and '.join(judgment.models)}"
