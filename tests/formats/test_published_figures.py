"""Test that real files of other tools give the figures that these tools published for them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from foreign_files import list_rows, make_records, read_files, render_files
from numpy.testing import assert_allclose

from evalharness.domain import Reading, Winner
from evalharness.judge import collect_battles, read_score
from evalharness.stats import (
    bradley_terry,
    build_comparisons_from_battles,
    build_win_rate_matrix,
    measure_human_agreement,
    measure_label_accuracy,
    measure_preference_rates,
    measure_win_rates,
    online_elo,
    sum_pair_scores,
)

TEXTS = {
    "vicuna-reviews": "vicuna_blog",
    "mt-bench": "mt_bench",
    "arena-hard": "arena_hard",
    "judgebench": "judgebench",
    "llmbar": "llmbar",
}


@pytest.fixture
def records(data_file):
    """Return a function that reads public data of a format as records."""

    def find(name, place):
        return make_records(read_files(name, data_file(place)))

    return find


@pytest.mark.parametrize(
    ("model", "totals", "outcome"),
    [
        ("llama-13b", (513.0, 694.0), (77, 0, 3)),
        ("alpaca-13b", (583.0, 704.0), (76, 1, 3)),
        ("bard", (664.0, 655.5), (40, 10, 30)),
        ("gpt35", (693.0, 638.0), (14, 22, 44)),
    ],
)
def test_the_vicuna_evaluation_gives_its_totals(records, model, totals, outcome):
    """The blog's table, and wins, ties and losses of Vicuna over the 80 questions."""
    found = {
        pair.model_a: pair
        for pair in sum_pair_scores(records("vicuna-reviews", "vicuna_blog").votes)
    }

    pair = found[model]

    assert pair.model_b == "vicuna-13b"
    assert (pair.total_a, pair.total_b) == totals
    assert (pair.wins, pair.ties, pair.losses) == outcome


def test_vicuna_has_92_percent_of_the_quality_of_chatgpt(records):
    """The most quoted figure of that evaluation is a ratio of totals."""
    found = {
        pair.model_a: pair
        for pair in sum_pair_scores(records("vicuna-reviews", "vicuna_blog").votes)
    }

    assert f"{found['gpt35'].ratio:.1%}" == "92.1%"


@pytest.mark.parametrize(
    ("model", "judge", "win_rate", "standard_error"),
    [
        ("alpaca-7b", "alpaca_eval_gpt4", 26.4596, 1.5357),
        ("vicuna-13b", "alpaca_eval_gpt4", 70.4348, 1.6070),
        ("falcon-40b-instruct", "alpaca_eval_gpt4", 45.7143, 1.7525),
        ("alpaca-7b", "weighted_alpaca_eval_gpt4_turbo", 2.5915, 0.4871),
        ("vicuna-13b", "weighted_alpaca_eval_gpt4_turbo", 5.8311, 0.7423),
        ("falcon-40b-instruct", "weighted_alpaca_eval_gpt4_turbo", 3.3429, 0.5541),
    ],
)
def test_alpaca_eval_gives_its_win_rates(records, model, judge, win_rate, standard_error):
    """Both leaderboards to their four decimals, probabilities and old draws included."""
    folder = f"alpaca_eval/results/{model}"
    rates = {
        rate.judge: rate for rate in measure_preference_rates(records("alpaca-eval", folder).votes)
    }

    rate = rates[judge]

    assert (rate.model, rate.count) == (model, 805)
    assert round(100 * rate.win_rate, 4) == win_rate
    assert round(100 * rate.standard_error, 4) == standard_error


@pytest.mark.parametrize("place", ["Natural", "Adversarial/GPTInst", "Adversarial/Neighbor"])
def test_llmbar_gives_its_judges_accuracies(records, data_file, place):
    """Every judge's mean over both orders, and pairs right in both, as its statistics files say.

    A verdict that could not be read is wrong: LLaMA2 on GPTInst has one, and 30.43%.
    """
    pairs = records("llmbar", f"llmbar/{place}")
    found = {each.judge: each for each in measure_label_accuracy(pairs.games, pairs.votes)}
    published = {
        f"{path.parts[-3]}/{path.parts[-2]}": json.loads(path.read_text())
        for path in data_file(f"llmbar/{place}").rglob("statistics.json")
    }

    assert set(found) == set(published)
    for judge, figures in published.items():
        for name, value in (
            ("correct_average", found[judge].accuracy),
            ("correct_both", found[judge].both),
        ):
            percent = float(figures[name].rpartition("= ")[2].rstrip("%"))
            assert 100 * value == pytest.approx(percent, abs=1e-9)


def test_judgebench_gives_its_judges_accuracies_by_its_own_rule(records):
    """More right than wrong verdicts over both orders; a tie and an unread verdict are neither."""
    pairs = records("judgebench", "judgebench")
    found = {each.judge: each for each in measure_label_accuracy(pairs.games, pairs.votes)}

    assert {judge: (round(100 * each.net, 2), each.pairs) for judge, each in found.items()} == {
        "claude-3-haiku-20240307/arena_hard": (32.22, 270),
        "internlm/internlm2-7b-reward/reward_model": (59.43, 350),
    }


@pytest.mark.parametrize(
    ("turn", "ties", "with_judge", "among_experts"),
    [
        (1, True, (66, 1343), (63, 721)),
        (1, False, (85, 859), (81, 479)),
        (2, True, (66, 1325), (67, 707)),
        (2, False, (85, 864), (82, 474)),
    ],
)
def test_mt_bench_gives_its_agreement_of_judge_and_experts(
    records, turn, ties, with_judge, among_experts
):
    """The eight figures of the paper's table, with their counts; its humans are the experts."""
    battles = collect_battles(records("mt-bench", "mt_bench_human"))
    rows = measure_human_agreement(battles, np.random.default_rng(0), replicates=10)
    found = {
        row.judge: row.with_ties if ties else row.decided
        for row in rows
        if (row.people, row.turn) == ("human:expert", turn)
    }

    for judge, expected in (("gpt4_pair", with_judge), ("human:expert", among_experts)):
        assert (round(100 * found[judge].value), found[judge].count) == expected


def test_llmfao_gives_evalica_s_scores(records, data_file):
    """Elo in the file's order, Bradley-Terry, mean win rates and counts of 59 models."""
    golden = pd.read_csv(data_file("llmfao/llmfao-golden.csv"))
    golden = golden.pivot_table(index="item", columns="algorithm", values="score")
    comparisons = build_comparisons_from_battles(
        collect_battles(records("evalica", "llmfao/llmfao.csv"))
    )

    golden = golden.loc[list(comparisons.models)]
    log_strengths = np.log(golden.bradley_terry)
    rates = measure_win_rates(comparisons)

    assert len(golden) == 59
    assert_allclose(online_elo(comparisons).ratings, golden.elo, rtol=0, atol=1e-6)
    assert_allclose(
        bradley_terry(comparisons).ratings,
        1000 + 400 / np.log(10) * (log_strengths - log_strengths.mean()),
        rtol=0,
        atol=1e-6,
    )
    assert_allclose(np.nanmean(build_win_rate_matrix(comparisons), axis=1), golden.average_win_rate)
    assert_allclose([rate.wins + rate.ties / 2 for rate in rates], golden.counting)


def test_every_real_file_goes_out_as_it_came(data_file):
    """Real files hold what no example thinks of."""
    for name, place in TEXTS.items():
        folder = data_file(place)
        imported = read_files(name, folder)
        assert list_rows(render_files(name, imported)) == list_rows(imported.paths)


def test_the_grades_of_mt_bench_are_those_in_the_judge_s_words(records):
    """Our reader of replies finds in GPT-4's words the score that FastChat stored."""
    grades = records("mt-bench", "mt_bench").graded

    read_again = [
        replace(each, score=read_score(Reading.TEXT, each.reply).score) for each in grades
    ]

    assert len(grades) == 320
    assert [each.score for each in read_again] == [each.score for each in grades]


def test_mt_bench_answers_count_80_a_model(records):
    """Six models, 80 questions of two turns, 30 of them with references."""
    found = records("mt-bench", "mt_bench")

    assert {len(answer.turns) for answer in found.answers} == {2}
    assert len(found.answers) == 6 * 80
    assert sum(bool(question.references) for question in found.questions) == 30


def test_inconsistent_verdicts_keep_their_word(records):
    """380 of GPT-4's pairs are ties only because its two orders disagree."""
    votes = records("mt-bench", "mt_bench_human").votes
    inconsistent = [vote for vote in votes if vote.label == "tie (inconsistent)"]

    assert len(inconsistent) == 380
    assert {vote.winner for vote in inconsistent} == {Winner.TIE}
