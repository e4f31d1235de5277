"""What a run's judges are asked once more, to see whether they have changed since."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from evalharness.domain import compute_digest
from evalharness.errors import ConfigError
from evalharness.judge import Probe
from evalharness.runner.probe_tasks import ProbeTask, rebuild_judgment_request

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalharness.domain import Judgment, RunRecords
    from evalharness.judge import DriftCheckSpec
    from evalharness.runner.drift_judges import JudgeThenAndNow

DRIFT_FILE = "drift.jsonl"
REPEATS_PER_JUDGMENT = 2
"""How often each judgment is asked again: the two say how much the judge varies by itself."""
MIN_JUDGMENTS = 20
"""Fewer judgments than this could show nothing but a judge that is another altogether."""
_MAX_EXAMPLES = 3


def plan_drift_tasks(
    pairs: Sequence[JudgeThenAndNow],
    records: RunRecords,
    against: DriftCheckSpec,
    seed: int,
    number: int,
) -> tuple[ProbeTask, ...]:
    """Return what is asked again: for every judge a sample of its judgments, each `TIMES` times.

    Args:
        pairs: the judges.
        records: the run.
        against: how many of each judge's judgments.
        seed: of the sample.
        number: which check of this run it is, from 1: another one asks everything anew.

    Raises:
        ConfigError: there are too few judgments, or what was judged is not what stands there now.
    """
    return tuple(
        ask for pair in pairs for ask in _judge_tasks(pair, records, against, seed, number)
    )


def _judge_tasks(
    pair: JudgeThenAndNow, records: RunRecords, against: DriftCheckSpec, seed: int, number: int
) -> Iterator[ProbeTask]:
    own = [each for each in records.judgments if each.judge == pair.was.name]
    _refuse_imported_judgments(pair, own, records.name)
    chosen = sample_judgments(
        own, against.limit, random.Random(compute_digest([seed, "against", pair.was.name]))
    )
    questions = {question.question_id: question for question in records.questions}
    answers = {(each.question_id, each.model, each.sample): each for each in records.answers}
    shown = []
    for judgment in chosen:
        question = questions.get(judgment.question_id)
        showing = (
            rebuild_judgment_request(pair.was, question, judgment, answers) if question else None
        )
        shown.append((judgment, showing))
    changed = [judgment for judgment, showing in shown if showing is None]
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
            f"{records.name} holds {len(chosen)} judgments by {pair.was.name} to ask again, and a "
            f"check needs {MIN_JUDGMENTS}; take a larger run, or a larger audit.against.limit"
        )
        raise ConfigError(msg)
    for judgment, showing in shown:
        if showing is not None:
            for time in range(1, REPEATS_PER_JUDGMENT + 1):
                yield ProbeTask(
                    probe=Probe.LATER,
                    showing=replace(showing, judge=pair.now),
                    of=judgment.digest,
                    number=REPEATS_PER_JUDGMENT * (number - 1) + time,
                )


def sample_judgments(
    judgments: Sequence[Judgment], limit: int, rng: random.Random
) -> list[Judgment]:
    """Return so many judgments: grades and games alike, and of each all models and pairs alike.

    More of them begin with the same ones. What could not be read is chosen like all others.
    """
    by_kind: dict[str, list[tuple[int, tuple[str, ...], Judgment]]] = defaultdict(list)
    ranks: Counter[tuple[str, ...]] = Counter()
    for judgment in rng.sample(sorted(judgments, key=lambda each: each.digest), len(judgments)):
        stratum = (judgment.kind, *sorted(judgment.models))
        by_kind[judgment.kind].append((ranks[stratum], stratum, judgment))
        ranks[stratum] += 1
    ordered = [
        (place, kind, judgment)
        for kind, own in by_kind.items()
        for place, (_, _, judgment) in enumerate(sorted(own, key=lambda each: each[:2]))
    ]
    return [judgment for _, _, judgment in sorted(ordered, key=lambda each: each[:2])][:limit]


def next_check_number(kept: Sequence[int], last: int, *, is_complete: bool) -> int:
    """Return which check it is: the one that was begun and not ended, else the next.

    Args:
        kept: the numbers under which replies are kept.
        last: the check that was last told of, 0 for none.
        is_complete: whether that one has all its replies.
    """
    begun = max(((number - 1) // REPEATS_PER_JUDGMENT + 1 for number in kept), default=0)
    if begun > last or (last and not is_complete):
        return max(begun, last)
    return last + 1


def _refuse_imported_judgments(pair: JudgeThenAndNow, own: Sequence[Judgment], run: str) -> None:
    known = {prompt.name for prompt in pair.was.prompts.values()}
    others = sorted({each.prompt for each in own} - known)
    if others:
        msg = (
            f"{run}: {pair.was.name} judged with the prompt {others[0]!r}, which is none of the run's "
            f"own ({', '.join(sorted(known))}), so that it cannot be asked the same again"
        )
        raise ConfigError(msg)


def _describe_judgment(judgment: Judgment) -> str:
    return f"question {judgment.question_id}, turn {judgment.turn}, {' and '.join(judgment.models)}"
