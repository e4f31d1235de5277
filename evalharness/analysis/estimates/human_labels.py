"""People's votes and grades: which of them check a judge and are no part of its table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalharness.stats import is_human_judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import Battle, RunRecords

BattleKey = tuple[str, int, int, str, str]
"""A question, a turn, a sample and two models in order of name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsToRank:
    """What a table is made of: a run and its battles without the labels that check its judge.

    Such labels are there to check and correct the judge. Together with its own judgments, they
    would give a table that is neither the judge's nor people's.
    """

    records: RunRecords
    battles: tuple[Battle, ...]
    notes: tuple[str, ...]


def exclude_label_checks(records: RunRecords, battles: Sequence[Battle]) -> RecordsToRank:
    """Return a run without people's votes on what others settled, and their grades beside others'.

    People's judgments that stand alone are kept: they are all that there is.
    """
    settled = {battle_key(battle) for battle in battles if not is_human_judge(battle.judge)}
    kept = tuple(
        battle
        for battle in battles
        if not is_human_judge(battle.judge) or battle_key(battle) not in settled
    )
    graded = tuple(grade for grade in records.graded if not is_human_judge(grade.judge))
    grades = len(records.graded) - len(graded) if graded else 0
    return RecordsToRank(
        records=replace(records, graded=graded) if grades else records,
        battles=kept,
        notes=(
            *_excluded_labels_note(
                len(battles) - len(kept),
                "vote",
                "battles that the judge settled too",
                "ratings and win rates",
            ),
            *_excluded_labels_note(grades, "grade", "answers beside the judge's", "scores"),
        ),
    )


def battle_key(battle: Battle) -> BattleKey:
    """Return what a battle was about, whichever model stood first."""
    first, second = sorted((battle.model_a, battle.model_b))
    return battle.question_id, battle.turn, battle.sample, first, second


def _excluded_labels_note(number: int, noun: str, where: str, figures: str) -> tuple[str, ...]:
    if not number:
        return ()
    labels = f"{number} {noun} of people is" if number == 1 else f"{number} {noun}s of people are"
    return (f"{labels} on {where}: they check and correct it, and are no part of the {figures}.",)
