"""Test merging several runs over the same questions into one report."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from builders import a_run, a_vote, answer, failure, question

from evalharness.cli import main
from evalharness.domain import RunConfig, RunRecords, Verdict, Winner
from evalharness.errors import ConfigError
from evalharness.report import merge_runs

EXAMPLE = Path(__file__).parents[2] / "results" / "example"
JUDGE = {"name": "gpt-4", "model": {"name": "gpt-4"}, "reading": "text"}


def part(name, models, *, judge=JUDGE, questions=8):
    """Return the part of a generated run that is about some of its models."""
    whole = a_run(models=3, questions=questions)
    return replace(
        whole,
        name=name,
        answers=tuple(row for row in whole.answers if row.model in models),
        graded=tuple(row for row in whole.graded if row.model in models),
        games=tuple(row for row in whole.games if {row.model_a, row.model_b} <= set(models)),
        config=RunConfig.from_tree(
            {"models": {model: {"name": model} for model in models}, "judge": judge}
        ),
    )


def test_parts_of_a_run_merge_into_the_whole_run():
    """Grades by one judge on the same questions are merged into one table."""
    joined = merge_runs([part("one", ["vicuna-13b"]), part("two", ["koala-13b", "alpaca-7b"])])
    whole = a_run(models=3)

    assert joined.name == "one + two"
    assert set(joined.answers) == set(whole.answers)
    assert set(joined.graded) == set(whole.graded)
    assert joined.manifest["joined"]["differences"] == []


def test_records_of_both_runs_count_once():
    """A model that two runs share is neither duplicated nor renamed."""
    joined = merge_runs([part("one", ["vicuna-13b", "koala-13b"]), part("two", ["vicuna-13b"])])

    assert len(joined.answers) == 16
    assert {row.model for row in joined.graded} == {"vicuna-13b", "koala-13b"}
    assert len(joined.graded) == len({row.digest for row in joined.graded})


def test_one_name_for_different_answers_becomes_two_models():
    """Different answers are attributed to different models."""
    other = part("two", ["vicuna-13b"])
    changed = replace(other.answers[0], turns=answer(texts=("other", "words")).turns)
    joined = merge_runs(
        [part("one", ["vicuna-13b"]), replace(other, answers=(changed, *other.answers[1:]))]
    )

    assert {row.model for row in joined.answers} == {"vicuna-13b (one)", "vicuna-13b (two)"}
    assert {row.model for row in joined.graded} == {"vicuna-13b (one)", "vicuna-13b (two)"}
    assert set(joined.config.models) == {"vicuna-13b (one)", "vicuna-13b (two)"}


def test_one_name_for_different_judges_becomes_two_judges_and_the_difference_is_shown():
    """A judge with another way of reading is a different judge."""
    joined = merge_runs(
        [
            part("one", ["vicuna-13b"]),
            part("two", ["koala-13b"], judge=JUDGE | {"reading": "json"}),
        ]
    )

    assert {row.judge for row in joined.graded} == {"gpt-4 (one)", "gpt-4 (two)"}
    assert joined.manifest["joined"]["differences"] == [
        {"setting": "judge.reading", "values": ["text", "json"]}
    ]


def test_a_judge_that_waits_longer_is_the_same_judge():
    """Settings that a backend declares irrelevant to texts do not distinguish judges."""
    patient = JUDGE | {"model": {"name": "gpt-4", "total_timeout_s": 60.0, "give_up_after": 2}}
    hasty = JUDGE | {"model": {"name": "gpt-4", "total_timeout_s": 30.0, "give_up_after": 1}}
    joined = merge_runs(
        [part("one", ["vicuna-13b"], judge=hasty), part("two", ["koala-13b"], judge=patient)]
    )

    assert {row.judge for row in joined.graded} == {"gpt-4"}


def test_judgments_that_differ_under_one_key_are_kept_apart_in_either_order():
    """The first run's rows would hide the second's, and the order of the arguments decide."""
    one = part("one", ["vicuna-13b", "koala-13b"])
    opposite = {Verdict.A: Verdict.B, Verdict.B: Verdict.A, Verdict.TIE: Verdict.TIE}
    two = replace(
        part("two", ["vicuna-13b", "koala-13b"]),
        games=tuple(replace(game, verdict=opposite[game.verdict]) for game in one.games),
    )

    joined = merge_runs([one, two])

    assert joined == merge_runs([two, one])
    assert len(joined.games) == len(one.games) + len(two.games)
    assert {game.judge for game in joined.games} == {"gpt-4 (one)", "gpt-4 (two)"}
    assert any("differently in one and two" in each for each in joined.manifest["cautions"])


def test_votes_that_differ_under_one_key_are_kept_apart():
    """A second import of a corrected file must not be hidden by the first."""
    votes = {
        name: a_vote(judge="human", winner=winner, digest="same")
        for name, winner in (("one", Winner.MODEL_A), ("two", Winner.MODEL_B))
    }
    runs = [RunRecords(name=name, votes=(vote,)) for name, vote in votes.items()]

    joined = merge_runs(runs)

    assert joined == merge_runs(runs[::-1])
    assert {vote.judge for vote in joined.votes} == {"human (one)", "human (two)"}


def test_votes_of_runs_without_questions_are_merged():
    """Files of battles hold no texts; equal votes of two imports are one vote."""
    shared = a_vote(judge="human", digest="shared")
    runs = [
        RunRecords(name=name, votes=(shared, a_vote(judge="human", digest=name)))
        for name in ("one", "two")
    ]

    assert [vote.digest for vote in merge_runs(runs).votes] == ["shared", "one", "two"]


def test_gold_labels_that_differ_are_refused():
    """Two right results of one pair say nothing about a judge."""
    runs = [
        RunRecords(name=name, votes=(a_vote(judge="gold", winner=winner, digest="p1"),))
        for name, winner in (("one", Winner.MODEL_A), ("two", Winner.MODEL_B))
    ]

    with pytest.raises(ConfigError, match="different gold labels for 1 pairs"):
        merge_runs(runs)


def test_a_failure_that_another_run_made_good_is_none():
    """What one run could not get, the other has."""
    whole = a_run(models=2)
    failed = replace(failure(), key=whole.games[0].digest)
    other = replace(failed, key="another")
    one = replace(whole, name="one", games=whole.games[1:], failures=(failed, other))

    assert merge_runs([one, replace(whole, name="two")]).failures == (other,)


def test_questions_that_a_run_lacks_are_left_out_and_reported():
    """Means over different questions cannot be compared."""
    joined = merge_runs([part("one", ["vicuna-13b"]), part("two", ["koala-13b"], questions=4)])

    assert len(joined.questions) == 4
    assert {row.question_id for row in joined.graded} == {"81", "82", "83", "84"}
    assert "left out: 4 of one's 8" in joined.manifest["cautions"][0]


@pytest.mark.parametrize(
    ("runs", "problem"),
    [
        ([RunRecords(name="a", questions=(question(),))] * 2, "have this name"),
        (
            [RunRecords(name=name, questions=(question(name),)) for name in "ab"],
            "no question in common",
        ),
        (
            [RunRecords(name=name, questions=(question(turns=(name,)),)) for name in "ab"],
            "in other words in b than in a",
        ),
    ],
)
def test_runs_that_do_not_fit_are_refused(runs, problem):
    """The refusal is one sentence, and precedes all writing."""
    with pytest.raises(ConfigError, match=problem):
        merge_runs(runs)


def test_report_merges_runs_into_a_separate_folder(tmp_path, capsys):
    """The command writes page and tables next to the runs, and shows their differences."""
    for name in ("one", "two"):
        shutil.copytree(EXAMPLE, tmp_path / name)
    config = yaml.safe_load((tmp_path / "two" / "config.yaml").read_text())
    config["seed"] = 7
    (tmp_path / "two" / "config.yaml").write_text(yaml.safe_dump(config))

    assert main(["report", str(tmp_path / "one"), str(tmp_path / "two")]) == 0

    assert str(tmp_path / "one+two" / "report.html") in capsys.readouterr().out
    page = (tmp_path / "one+two" / "report.html").read_text()
    assert "Where their settings differ" in page
    assert page.count('<th scope="row"><code>seed</code></th><td>0</td><td>7</td>') == 1
    assert (
        main(
            ["report", str(tmp_path / "one"), str(tmp_path / "two"), "--to", str(tmp_path / "one")]
        )
        == 2
    )
    assert "is a run itself" in capsys.readouterr().err
