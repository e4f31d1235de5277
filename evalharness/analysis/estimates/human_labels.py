"""Separate labels that check a judge, people's or gold, from the judgments that are ranked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalharness.analysis.judge_health.labelled_sets import find_labelled_sides
from evalharness.stats import GOLD_JUDGE, is_human_judge

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
        records: the run without labels of answers that a judge graded.
        battles: the battles without labels of battles that a judge settled.
        notes: sentences on what was excluded.
    """

    records: RunRecords
    battles: tuple[Battle, ...]
    notes: tuple[str, ...]


def exclude_label_checks(records: RunRecords, battles: Sequence[Battle]) -> RecordsToRank:
    """Return a run without the votes and grades of people, and gold labels, that a judge also gave.

    Labels without a judge's counterpart are kept. Pairs of a labelled set are excluded: their sides
    are places in a file, not models that could be ranked.
    """
    records, battles = _exclude_labelled_pairs(records, battles)
    settled = {battle_key(battle) for battle in battles if not _is_label(battle.judge)}

    def is_excluded(battle: Battle) -> bool:
        return _is_label(battle.judge) and battle_key(battle) in settled

    labels = [grade for grade in records.graded if _is_label(grade.judge)]
    excluded_grades = labels if len(labels) < len(records.graded) else []
    judge_grades = tuple(grade for grade in records.graded if not _is_label(grade.judge))
    return RecordsToRank(
        records=replace(records, graded=judge_grades) if excluded_grades else records,
        battles=tuple(battle for battle in battles if not is_excluded(battle)),
        notes=(
            *_excluded_labels_note(
                [battle.judge for battle in battles if is_excluded(battle)],
                "vote",
                "battles that the judge settled too",
                "ratings and win rates",
            ),
            *_excluded_labels_note(
                [grade.judge for grade in excluded_grades],
                "grade",
                "answers beside the judge's",
                "scores",
            ),
        ),
    )


def _is_label(judge: str) -> bool:
    return is_human_judge(judge) or judge == GOLD_JUDGE


def _exclude_labelled_pairs(
    records: RunRecords, battles: Sequence[Battle]
) -> tuple[RunRecords, Sequence[Battle]]:
    sides = find_labelled_sides(records)
    if not sides:
        return records, battles
    games = tuple(game for game in records.games if not sides.issuperset(game.models))
    votes = tuple(vote for vote in records.votes if not sides.issuperset(vote.models))
    return (
        replace(records, games=games, votes=votes),
        [each for each in battles if not sides.issuperset((each.model_a, each.model_b))],
    )


def battle_key(battle: Battle) -> BattleKey:
    """Return what a battle compares, regardless of the order of the models."""
    first, second = sorted((battle.model_a, battle.model_b))
    return battle.question_id, battle.turn, battle.sample, first, second


def _excluded_labels_note(
    judges: Sequence[str], noun: str, where: str, figures: str
) -> tuple[str, ...]:
    """Return a sentence on excluded labels of these judges, or nothing without any."""
    if not judges:
        return ()
    sources = ["people"] if any(map(is_human_judge, judges)) else []
    sources += ["gold labels"] if GOLD_JUDGE in judges else []
    whose, number = " and ".join(sources), len(judges)
    labels = f"{number} {noun} of {whose} is" if number == 1 else f"{number} {noun}s of {whose} are"
    return (f"{labels} on {where}: they check and correct it, and are no part of the {figures}.",)
