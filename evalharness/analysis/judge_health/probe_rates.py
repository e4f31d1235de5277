"""How a judge met an audit's probes."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from evalharness.analysis.judge_health.rates import JudgeRate, measure_share
from evalharness.domain import PairwiseJudgment, Verdict, Winner
from evalharness.judge import Probe, settle_battle

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalharness.domain import Judgment
    from evalharness.judge import ProbeResult

SAME_GRADE_TOLERANCE = 0.5
"""Two grades less than half a point apart are the same: probabilities give no whole ones."""


def measure_probe(kind: Probe, rows: Sequence[ProbeResult]) -> JudgeRate:
    """Return how often a probe had the result that it must have; both orders are one.

    Against itself an answer must tie, against a padded version it must not lose, against
    anything else it must win.
    """
    games: dict[str, dict[bool, PairwiseJudgment]] = defaultdict(dict)
    for row in rows:
        if row.probe is kind and row.game is not None:
            games[row.game.question_id][row.shown_first] = row.game
    results = [(question, _has_expected_result(kind, shown)) for question, shown in games.items()]
    read = [(question, right) for question, right in results if right is not None]
    note = f"{len(results) - len(read)} unscored" if len(read) < len(results) else ""
    return measure_share(
        f"probe_{kind.value}", read, note=note or ("" if read else "nothing was asked")
    )


def measure_repeatability(
    name: str, kind: Probe, rows: Iterable[ProbeResult], before: Mapping[str, Judgment]
) -> JudgeRate:
    """Return how often a judgment that was asked for again came out as before."""
    read = []
    for row in rows:
        old = before.get(row.of or "")
        if row.probe is kind and old is not None:
            same = _is_same_judgment(old, row.judgment)
            read += [(old.question_id, same)] if same is not None else []
    return measure_share(name, read, note="" if read else "nothing could be asked again")


def _has_expected_result(kind: Probe, shown: Mapping[bool, PairwiseJudgment]) -> bool | None:
    """Return whether a probe's result is right; None when it was not read, or is incomplete."""
    if kind is Probe.SAME:
        verdict = shown[True].verdict if True in shown else None
        return None if verdict is None else verdict is Verdict.TIE
    if True not in shown or False not in shown:
        return None
    battle = settle_battle(shown[True], shown[False])
    if battle is None:
        return None
    if kind is Probe.PADDED:
        return battle.winner is not Winner.MODEL_B
    return battle.winner is Winner.MODEL_A


def _is_same_judgment(old: Judgment, new: Judgment) -> bool | None:
    if isinstance(old, PairwiseJudgment) or isinstance(new, PairwiseJudgment):
        verdicts = {getattr(each, "verdict", None) for each in (old, new)}
        return None if None in verdicts else len(verdicts) == 1
    if old.score is None or new.score is None:
        return None
    return abs(old.score - new.score) < SAME_GRADE_TOLERANCE
