"""A ranking compared with alternative analyses of the same judgments."""

from __future__ import annotations

import csv
import io
import json
import random
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
from builders import a_run, graded_judgment, pairwise_judgment, question
from hypothesis import given, settings
from hypothesis import strategies as st

import evalharness
from evalharness.analysis import analyze_robustness, build_leaderboard
from evalharness.cli import main
from evalharness.domain import RunRecords, Verdict, Vote, Winner
from evalharness.judge import collect_battles
from evalharness.report import make_robustness_record, publish_run, render_leaderboard_markdown
from evalharness.store import RunFolder, write_records

ORDERLY = {"Online Elo"}
"""Analyses that depend on the order of the battles."""

DOCS = Path(__file__).parents[3] / "docs/robustness.md"
NAMES = {"vicuna-13b": "=1+1", "koala-13b": "b", "alpaca-7b": "c"}
WINNERS = {2: Winner.MODEL_A, 1: Winner.TIE, 0: Winner.MODEL_B}


def robustness_of(records):
    """Return the robustness of a run's ranking."""
    battles = collect_battles(records)
    return analyze_robustness(records, battles, build_leaderboard(records, battles))


def variant_named(found, name):
    """Return the variant of a name."""
    return next(each for each in found.variants if each.name == name)


def game_pair(first, second, question_id, verdicts, **settings):
    """Return the two games of a pair."""
    return (
        pairwise_judgment(first, second, question_id, verdict=verdicts[0], **settings),
        pairwise_judgment(second, first, question_id, verdict=verdicts[1], **settings),
    )


def renamed(records, names):
    """Return a run whose models have other names."""
    return replace(
        records,
        answers=tuple(replace(each, model=names[each.model]) for each in records.answers),
        graded=tuple(replace(each, model=names[each.model]) for each in records.graded),
        games=tuple(
            replace(each, model_a=names[each.model_a], model_b=names[each.model_b])
            for each in records.games
        ),
    )


@given(seed=st.integers(0, 10**6), names=st.permutations(["w", "x", "y", "z"]))
@settings(max_examples=8)
def test_the_names_of_models_do_not_change_ranks(seed, names):
    """Ranks depend on results only."""
    records = a_run(4, 8, seed=seed)
    before = robustness_of(records)
    new = dict(zip(before.ranks, names, strict=True))
    after = robustness_of(renamed(records, new))

    assert {new[model]: rank for model, rank in before.ranks.items()} == after.ranks
    for one, other in zip(before.variants, after.variants, strict=True):
        if one.name not in ORDERLY:
            assert {new[model]: rank for model, rank in one.ranks.items()} == other.ranks
            assert (one.name, one.tau, len(one.reversals)) == (
                other.name,
                other.tau,
                len(other.reversals),
            )


@given(seed=st.integers(0, 10**6))
@settings(max_examples=8)
def test_the_same_judgments_twice_change_no_rank(seed):
    """Duplicates are no new evidence."""
    records = a_run(4, 16, seed=seed)
    twice = replace(
        records,
        answers=(*records.answers, *(replace(each, sample=1) for each in records.answers)),
        graded=(*records.graded, *(replace(each, sample=1) for each in records.graded)),
        games=(*records.games, *(replace(each, sample=1) for each in records.games)),
    )
    before, after = robustness_of(records), robustness_of(twice)
    if any("prior" in each.note for each in (*before.variants, *after.variants)):
        return  # the prior weighs less beside more battles

    assert before.ranks == after.ranks
    for one, other in zip(before.variants, after.variants, strict=True):
        assert one.name in ORDERLY or one.ranks == other.ranks


@given(seed=st.integers(0, 10**6), models=st.integers(2, 5))
@settings(max_examples=8)
def test_a_model_that_always_wins_is_first_in_every_analysis(seed, models):
    """A model that is better on every question is better in every analysis."""
    names = random.Random(seed).sample(["m1", "m2", "m3", "m4", "m5"], models)
    pairs = list(combinations(names, 2))
    records = RunRecords(
        name="clear",
        questions=tuple(question(f"{number}", category=f"c{number % 3}") for number in range(9)),
        graded=tuple(
            graded_judgment(model, f"{number}", turn=turn, score=9.0 - place)
            for number in range(9)
            for turn in (1, 2)
            for place, model in enumerate(names)
        ),
        games=tuple(
            game
            for number in range(9)
            for turn in (1, 2)
            for better, worse in pairs
            for game in game_pair(better, worse, f"{number}", (Verdict.A, Verdict.B), turn=turn)
        ),
    )
    found = robustness_of(records)

    assert list(found.ranks) == names
    assert found.same_first_count == len(found.counted) > 8
    assert not found.reversed_in
    assert all(low == high == found.ranks[name] for name, (low, high) in found.ranges.items())
    assert all(each.tau == 1 for each in found.counted)
    assert "No two models change places at all." in found.summary


def test_inconsistent_orders_and_half_won_pairs_can_turn_a_ranking():
    """Worked by hand: as ties, inconsistent pairs say nothing; averaged, they say who came close.

    On 10 questions `steady` wins 4 and loses 3 in both orders. On the other 3, `close` wins one
    order and ties the other: a tie where both orders must agree, three quarters of a win where
    they are averaged. So 5.5 of 10 points for `steady`, or 4 + 3 * 0.25 = 4.75.
    """
    verdicts = [(Verdict.A, Verdict.B)] * 4 + [(Verdict.B, Verdict.A)] * 3
    verdicts += [(Verdict.TIE, Verdict.A)] * 3
    records = RunRecords(
        name="turned",
        games=tuple(
            game
            for number, both in enumerate(verdicts)
            for game in game_pair("steady", "close", f"{number}", both)
        ),
    )
    found = robustness_of(records)
    averaged = variant_named(found, "Both orders averaged")

    assert found.ranks == {"steady": 1, "close": 2}
    assert averaged.ranks == {"steady": 2, "close": 1}
    assert averaged.tau == -1
    assert [(each.ahead, each.behind) for each in averaged.reversals] == [("steady", "close")]
    assert not averaged.reversals[0].is_separated
    assert "No two models are clearly separated" in found.summary


def test_a_change_of_a_pair_that_the_ranking_tells_apart_is_named_as_such():
    """`strong` wins 75% against `farmer`, who wins 79% as it met `weak` more often."""
    battles = [("strong", "farmer")] * 45 + [("farmer", "strong")] * 15
    battles += [("farmer", "weak")] * 170 + [("weak", "farmer")] * 5
    records = RunRecords(
        name="unfair",
        votes=tuple(
            Vote(
                question_id=f"{number}",
                judge="gold",
                model_a=better,
                model_b=worse,
                winner=Winner.MODEL_A,
                digest=f"{number}",
            )
            for number, (better, worse) in enumerate(battles)
        ),
    )
    found = robustness_of(records)
    rate = variant_named(found, "Win rate")

    assert found.ranks == {"strong": 1, "farmer": 2, "weak": 3}
    assert ("strong", "farmer") in found.separated
    assert rate.ranks == {"strong": 2, "farmer": 1, "weak": 3}
    assert [pair.is_separated for pair in rate.reversals] == [True]
    assert next(iter(found.reversed_in)).is_separated
    assert "1 changes places: strong and farmer in" in found.summary


def test_analyses_that_the_judgments_do_not_allow_say_why():
    """A variant without ranks has a reason and no number."""
    records = a_run(3, 4, graded=False)
    games = tuple(replace(each, turn=1) for each in records.games if each.turn == 1)
    bare = replace(
        records,
        answers=(),
        games=games,
        questions=tuple(replace(each, category="math") for each in records.questions),
    )
    found = robustness_of(bare)
    notes = {each.name: each.note for each in found.variants if not each.ranks}

    assert notes == {
        "Mean score": "No ranks: nothing was graded.",
        "Each judge alone": "No ranks: there is a single judge.",
        "Each judge prompt alone": "No ranks: nothing was judged with two prompts.",
        "Each turn alone": "No ranks: a single turn was judged.",
        "At equal length and Markdown": "No ranks: the run holds no answers.",
        "Without a category": "No ranks: there is a single category.",
    }
    for each in found.variants:
        assert bool(each.ranks) == (each.tau is not None)


def test_battles_that_fall_apart_without_a_category_give_no_ranks():
    """Only one category connects the models, so without it there is no common scale."""
    games = [
        game
        for number, (first, second) in enumerate([("a", "b"), ("a", "b"), ("b", "c")])
        for game in game_pair(first, second, f"{number}", (Verdict.A, Verdict.TIE))
    ]
    records = RunRecords(
        name="parts",
        questions=(question("0"), question("1"), question("2", category="math")),
        games=tuple(games),
    )
    found = robustness_of(records)

    assert "nothing there on c" in variant_named(found, "Without math").note
    assert "nothing there on a" in variant_named(found, "Without writing").note
    joined = replace(records, games=(*games, *game_pair("c", "d", "1", (Verdict.TIE,) * 2)))
    assert "do not connect all models" in variant_named(robustness_of(joined), "Without math").note


def test_a_model_of_ties_needs_ties():
    """Davidson has no finite fit without ties, and reports that."""
    games = [
        game
        for number in range(6)
        for better, worse in [("a", "b") if number < 4 else ("b", "a")]
        for game in game_pair(better, worse, f"{number}", (Verdict.A, Verdict.B))
    ]
    found = robustness_of(RunRecords(name="decided", games=tuple(games)))

    assert variant_named(found, "Davidson").note.startswith("No ranks: no battle is a tie")
    assert variant_named(found, "Win rate").ranks == {"a": 1, "b": 2}


def test_each_judge_and_each_prompt_is_an_analysis():
    """Each judge of a panel alone, the panel without each of three, and each shared prompt."""
    runs = [a_run(3, 8, seed=seed) for seed in range(3)]
    panel = replace(
        runs[0],
        graded=tuple(replace(g, judge=f"j{n}") for n, run in enumerate(runs) for g in run.graded),
        games=tuple(replace(g, judge=f"j{n}") for n, run in enumerate(runs) for g in run.games),
    )
    found = robustness_of(panel)
    alone = robustness_of(runs[1])

    assert found.main.startswith("Bradley-Terry of the panel's majority")
    assert variant_named(found, "j1 alone").ranks == alone.ranks
    board = build_leaderboard(panel, collect_battles(panel))
    without = next(row for row in board.panel.judges if row.judge == "j2")
    assert variant_named(found, "Without j2").ranks == without.ranks_without
    assert variant_named(found, "Judge-aware Bradley-Terry").ranks

    prompts = replace(
        runs[0],
        games=tuple(
            replace(g, prompt=f"p{n}") for n, run in enumerate(runs[:2]) for g in run.games
        ),
    )
    assert variant_named(robustness_of(prompts), "p1 alone").ranks == alone.ranks


def test_scores_are_ranked_in_other_ways_where_nothing_was_compared():
    """Categories, turns and the higher grade vary; there are no battle analyses."""
    found = robustness_of(a_run(3, 8, pairwise_games=False))

    assert found.main == "Mean score"
    assert variant_named(found, "Bradley-Terry of grades").ranks
    assert variant_named(found, "Turn 2 alone").ranks
    assert variant_named(found, "Without math").ranks
    assert {each.group for each in found.variants} == {
        "Grades",
        "Judge",
        "Prompt",
        "Turn",
        "Category",
    }


def test_a_single_model_has_no_robustness():
    """There is nothing to reorder."""
    assert robustness_of(a_run(1, 4)) is None


def test_the_ranks_are_those_of_other_tools(case):
    """Davidson and Rao-Kupper ranks equal those of statsmodels on the check cases."""
    names, battles = "abcde", case("battles")
    columns = zip(battles["q"], battles["a"], battles["b"], battles["y"], strict=True)
    votes = tuple(
        Vote(
            question_id=f"{q}",
            judge="gold",
            model_a=names[a],
            model_b=names[b],
            winner=WINNERS[y],
            digest=f"{place}",
        )
        for place, (q, a, b, y) in enumerate(columns)
    )
    found = robustness_of(RunRecords(name="case", votes=votes))

    for ranks, name in (
        (found.ranks, "bt_half_ties"),
        (variant_named(found, "Davidson").ranks, "davidson"),
        (variant_named(found, "Rao-Kupper").ranks, "rao_kupper"),
    ):
        order = [names[place] for place in np.argsort(case(name)["ratings"])[::-1]]
        assert sorted(ranks, key=ranks.get) == order


def test_the_vicuna_reviews_of_2023_rank_by_how_they_are_counted(data_file, tmp_path):
    """As docs/robustness.md tells: against one baseline, a win rate says whom one met."""
    run = tmp_path / "vicuna"
    reviews = data_file("vicuna_blog")
    assert main(["import", "vicuna-reviews", str(reviews), "--run", str(run)]) == 0
    found = json.loads((run / "robustness.json").read_text())
    ranks = {each["name"]: each["ranks"] for each in found["variants"]}

    assert list(found["ranks"]) == ["gpt35", "vicuna-13b", "bard", "alpaca-13b", "llama-13b"]
    assert ["gpt35", "vicuna-13b"] in found["separated"]
    assert ranks["Win rate"] == found["ranks"] | {"vicuna-13b": 1, "gpt35": 2}
    assert ranks["Davidson"] == ranks["Rao-Kupper"] == found["ranks"]
    assert found["summary"] in " ".join(DOCS.read_text().replace("\n> ", " ").split())


def test_a_run_keeps_the_ranks_as_json_and_csv_and_for_notebooks(tmp_path):
    """All outputs have the same figures; a model's name never becomes a formula."""
    folder, records = tmp_path / "run", renamed(a_run(3, 8), NAMES)
    with RunFolder.open(folder) as run:
        run.write_config({"seed": 0}, records.questions)
    write_records(folder / "answers.jsonl", records.answers)
    write_records(folder / "judgments.jsonl", records.judgments)
    board = publish_run(folder)
    found = board.robustness

    assert json.loads((folder / "robustness.json").read_text()) == json.loads(
        json.dumps(make_robustness_record(found))
    )
    rows = list(csv.DictReader(io.StringIO((folder / "robustness.csv").read_text())))
    assert [row["way"] for row in rows] == [found.main, *(each.name for each in found.variants)]
    assert rows[1]["rank.=1+1"] == str(found.variants[0].ranks["=1+1"])
    assert found.summary in render_leaderboard_markdown(board).replace("\\", "")
    frame = evalharness.load_run(folder).robustness.set_index("way")
    assert frame.loc["Win rate", "rank.b"] == variant_named(found, "Win rate").ranks["b"]
    assert str(frame["rank.b"].dtype) == "Int64"
    assert frame.loc["Each judge alone", ["tau", "rank.b"]].isna().all()
