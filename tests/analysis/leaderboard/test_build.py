"""The leaderboard of a run, built from its records and battles."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import pytest
from builders import (
    a_run,
    answer,
    battle,
    failure,
    graded_judgment,
    pairwise_judgment,
    question,
)
from caution_lists import sentences

from evalharness.analysis import build_leaderboard
from evalharness.domain import BenchmarkScore, RunConfig, RunRecords, RunStage, Winner
from evalharness.judge import settle_battles

VICUNA, KOALA, ALPACA = "vicuna-13b", "koala-13b", "alpaca-7b"
A, B, TIE = Winner.MODEL_A, Winner.MODEL_B, Winner.TIE


def by_model(leaderboard):
    """Return the rows by model."""
    return {row.model: row for row in leaderboard.rows}


def run_of(*models, **records):
    """Return records of a run with these models configured."""
    config = RunConfig.from_tree({"models": {model: {} for model in models}})
    return RunRecords(name="demo", config=config, **records)


def grade_board(*scores):
    """Return the board of grades given as `(model, question_id, score)`."""
    return build_leaderboard(
        run_of(graded=tuple(graded_judgment(m, q, score=s) for m, q, s in scores)), ()
    )


def cycle(questions=4):
    """Return battles in which every model wins, loses and ties."""
    return [
        battle(*pair, str(number), winner=winner)
        for number in range(questions)
        for pair, winner in (
            ((VICUNA, KOALA), A if number else TIE),
            ((KOALA, ALPACA), A if number % 2 else B),
            ((VICUNA, ALPACA), B if number == 1 else A),
        )
    ]


def test_a_whole_run_has_every_figure_with_its_interval():
    """Rating, win rate and score lie inside their intervals; ranks inside their sets."""
    records = a_run(models=4, questions=16)
    battles = settle_battles(records.games)
    board = build_leaderboard(records, battles)

    assert [row.rank for row in board.rows] == [1, 2, 3, 4]
    for row in board.rows:
        assert row.rating_low < row.rating < row.rating_high
        assert 0 <= row.win_rate_low < row.win_rate < row.win_rate_high <= 1
        assert row.score_low < row.score < row.score_high
        assert 1 <= row.rank_low <= row.rank <= row.rank_high <= 4
        assert (row.battles, row.graded, row.failed) == (96, 32, 0)
    assert sum(row.rating for row in board.rows) == pytest.approx(4000)
    assert sum(row.elo for row in board.rows) == pytest.approx(4000)
    assert len(board.pairs) == 6
    assert sum(pair.wins + pair.losses + pair.ties for pair in board.pairs) == len(battles)
    assert sentences(board) == ()


def test_the_same_seed_gives_the_same_table():
    """Shuffled orders and simulated rank sets are seeded; only they depend on the seed."""
    records = a_run()
    battles = settle_battles(records.games)

    assert build_leaderboard(records, battles, seed=5) == build_leaderboard(
        records, battles, seed=5
    )
    elo = {
        seed: [row.elo for row in build_leaderboard(records, battles, seed=seed).rows]
        for seed in (5, 6)
    }
    assert elo[5] != elo[6]


def test_configured_models_without_results_have_rows_without_figures():
    """A model whose weights were missing is shown as missing; absent is None, not 0."""
    board = build_leaderboard(run_of(VICUNA, KOALA, "llama-13b"), cycle())
    row = by_model(board)["llama-13b"]

    assert board.rows[-1] is row
    assert (row.rank, row.rating, row.elo, row.win_rate, row.score) == (None,) * 5
    assert row.battles == 0
    assert set(by_model(board)) == {VICUNA, KOALA, ALPACA, "llama-13b"}


def test_a_model_that_only_won_is_rated_with_a_stated_prior():
    """Its rating would be infinite; the note names it and says what was done."""
    battles = [battle(VICUNA, KOALA, str(q), winner=A) for q in range(6)]
    battles += [battle(KOALA, ALPACA, str(q), winner=A if q % 2 else B) for q in range(6)]
    board = build_leaderboard(run_of(), battles)

    assert board.rows[0].model == VICUNA
    assert board.rows[0].rating_low < board.rows[0].rating < 2000
    assert board.method == "Bradley-Terry with a small prior"
    (note,) = sentences(board)
    assert f"{VICUNA} won every battle" in note
    assert "penalty 0.25" in note


def test_groups_that_never_met_get_no_ratings_and_a_note():
    """Win rates remain, because they need no common scale."""
    battles = [battle(VICUNA, KOALA, winner=TIE), battle(ALPACA, "llama-13b", winner=A)]
    board = build_leaderboard(run_of(), battles)

    assert {row.rating for row in board.rows} == {None}
    assert {row.rank for row in board.rows} == {None}
    assert by_model(board)[ALPACA].win_rate == 1
    assert (
        "do not connect all models (alpaca-7b, llama-13b; koala-13b, vicuna-13b)"
        in (sentences(board)[0])
    )


def test_battles_on_one_question_have_no_interval_and_a_note():
    """One question does not show how results vary between questions."""
    battles = [battle(VICUNA, KOALA, winner=winner, turn=1) for winner in (A, B, A)]
    row = build_leaderboard(run_of(), battles).rows[0]

    assert row.rating is not None
    assert (row.rating_low, row.win_rate_high, row.rank_low) == (None, None, None)
    assert row.rank == 1
    assert "one question" in sentences(build_leaderboard(run_of(), battles))[0]


def test_scores_rest_on_questions_graded_for_every_model():
    """Koala lacks the hard question, so it does not count for vicuna either."""
    board = grade_board(
        (VICUNA, "81", 8), (VICUNA, "82", 6), (VICUNA, "83", 1), (KOALA, "81", 7), (KOALA, "82", 5)
    )
    rows = by_model(board)

    assert (rows[VICUNA].score, rows[KOALA].score) == (7, 6)
    assert (rows[VICUNA].graded, rows[KOALA].graded) == (3, 2)
    assert "1 of 5 grades were left out" in sentences(board)[0]
    assert [row.rank for row in board.rows] == [1, 2]


def test_an_unscored_grade_is_counted_and_never_averaged():
    """A reply that could not be read is no number, and drops its question for all."""
    board = grade_board((VICUNA, "81", 8), (VICUNA, "82", None), (KOALA, "81", 7), (KOALA, "82", 5))
    row = by_model(board)[VICUNA]

    assert (row.score, row.graded, row.unscored) == (8, 1, 1)
    assert by_model(board)[KOALA].score == 7


def test_models_without_a_common_question_get_no_scores():
    """Scores of different questions cannot be compared."""
    board = grade_board((VICUNA, "81", 8), (KOALA, "82", 5))

    assert {row.score for row in board.rows} == {None}
    assert "No question was graded for every model" in sentences(board)[0]


def test_a_judge_who_graded_one_model_only_does_not_tilt_the_scores():
    """Common support holds judge by judge: a mild judge of vicuna alone does not lift it."""
    graded = [
        graded_judgment(model, q, score=score)
        for q in ("81", "82")
        for model, score in ((VICUNA, 5), (KOALA, 6))
    ]
    graded.append(graded_judgment(VICUNA, "81", score=10, judge="mild"))
    rows = by_model(build_leaderboard(run_of(graded=tuple(graded)), ()))

    assert (rows[VICUNA].score, rows[KOALA].score) == (5, 6)


def test_scores_are_split_by_turn_and_category():
    """Both over the same grades as the score."""
    records = run_of(
        questions=(question("81", category="math"), question("82", category="coding")),
        graded=tuple(
            graded_judgment(VICUNA, q, turn=turn, score=score)
            for q, turn, score in (("81", 1, 9), ("81", 2, 5), ("82", 1, 7), ("82", 2, 3))
        ),
    )
    row = build_leaderboard(records, ()).rows[0]

    assert dict(row.score_by_turn) == {1: 8, 2: 4}
    assert dict(row.score_by_category) == {"math": 7, "coding": 5}
    assert row.score == 6


def test_unreadable_games_count_for_both_models():
    """A game without a verdict makes no battle, and both models show it."""
    game = pairwise_judgment(VICUNA, KOALA, verdict=None, unscored="no verdict")
    rows = by_model(build_leaderboard(run_of(games=(game,)), ()))

    assert (rows[VICUNA].unscored, rows[KOALA].unscored) == (1, 1)


def test_failures_count_once_and_what_was_never_asked_is_no_failure():
    """Koala failed on one question and never got to another; vicuna answered both."""
    records = run_of(
        VICUNA,
        KOALA,
        questions=(question("81"), question("82"), question("83")),
        answers=(
            *(answer(VICUNA, q) for q in ("81", "82", "83")),
            answer(KOALA, "81"),
            answer(KOALA, "82", texts=("Only one turn.",)),
        ),
        failures=(failure(KOALA, "82", turn=2), failure(KOALA, "82", turn=2)),
    )
    rows = by_model(build_leaderboard(records, ()))

    assert (rows[VICUNA].failed, rows[KOALA].failed) == (0, 1)
    assert (rows[VICUNA].not_asked, rows[KOALA].not_asked) == (0, 1)


def test_a_failure_that_a_later_attempt_resolved_does_not_count():
    """Its key is the digest of an existing answer."""
    late = answer(KOALA, "81")
    mended = dataclasses.replace(failure(KOALA, "81"), key=late.digest)
    records = run_of(KOALA, questions=(question("81"),), answers=(late,), failures=(mended,))

    assert build_leaderboard(records, ()).rows[0].failed == 0


def test_a_judges_failure_is_not_a_models():
    """A judge may be a candidate as well; the note says what is missing."""
    records = run_of("gpt-4", failures=(failure("gpt-4", "81", stage=RunStage.JUDGE),))
    board = build_leaderboard(records, ())

    assert board.rows[0].failed == 0
    assert sentences(board) == ("1 judgments by gpt-4 failed and are part of no figure.",)


def test_imported_judgments_have_no_missing_answers():
    """A run that never had answers is not one in which all failed."""
    records = run_of(VICUNA, questions=(question("81"),), graded=(graded_judgment(VICUNA),))

    assert build_leaderboard(records, ()).rows[0].failed == 0


def test_empty_answers_are_counted_by_their_cause():
    """A thought that used up the budget is no bad answer, and the remedy is said."""
    cut = answer(VICUNA, finish_reason="length")
    cut = replace(cut, turns=(replace(cut.turns[0], text="", reasoning="Hm."), cut.turns[1]))
    refused = answer(KOALA, texts=("", "I will not."), finish_reason="refusal")

    board = build_leaderboard(run_of(answers=(cut, refused)), ())
    rows = {row.model: row for row in board.rows}

    assert (rows[VICUNA].empty, rows[VICUNA].empty_by_cause) == (1, {"thought_only": 1})
    assert (rows[KOALA].empty, rows[KOALA].empty_by_cause) == (2, {"refusal": 2})
    said = [each.sentence for each in board.cautions if each.source == "answers"]
    assert len(said) == 2
    assert "1 of 2" in said[0]
    assert "max_tokens" in said[0]
    assert "refused" in said[1]


def test_truncated_replies_are_counted_by_turn():
    """Two turns were cut off, so the count is two."""
    records = run_of(answers=(answer(VICUNA, finish_reason="length"), answer(KOALA)))
    rows = by_model(build_leaderboard(records, ()))

    assert (rows[VICUNA].truncated, rows[KOALA].truncated) == (2, 0)


def test_a_baseline_gives_length_controlled_win_rates():
    """Vicuna wins where it writes more; at equal length its lead shrinks."""
    longer = {str(q): q % 3 != 0 for q in range(24)}
    records = RunRecords(
        name="demo",
        config=RunConfig.from_tree(
            {"models": {VICUNA: {}, ALPACA: {}}, "judging": {"baseline": ALPACA}}
        ),
        answers=(
            *(answer(ALPACA, q, texts=("x" * 100,)) for q in longer),
            *(
                answer(VICUNA, q, texts=("x" * (150 + int(q) if more else 90 - int(q)),))
                for q, more in longer.items()
            ),
        ),
    )
    battles = [
        battle(VICUNA, ALPACA, q, winner=A if more != (int(q) % 5 == 0) else B)
        for q, more in longer.items()
    ]
    rows = by_model(build_leaderboard(records, battles))

    assert 0 < rows[VICUNA].length_controlled_win_rate < rows[VICUNA].win_rate
    assert rows[ALPACA].length_controlled_win_rate is None
    without = dataclasses.replace(records, config=RunConfig())
    rates = [row.length_controlled_win_rate for row in build_leaderboard(without, battles).rows]
    assert sum(rates) == pytest.approx(1), "without a baseline, both stand against each other"


def test_length_control_claims_nothing_where_it_has_no_fit():
    """One model won everything, one has no answers, and others have no battle against the baseline."""
    records = RunRecords(
        name="demo",
        config=RunConfig.from_tree({"judging": {"baseline": ALPACA}}),
        answers=tuple(
            answer(model, str(q), texts=("x" * (10 + size * q),))
            for q in range(4)
            for model, size in ((ALPACA, 3), (KOALA, 5), (VICUNA, 4))
        ),
    )
    battles = [battle(KOALA, ALPACA, str(q), winner=A) for q in range(4)]
    battles += [battle("llama-13b", ALPACA, str(q), winner=TIE) for q in range(4)]
    battles += [battle(VICUNA, KOALA, str(q), winner=TIE) for q in range(4)]

    board = build_leaderboard(records, battles)
    assert {row.length_controlled_win_rate for row in board.rows} == {None}


def score_of(task, value, *, metric="acc", n=100, benchmark="mmlu"):
    """Return one score of a standard benchmark."""
    return BenchmarkScore(
        model=VICUNA,
        benchmark=benchmark,
        task=task,
        metric=metric,
        value=value,
        stderr=0.01,
        n=n,
        few_shot=5,
        harness_version="0.4.9",
    )


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ((score_of("mmlu", 0.5), score_of("mmlu_law", 0.9)), {"mmlu": 0.5}),
        ((score_of("mmlu_law", 0.2, n=300), score_of("mmlu_art", 0.6)), {"mmlu": 0.3}),
        (
            (score_of("mmlu", 0.5), score_of("mmlu", 0.6, metric="acc_norm")),
            {"mmlu (acc)": 0.5, "mmlu (acc_norm)": 0.6},
        ),
    ],
)
def test_a_benchmark_has_one_figure_a_metric(scores, expected):
    """The whole benchmark's own score, or else the mean over tasks by their size."""
    row = build_leaderboard(run_of(benchmarks=scores), ()).rows[0]

    assert dict(row.benchmarks) == pytest.approx(expected)


def test_an_empty_run_has_an_empty_table():
    """There are no rows and no figures."""
    board = build_leaderboard(RunRecords(name="demo"), ())

    assert (board.rows, board.pairs, sentences(board)) == ((), (), ())
