"""Length-controlled win rates of a run without a baseline."""

from dataclasses import replace

import numpy as np
import pytest
from builders import a_vote, answer, battle, question

from evalharness.analysis import build_leaderboard
from evalharness.domain import RunRecords, Winner
from evalharness.judge import collect_battles
from evalharness.stats import length_controlled_win_rate

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


def preferences(model, chance, *, judge="gpt-4", baseline="davinci", seed=1):
    """Return answers and imported preferences of a model against a baseline on 60 questions."""
    rng = np.random.default_rng(seed)
    answers, votes = [], []
    for number in range(60):
        lengths = rng.integers(50, 400, size=2)
        names = (baseline, model)
        answers += [
            answer(name, f"{number}", texts=("x" * int(length),))
            for name, length in zip(names, lengths, strict=True)
            if name == model or seed == 1
        ]
        preference = float(np.clip(chance + rng.normal(0, 0.2), 0, 1))
        winner = Winner.MODEL_B if preference > 0.5 else Winner.MODEL_A
        vote = a_vote(
            *names, judge=judge, winner=winner, question_id=f"{number}", digest=f"{model}{number}"
        )
        votes.append(replace(vote, preference=preference))
    return answers, votes


def imported(*parts):
    """Return a run of imported preferences."""
    answers = [each for own, _ in parts for each in own]
    votes = [each for _, own in parts for each in own]
    return RunRecords(name="demo", answers=tuple(answers), votes=tuple(votes))


def test_imported_preferences_are_against_their_baseline_whatever_else_is_imported():
    """A model's figure must not move with the other folders of an import."""
    one, two = preferences("one", 0.7), preferences("two", 0.2, seed=2)
    alone = imported(one)
    both = imported(one, two)
    points = [vote.preference for vote in one[1]]
    lengths = {(each.model, each.question_id): len(each.turns[0].text) for each in one[0]}
    expected = length_controlled_win_rate(
        points,
        [lengths["one", vote.question_id] for vote in one[1]],
        [lengths["davinci", vote.question_id] for vote in one[1]],
        [vote.question_id for vote in one[1]],
    ).value

    found = rates(alone, collect_battles(alone), "length_controlled_win_rate")
    with_others = rates(both, collect_battles(both), "length_controlled_win_rate")

    assert found == {"one": pytest.approx(expected, abs=1e-12), "davinci": None}
    assert with_others["one"] == found["one"]
    assert with_others["two"] is not None


def test_the_lengths_are_those_of_the_judged_texts():
    """The files of outputs may hold other texts than those that the annotator saw."""
    answers, votes = preferences("one", 0.7)
    lengths = {(each.model, each.question_id): len(each.turns[0].text) for each in answers}
    kept = [
        replace(
            vote, lengths=(lengths["davinci", vote.question_id], lengths["one", vote.question_id])
        )
        for vote in votes
    ]
    others = [replace(each, turns=answer(texts=("other",)).turns) for each in answers]

    judged, run = imported((others, kept)), imported((answers, votes))

    assert rates(judged, (), "length_controlled_win_rate") == rates(
        run, (), "length_controlled_win_rate"
    )


def test_a_model_against_two_baselines_has_no_length_controlled_rate():
    """A mixture of two baselines is a rate against neither."""
    run = imported(preferences("one", 0.7), preferences("one", 0.6, judge="b", baseline="gpt4"))

    assert set(rates(run, collect_battles(run), "length_controlled_win_rate").values()) == {None}
