"""Separate people's labels that check a judge from the judgments that are ranked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalharness.stats import is_human_judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import Battle, RunRecords

BattleKey = tuple[str, int, int, str, str]
"""Question id, turn, sample, and two models in alphabetical order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsToRank:
    """A run without the labels that check its judge.

    Such labels check and correct the judge. Mixed with the judge's own judgments, they would give a
    table that is neither the judge's nor people's.

    Attributes:
        records: the run without people's grades of answers that a judge graded.
        battles: the battles without people's votes on battles that a judge settled.
        notes: sentences on what was excluded.
    """

    records: RunRecords
    battles: tuple[Battle, ...]
    notes: tuple[str, ...]


def exclude_label_checks(records: RunRecords, battles: Sequence[Battle]) -> RecordsToRank:
    """Return a run without people's votes and grades that a judge also gave.

    People's judgments without a judge's counterpart are kept.
    """
    settled_by_judges = {
        battle_key(battle) for battle in battles if not is_human_judge(battle.judge)
    }
    kept_battles = tuple(
        battle
        for battle in battles
        if not is_human_judge(battle.judge) or battle_key(battle) not in settled_by_judges
    )
    judge_grades = tuple(grade for grade in records.graded if not is_human_judge(grade.judge))
    excluded_grades = len(records.graded) - len(judge_grades) if judge_grades else 0
    return RecordsToRank(
        records=replace(records, graded=judge_grades) if excluded_grades else records,
        battles=kept_battles,
        notes=(
            *_excluded_labels_note(
                len(battles) - len(kept_battles),
                "vote",
                "battles that the judge settled too",
                "ratings and win rates",
            ),
            *_excluded_labels_note(
                excluded_grades, "grade", "answers beside the judge's", "scores"
            ),
        ),
    )


def battle_key(battle: Battle) -> BattleKey:
    """Return what a battle compares, regardless of the order of the models."""
    first, second = sorted((battle.model_a, battle.model_b))
    return battle.question_id, battle.turn, battle.sample, first, second


def _excluded_labels_note(number: int, noun: str, where: str, figures: str) -> tuple[str, ...]:
    """Return a sentence on excluded labels, or nothing without any."""
    if not number:
        return ()
    labels = f"{number} {noun} of people is" if number == 1 else f"{number} {noun}s of people are"
    return (f"{labels} on {where}: they check and correct it, and are no part of the {figures}.",)
