"""Length-controlled win rates of a run without a baseline."""

import numpy as np
import pytest
from builders import answer, battle, question

from evalharness.analysis import build_leaderboard
from evalharness.domain import RunRecords, Winner

MODELS = ("brief", "even", "wordy")


def a_run(preference):
    """Return a run of three equally good models and its battles, by a judge that likes length.

    `wordy` mostly writes more than `even`, which mostly writes more than `brief`; the chance to win
    depends on nothing but the relative difference of lengths.
    """
    rng = np.random.default_rng(5)
    questions = tuple(question(f"{number}", turns=("Go.",)) for number in range(400))
    lengths = {
        (model, each.question_id): int(rng.integers(100, 400) * factor)
        for each in questions
        for model, factor in zip(MODELS, (1.0, 1.3, 1.7), strict=True)
    }
    answers = tuple(
        answer(model, each.question_id, texts=("x" * lengths[model, each.question_id],))
        for each in questions
        for model in MODELS
    )
    battles = []
    for each in questions:
        for a, b in (("brief", "even"), ("even", "wordy"), ("brief", "wordy")):
            own, other = lengths[a, each.question_id], lengths[b, each.question_id]
            chance = 1 / (1 + np.exp(-preference * (own - other) / (own + other)))
            winner = Winner.MODEL_A if rng.random() < chance else Winner.MODEL_B
            battles.append(battle(a, b, each.question_id, winner=winner))
    return RunRecords(name="demo", questions=questions, answers=answers), tuple(battles)


def rates(records, battles, column):
    """Return a column of the leaderboard by model."""
    return {row.model: getattr(row, column) for row in build_leaderboard(records, battles).rows}


def test_wins_by_length_are_removed():
    """Models that differ only in length are equal; their plain win rates are far apart."""
    plain = rates(*a_run(6.0), "win_rate")
    controlled = rates(*a_run(6.0), "length_controlled_win_rate")

    assert plain["wordy"] > 0.65
    assert plain["brief"] < 0.35
    for model in MODELS:
        assert controlled[model] == pytest.approx(0.5, abs=0.05)


def test_without_a_length_effect_the_rates_hardly_change():
    """Only noise is removed."""
    records, battles = a_run(0.0)

    plain = rates(records, battles, "win_rate")
    controlled = rates(records, battles, "length_controlled_win_rate")

    for model in MODELS:
        assert controlled[model] == pytest.approx(plain[model], abs=0.05)


def test_without_different_lengths_there_is_no_length_controlled_rate():
    """Imported battles have no answers, and equal lengths leave nothing to control."""
    records, battles = a_run(6.0)
    alike = tuple(answer(each.model, each.question_id, texts=("same",)) for each in records.answers)

    for run in (RunRecords(name="demo"), RunRecords(name="demo", answers=alike)):
        assert set(rates(run, battles, "length_controlled_win_rate").values()) == {None}
