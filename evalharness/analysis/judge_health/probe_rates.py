"""Measure a judge on the probes of an audit."""

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
"""Grades that differ by less count as equal; grades from probabilities are not whole numbers."""


def measure_probe(kind: Probe, rows: Sequence[ProbeResult]) -> JudgeRate:
    """Return how often a probe had the required result over both orders.

    An answer must tie against itself, must not lose against its padded version, and must win
    against every other probe.
    """
    games: dict[str, dict[bool, PairwiseJudgment]] = defaultdict(dict)
    for row in rows:
        if row.probe is kind and row.game is not None:
            games[row.game.question_id][row.shown_first] = row.game
    results = [
        (question, _has_expected_result(kind, game_by_order))
        for question, game_by_order in games.items()
    ]
    read_results = [(question, is_right) for question, is_right in results if is_right is not None]
    note = (
        f"{len(results) - len(read_results)} unscored" if len(read_results) < len(results) else ""
    )
    return measure_share(
        f"probe_{kind.value}",
        read_results,
        note=note or ("" if read_results else "nothing was asked"),
    )


def measure_repeatability(
    name: str, kind: Probe, rows: Iterable[ProbeResult], judgment_by_digest: Mapping[str, Judgment]
) -> JudgeRate:
    """Return how often a repeated judgment equals the original one."""
    results = []
    for row in rows:
        original = judgment_by_digest.get(row.of or "")
        if row.probe is kind and original is not None:
            is_same = _is_same_judgment(original, row.judgment)
            results += [(original.question_id, is_same)] if is_same is not None else []
    return measure_share(name, results, note="" if results else "nothing could be asked again")


def _has_expected_result(
    kind: Probe, game_by_order: Mapping[bool, PairwiseJudgment]
) -> bool | None:
    """Return whether a probe had the required result; None if unread or incomplete."""
    if kind is Probe.SAME:
        verdict = game_by_order[True].verdict if True in game_by_order else None
        return None if verdict is None else verdict is Verdict.TIE
    if True not in game_by_order or False not in game_by_order:
        return None
    battle = settle_battle(game_by_order[True], game_by_order[False])
    if battle is None:
        return None
    if kind is Probe.PADDED:
        return battle.winner is not Winner.MODEL_B
    return battle.winner is Winner.MODEL_A


def _is_same_judgment(original: Judgment, repeated: Judgment) -> bool | None:
    """Return whether two judgments agree; None if one of them is unread."""
    if isinstance(original, PairwiseJudgment) or isinstance(repeated, PairwiseJudgment):
        verdicts = {getattr(each, "verdict", None) for each in (original, repeated)}
        return None if None in verdicts else len(verdicts) == 1
    if original.score is None or repeated.score is None:
        return None
    return abs(original.score - repeated.score) < SAME_GRADE_TOLERANCE
