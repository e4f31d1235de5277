"""The table of several judges: one voice each or weighed, and what it owes to each of them."""

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
    """Return a run where earlier models are better, one judge is mild and one tosses coins."""
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
    """Return a battle's two games; `random` prefers the better on every other question only."""
    better_wins = rng.random() < 0.8
    if judge == "random":
        better_wins = int(question_id) % 2 == 0
    first, second = (Verdict.A, Verdict.B) if better_wins else (Verdict.B, Verdict.A)
    return (
        pairwise_judgment(better, worse, question_id, verdict=first, judge=judge),
        pairwise_judgment(worse, better, question_id, verdict=second, judge=judge),
    )


def table(records, **settings):
    """Return the table of a run."""
    return build_leaderboard(records, collect_battles(records), **settings)


def by_name(rows, name):
    """Return rows by the value of a field."""
    return {getattr(row, name): row for row in rows}


@pytest.mark.parametrize("rule", ["aggregate", "rater"])
def test_one_judge_is_no_panel(rule):
    """Whatever the rule, the table of a single judge is what it always was, to the byte."""
    records = a_run(models=4)
    ruled = replace(
        records, config=RunConfig.from_tree({**records.config.tree, "judging": {"panel": rule}})
    )
    before, now = (table(each) for each in (records, ruled))

    assert now.panel is None
    assert json.dumps(list_leaderboard_records(now)) == json.dumps(list_leaderboard_records(before))
    assert now == before


def test_each_pair_counts_once_however_many_judges_saw_it():
    """24 questions and three opponents are 72 battles a model, not 216."""
    board = table(panel_run())

    assert {row.battles for row in board.rows} == {72}
    assert sum(pair.wins + pair.losses + pair.ties for pair in board.pairs) == 24 * 6


def test_a_score_is_the_mean_of_the_judges_means():
    """With complete grades, that is the mean of all."""
    records = panel_run()
    own = [grade.score for grade in records.graded if grade.model == "a"]

    assert by_name(table(records).rows, "model")["a"].score == pytest.approx(sum(own) / len(own))


def test_severity_noise_and_discrimination_are_told_of_each_judge():
    """The mild judge is mild, the random one noisy, and its votes are worth nothing."""
    board = table(panel_run())
    judges = by_name(board.panel.judges, "judge")

    assert judges["lenient"].severity_high < judges["careful"].severity_low
    assert judges["random"].noise > 2 * judges["careful"].noise
    assert abs(judges["random"].discrimination) < 0.2 < judges["careful"].discrimination
    assert judges["random"].standing == "uninformative"
    assert [note for note in sentences(board) if "The judge random may as well toss coins" in note]
    assert {row.grades for row in board.panel.judges} == {96}
    assert {row.battles for row in board.panel.judges} == {144}


def test_weighing_judges_sharpens_the_table():
    """The random judge dilutes a majority, and weighs little in a fit that sees through it."""
    plain, weighed = (
        by_name(table(panel_run(rule)).rows, "model") for rule in ("aggregate", "rater")
    )

    assert table(panel_run("rater")).method == "judge-aware Bradley-Terry"
    assert weighed["a"].score_high - weighed["a"].score_low < (
        plain["a"].score_high - plain["a"].score_low
    )
    assert weighed["a"].rating > weighed["b"].rating > weighed["c"].rating > weighed["d"].rating
    assert {name: row.win_rate for name, row in weighed.items()} == {
        name: row.win_rate for name, row in plain.items()
    }


def test_the_table_without_a_judge_is_that_of_the_others():
    """Leaving one out is the same as never having asked it."""
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
    """Judges that see the same agree more than one that does not; both kinds are told."""
    mixed = table(panel_run()).panel
    careful = table(panel_run(judges=("careful", "other"))).panel

    for panel in (mixed, careful):
        for found in (panel.grade_agreement, panel.verdict_agreement):
            assert found.low < found.alpha < found.high <= 1
    assert careful.grade_agreement.alpha > mixed.grade_agreement.alpha
    assert (mixed.grade_agreement.units, mixed.verdict_agreement.units) == (96, 144)


def test_peoples_votes_stand_beside_the_panel():
    """A person's vote is no seat in the panel; on what no judge settled, it counts as a battle."""
    records = panel_run()
    vote = Vote(
        question_id="own", judge="human:1", model_a="a", model_b="b", winner="model_a", digest="v"
    )
    check = replace(vote, question_id="0", digest="w")
    board = table(replace(records, votes=(vote, check)))

    assert [row.judge for row in board.panel.judges] == list(JUDGES)
    assert by_name(board.rows, "model")["a"].battles == 73


def test_a_spared_family_is_said_whoever_judges():
    """The sentence names judge, models and family, and is absent where nothing was spared."""
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
    """Two judges spare one model each: plain means compare severities, the fit does not."""
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


def test_what_cannot_be_weighed_is_said_and_counted_alike():
    """Judges without exception have no finite discrimination; the majority's table stands."""
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
