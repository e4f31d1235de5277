"""Length-controlled win rates of a run whose models met a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from evalharness.errors import ConvergenceError
from evalharness.stats.comparisons import OUTCOME_BY_WINNER
from evalharness.stats.length_control import length_controlled_win_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import Battle, RunRecords


def length_controlled(records: RunRecords, battles: Sequence[Battle]) -> dict[str, float]:
    """Return length-controlled win rates by model; none without a baseline and its answers.

    A length is that of all replies the judge saw, in characters. A model whose battles allow no
    finite fit is left out.
    """
    judging = records.config.get("judging")
    baseline = judging.get("baseline") if isinstance(judging, Mapping) else None
    if baseline is None:
        return {}
    lengths = _lengths(records)
    games: dict[str, list[tuple[float, int, int, str]]] = {}
    for battle in battles:
        if baseline not in (battle.model_a, battle.model_b):
            continue
        points = OUTCOME_BY_WINNER[battle.winner] / 2
        model, won = battle.model_a, points
        if model == baseline:
            model, won = battle.model_b, 1 - points
        shown = (battle.question_id, battle.sample, battle.turn)
        own, other = lengths.get((model, *shown)), lengths.get((baseline, *shown))
        if own is not None and other is not None:
            games.setdefault(model, []).append((won, own, other, battle.question_id))
    rates = {model: _rate(own) for model, own in games.items()}
    return {model: rate for model, rate in rates.items() if rate is not None}


def _lengths(records: RunRecords) -> dict[tuple[str, str, int, int], int]:
    """Return the length of a model's replies to a question, by sample, up to each turn."""
    lengths = {}
    for answer in records.answers:
        total = 0
        for turn, reply in enumerate(answer.turns, start=1):
            total += len(reply.text)
            lengths[answer.model, answer.question_id, answer.sample, turn] = total
    return lengths


def _rate(games: Sequence[tuple[float, int, int, str]]) -> float | None:
    points, own, other, questions = zip(*games, strict=True)
    try:
        return length_controlled_win_rate(points, own, other, questions).value
    except (ValueError, ConvergenceError):  # nothing to control, or no finite fit
        return None
