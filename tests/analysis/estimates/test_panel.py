"""The leaderboard of a panel: judges count alike or are weighed, and each judge is measured."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest
from builders import a_run, graded_judgment, pairwise_judgment, question
from caution_lists import sentences

from evalharness.analysis import build_leaderboard
from evalharness.domain import RunConfig, RunRecords, Verdict, Vote
from evalharness.judge import collect_battles
from evalharness.report import list_leaderboard_records

MODELS = ("a", "b", "c", "d")
JUDGES = ("careful", "lenient", "random")


def panel_run(rule="aggregate", *, seed=0, judges=JUDGES, questions=24, **config):
    """Return a run with better earlier models, a lenient judge and a random judge."""
    rng = random.Random(seed)
    graded, games = [], []
    for judge in judges:
        for number in range(questions):
            for place, model in enumerate(MODELS):
                score = rng.uniform(1, 10) if judge == "random" else rng.gauss(6 - place, 0.5)
                score += 2 * (judge == "lenient")
                graded.append(graded_judgment(model, f"{number}", score=score, judge=judge))
                games += [
                    game
                    for other in MODELS[place + 1 :]
                    for game in both_orders(rng, model, other, f"{number}", judge)
                ]
    return RunRecords(
        name="panel",
        questions=tuple(question(f"{number}", turns=("Why?",)) for number in range(questions)),
        graded=tuple(graded),
        games=tuple(games),
        config=RunConfig.from_tree({"judging": {"panel": rule}} | config),
    )


def both_orders(rng, better, worse, question_id, judge):
    """Return the two games of a battle; the random judge prefers the better model half of the time."""
    better_wins = rng.random() < 0.8
    if judge == "random":
        better_wins = int(question_id) % 2 == 0
    first, second = (Verdict.A, Verdict.B) if better_wins else (Verdict.B, Verdict.A)
    return (
        pairwise_judgment(better, worse, question_id, verdict=first, judge=judge),
        pairwise_judgment(worse, better, question_id, verdict=second, judge=judge),
    )


def table(records, **settings):
    """Return the leaderboard of a run."""
    return build_leaderboard(records, collect_battles(records), **settings)


def by_name(rows, name):
    """Return rows by the value of a field."""
    return {getattr(row, name): row for row in rows}


@pytest.mark.parametrize("rule", ["aggregate", "rater"])
def test_a_single_judge_is_no_panel(rule):
    """Under either rule the leaderboard of a single judge is the same."""
    records = a_run(models=4)
    before, now = (
        table(replace(records, config=RunConfig.from_tree({"judging": judging})))
        for judging in ({"graded": True}, {"graded": True, "panel": rule})
    )

    assert now.panel is None
    assert json.dumps(list_leaderboard_records(now)) == json.dumps(list_leaderboard_records(before))
    assert now == before


def test_each_pair_counts_once_however_many_judges_saw_it():
    """24 questions and three opponents give 72 battles per model, not 216."""
    board = table(panel_run())

    assert {row.battles for row in board.rows} == {72}
    assert sum(pair.wins + pair.losses + pair.ties for pair in board.pairs) == 24 * 6


def test_a_score_is_the_mean_of_the_judges_means():
    """With complete grades, that is the mean of all grades."""
    records = panel_run()
    own = [grade.score for grade in records.graded if grade.model == "a"]

    assert by_name(table(records).rows, "model")["a"].score == pytest.approx(sum(own) / len(own))


def test_severity_noise_and_discrimination_are_estimated_for_each_judge():
    """The lenient judge has low severity; the random judge has high noise and no discrimination."""
    board = table(panel_run())
    judges = by_name(board.panel.judges, "judge")

    assert judges["lenient"].severity_high < judges["careful"].severity_low
    assert judges["random"].noise > 2 * judges["careful"].noise
    assert abs(judges["random"].discrimination) < 0.2 < judges["careful"].discrimination
    assert judges["random"].standing == "uninformative"
    assert [
        note
        for note in sentences(board)
        if "The judge random is no better than a coin flip" in note
    ]
    assert {row.grades for row in board.panel.judges} == {96}
    assert {row.battles for row in board.panel.judges} == {144}


def test_weighing_judges_sharpens_the_table():
    """The random judge dilutes a majority; the judge-aware fit gives it little weight."""
    plain, weighed = (
        by_name(table(panel_run(rule)).rows, "model") for rule in ("aggregate", "rater")
    )

    assert table(panel_run("rater")).method == "judge-aware Bradley-Terry"
    assert weighed["a"].rating_high - weighed["a"].rating_low < (
        plain["a"].rating_high - plain["a"].rating_low
    )
    assert weighed["a"].rating > weighed["b"].rating > weighed["c"].rating > weighed["d"].rating
    assert {name: row.win_rate for name, row in weighed.items()} == {
        name: row.win_rate for name, row in plain.items()
    }


def test_the_table_without_a_judge_is_that_of_the_others():
    """Leaving a judge out equals a run without it."""
    left = by_name(table(panel_run()).panel.judges, "judge")["random"]
    records = panel_run()
    others = table(
        replace(
            records,
            graded=tuple(each for each in records.graded if each.judge != "random"),
            games=tuple(each for each in records.games if each.judge != "random"),
        )
    )

    assert left.ratings_without == pytest.approx({row.model: row.rating for row in others.rows})
    assert left.scores_without == pytest.approx({row.model: row.score for row in others.rows})
    assert left.ranks_without == {row.model: row.rank for row in others.rows}


def test_agreement_has_its_interval():
    """Agreement of grades and of verdicts is lower with a random judge."""
    mixed = table(panel_run()).panel
    careful = table(panel_run(judges=("careful", "other"))).panel

    for panel in (mixed, careful):
        for found in (panel.grade_agreement, panel.verdict_agreement):
            assert found.low < found.alpha < found.high <= 1
    assert careful.grade_agreement.alpha > mixed.grade_agreement.alpha
    assert (mixed.grade_agreement.units, mixed.verdict_agreement.units) == (96, 144)


def test_peoples_votes_are_no_part_of_the_panel():
    """A person's vote counts as a battle where no judge settled one."""
    records = panel_run()
    vote = Vote(
        question_id="own", judge="human:1", model_a="a", model_b="b", winner="model_a", digest="v"
    )
    check = replace(vote, question_id="0", digest="w")
    board = table(replace(records, votes=(vote, check)))

    assert [row.judge for row in board.panel.judges] == list(JUDGES)
    assert by_name(board.rows, "model")["a"].battles == 73


def test_an_excluded_family_is_reported_for_every_judge():
    """The caution names judge, models and family; it is absent if nothing was excluded."""
    config = {
        "judge": {"name": "careful", "model": {"family": "x"}},
        "panel": {"mild": {"name": "lenient", "model": {"family": None}}},
        "models": {"a": {"family": "x"}, "b": {"family": None}, "c": {"family": "y"}},
    }
    spared = {"judging": {"panel": "aggregate", "exclude_own_family": True}}
    notes = sentences(table(panel_run(judges=("careful",), **config, **spared)))

    assert notes == ("The judge careful gave no judgment about a, which is of its own family (x).",)
    assert sentences(table(panel_run(judges=("careful",), **config))) == ()


def test_where_no_judge_graded_all_models_the_note_says_so_and_raters_help():
    """Plain means then compare severities of judges; the rater model does not."""
    records = panel_run(judges=("careful", "lenient"))
    spared = {("careful", "a"), ("lenient", "b")}
    graded = tuple(each for each in records.graded if (each.judge, each.model) not in spared)
    plain = table(replace(records, graded=graded))
    rater = table(
        replace(records, graded=graded, config=RunConfig.from_tree({"judging": {"panel": "rater"}}))
    )

    assert any("judging.panel=rater takes severity out" in note for note in sentences(plain))
    scores = [by_name(board.rows, "model") for board in (plain, rater)]
    assert scores[0]["a"].score - scores[0]["b"].score > 2.5
    assert scores[1]["a"].score - scores[1]["b"].score == pytest.approx(1, abs=0.6)


def test_judges_that_cannot_be_weighed_count_alike_with_a_caution():
    """Perfectly consistent judges have no finite discrimination; the majority's ratings remain."""
    games = [
        game
        for judge in ("x", "y")
        for number in range(3)
        for game in (
            pairwise_judgment("a", "b", f"{number}", verdict=Verdict.A, judge=judge),
            pairwise_judgment("b", "a", f"{number}", verdict=Verdict.B, judge=judge),
        )
    ]
    records = RunRecords(
        name="x", games=tuple(games), config=RunConfig.from_tree({"judging": {"panel": "rater"}})
    )
    board = table(records)

    assert board.rows[0].model == "a"
    assert any("judges could not be weighed" in note for note in sentences(board))
    assert board.panel.remarks
