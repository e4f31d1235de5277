"""Test imports and exports of other tools' files: they lose nothing, and bad files change nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from builders import model_spec
from foreign_files import FOLDERS, encode_rows, list_rows, write_files
from server import serving

import evalharness
from evalharness.cli import main
from evalharness.formats import find_format
from evalharness.formats.judgebench import RESPONSES
from evalharness.runner import answer_digest
from evalharness.store import read_run

MT = FOLDERS["mt-bench"]


@pytest.fixture(autouse=True)
def _work_in_temporary_folder(tmp_path, monkeypatch):
    """Results go to a folder that no other test uses."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def foreign(tmp_path):
    """Return a function that writes a format's files, some of which can be replaced."""

    def make(name, **replaced):
        files = {**FOLDERS[name], **replaced.get("files", {})}
        return write_files(tmp_path / "foreign" / name, files)

    return make


def _import(name, *paths, run="mine") -> int:
    return main(["import", name, *map(str, paths), "--run", run])


@pytest.mark.parametrize("name", [name for name in FOLDERS if name != "labels"])
def test_an_imported_run_is_exported_unchanged(name, foreign, tmp_path, capsys):
    """The run has its configuration, manifest, records, leaderboard and page; export restores every row."""
    folder = foreign(name)

    assert _import(name, folder) == 0
    assert main(["export", name, "mine", "--to", "out"]) == 0

    assert "report: results/mine/report.html" in capsys.readouterr().out
    made = {path.name for path in (tmp_path / "results/mine").iterdir()}
    assert made >= {"config.yaml", "manifest.json", "questions.jsonl", "leaderboard.json"}
    given = list_rows([path for path in folder.rglob("*.*") if path.is_file()])
    out = list_rows([path for path in (tmp_path / "out").rglob("*.*") if path.is_file()])
    assert [row for row in given if row not in out] == []


def test_questions_of_equal_text_keep_their_answers(tmp_path):
    """Every answer is imported, exported, and found by a run that judges it."""
    asked = [MT["question.jsonl"][1] | {"question_id": number} for number in (1, 2)]
    answers = [
        MT["model_answer/vicuna-13b.jsonl"][0]
        | {"question_id": number, "choices": [{"index": 0, "turns": [f"First {number}.", "Then."]}]}
        for number in (1, 2)
    ]
    files = {"question.jsonl": asked, "model_answer/aa.jsonl": answers}
    folder = write_files(tmp_path / "equal", files)

    _import("mt-bench", folder)
    assert main(["export", "mt-bench", "mine", "--to", "out"]) == 0

    texts = {
        row.question_id: row.turns[0].text for row in read_run(tmp_path / "results/mine").answers
    }
    assert texts == {"1": "First 1.", "2": "First 2."}
    given = list_rows(list(folder.rglob("*.jsonl")))
    out = list_rows(list((tmp_path / "out").rglob("*.jsonl")))
    assert [row for row in given if row not in out] == []
    assert main(["judge", "run=mine", "judge=scripted"]) == 0
    assert len(read_run(tmp_path / "results/mine").graded) == 4


def test_no_two_answers_of_judgebench_have_one_key(data_file):
    """Its 620 pairs hold 92 whose question another pair asks too."""
    imported = find_format("judgebench").read_files([data_file("judgebench")])
    models = {name: model_spec("recorded", name=name, answers="x") for name in RESPONSES}
    keys = {
        answer_digest(models[each.model], imported.questions[each.question_id], 0, 0)
        for each in imported.answers.values()
    }

    assert len({each.turns for each in imported.questions.values()}) < 620
    assert (len(imported.questions), len(imported.answers), len(keys)) == (620, 1240, 1240)


def test_the_manifest_names_the_files_with_their_hashes(foreign, tmp_path):
    """The source of a figure can be checked years later."""
    folder = foreign("evalica")
    _import("evalica", folder)

    imported = json.loads((tmp_path / "results/mine/manifest.json").read_text())["imported"]

    assert [each["format"] for each in imported] == ["evalica"]
    assert list(imported[0]["files"]) == [str(folder / "food.csv")]
    assert all(len(found) == 64 for found in imported[0]["files"].values())


def test_warnings_are_printed_and_stored(foreign, tmp_path, capsys):
    """Here a file is named like another model, and a question is missing."""
    other = [MT["model_answer/vicuna-13b.jsonl"][0]]
    folder = foreign("mt-bench", files={"model_answer/koala-13b.jsonl": other})
    _import("mt-bench", folder)

    said = capsys.readouterr().err
    kept = json.loads((tmp_path / "results/mine/manifest.json").read_text())["imported"][0]

    assert "model_id is vicuna-13b; the file's name, koala-13b, is taken" in said
    assert "koala-13b: no answer to 1 of 2 questions (82)" in said
    lines = [line for line in said.splitlines() if "caution (" not in line]
    assert [f"evalharness: {line}" for line in kept["warnings"]] == lines


def test_annotations_in_another_model_s_folder_are_reported(tmp_path, capsys):
    """AlpacaEval's own results contain such a folder."""
    files = FOLDERS["alpaca-eval"]["vicuna-13b/alpaca_eval_gpt4/annotations.json"]
    folder = write_files(tmp_path / "results_ae", {"koala-7b/gpt4/annotations.json": files})

    _import("alpaca-eval", folder)

    assert (
        "its generator is vicuna-13b, but its folder is named koala-7b" in capsys.readouterr().err
    )
    assert {vote.model_b for vote in read_run(tmp_path / "results/mine").votes} == {"vicuna-13b"}


def test_nothing_is_written_when_one_file_is_bad(foreign, tmp_path, capsys):
    """All files are checked before the run's folder is made."""
    folder = foreign("mt-bench")
    (folder / "human.jsonl").write_text('{"question_id": 81, "model_a": "a", "winner": "x"}\n')

    assert _import("mt-bench", folder / "question.jsonl", folder / "human.jsonl") == 2

    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith(f"evalharness: {folder / 'human.jsonl'}:1: ")
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("run", ["occupied", "mine"])
def test_a_folder_that_is_not_a_run_is_not_changed(run, foreign, tmp_path, capsys):
    """A typing error in --run must not change another folder."""
    (tmp_path / "results" / run).mkdir(parents=True)
    (tmp_path / "results" / run / "thesis.tex").write_text("x")

    assert _import("evalica", foreign("evalica"), run=run) == 2
    assert "is no run" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "results" / run).iterdir()] == ["thesis.tex"]


def test_the_same_import_twice_changes_nothing(foreign, tmp_path):
    """Records are identified by their content."""
    folder = foreign("mt-bench")
    _import("mt-bench", folder)
    names = ("answers.jsonl", "judgments.jsonl", "votes.jsonl", "config.yaml", "foreign.jsonl")
    before = {name: (tmp_path / "results/mine" / name).read_bytes() for name in names}

    _import("mt-bench", folder)

    after = {name: (tmp_path / "results/mine" / name).read_bytes() for name in names}
    assert after == before
    manifest = json.loads((tmp_path / "results/mine/manifest.json").read_text())
    assert len(manifest["imported"]) == 1


def test_a_second_import_adds_to_the_run(foreign, tmp_path):
    """For example, answers first and the votes of people later."""
    folder = foreign("mt-bench")
    _import("mt-bench", folder / "question.jsonl", folder / "model_answer")

    assert _import("mt-bench", folder / "human.jsonl") == 0

    records = read_run(tmp_path / "results/mine")
    assert (len(records.answers), len(records.votes)) == (4, 2)
    assert len(records.manifest["imported"]) == 2


def test_another_answer_under_the_same_name_is_refused(foreign, tmp_path, capsys):
    """It must stay clear which answer a judge saw."""
    _import("mt-bench", foreign("mt-bench"))
    rows = json.loads(json.dumps(MT["model_answer/alpaca-13b.jsonl"]))
    rows[0]["choices"][0]["turns"][0] = "Another text."
    path = tmp_path / "alpaca-13b.jsonl"
    path.write_text(encode_rows(path.name, rows))

    assert _import("mt-bench", path) == 2
    assert "holds something else for question 81 of alpaca-13b" in capsys.readouterr().err


def test_the_same_votes_under_another_name_are_recognized_and_said(foreign, tmp_path, capsys):
    """Twice the votes would look like twice the evidence."""
    folder = foreign("evalica")
    _import("evalica", folder)
    copy = tmp_path / "copy.csv"
    copy.write_bytes((folder / "food.csv").read_bytes())
    capsys.readouterr()

    assert _import("evalica", copy) == 0

    said = capsys.readouterr()
    assert len(read_run(tmp_path / "results/mine").votes) == 3
    assert f"{copy}: the run holds all its 3 judgments and votes already" in said.err
    assert "3 of the records were in the run already" in said.out


def test_votes_that_an_earlier_version_imported_are_not_added_again(foreign, tmp_path, capsys):
    """It knew them by other keys, so that each would count twice."""
    folder = foreign("evalica")
    _import("evalica", folder)
    run = tmp_path / "results/mine"
    manifest = json.loads((run / "manifest.json").read_text())
    del manifest["imported"][0]["rows"]
    (run / "manifest.json").write_text(json.dumps(manifest))
    votes = [json.loads(line) for line in (run / "votes.jsonl").read_text().splitlines()]
    old = [json.dumps(vote | {"digest": f"old-{vote['digest']}"}) for vote in votes]
    (run / "votes.jsonl").write_text("\n".join(old) + "\n")

    assert _import("evalica", folder) == 2

    assert "an earlier version imported these files" in capsys.readouterr().err
    assert len(read_run(run).votes) == 3


def test_what_was_read_and_left_out_is_counted_and_kept(foreign, tmp_path, capsys):
    """The numbers stand on the terminal and in the manifest."""
    folder = foreign("evalica")
    text = (folder / "food.csv").read_text()
    (folder / "food.csv").write_text(text + "Pizza,Pizza,tie\n")
    (folder / "copy.csv").write_text(text + "Pizza,Pizza,tie\n")

    _import("evalica", folder)

    counted = "read 8 rows of 2 files: 3 votes; 3 stand twice; 2 are left out"
    assert counted in capsys.readouterr().out
    entry = json.loads((tmp_path / "results/mine/manifest.json").read_text())["imported"][0]
    assert {name: entry[name] for name in ("rows", "repeated", "left_out", "votes")} == {
        "rows": 8,
        "repeated": 3,
        "left_out": 2,
        "votes": 3,
    }


def test_a_second_run_of_a_judge_replaces_its_missing_results(foreign, tmp_path):
    """The first run could not read the grade of turn 2."""
    name = "model_judgment/gpt-4_single.jsonl"
    folder = foreign("mt-bench")
    _import("mt-bench", folder)
    rows = [row | {"score": max(row["score"], 4)} for row in MT[name]]
    (folder / name).write_text(encode_rows(name, rows))

    assert _import("mt-bench", folder) == 0

    graded = read_run(tmp_path / "results/mine").graded
    assert [grade.score for grade in graded] == [7, 4]


def test_models_and_judges_are_renamed_on_request(foreign, tmp_path, capsys):
    """The new names are the run's; the export gives the files back as they were."""
    folder = foreign("mt-bench")
    options = ("--rename", "alpaca-13b=alpaca", "--rename", "gpt-4=GPT-4 of June")

    assert main(["import", "mt-bench", str(folder), "--run", "mine", *options]) == 0
    assert main(["export", "mt-bench", "mine", "--to", "out"]) == 0

    records = read_run(tmp_path / "results/mine")
    assert {answer.model for answer in records.answers} == {"alpaca", "vicuna-13b"}
    assert {grade.judge for grade in records.graded} == {"GPT-4 of June"}
    given = list_rows([path for path in folder.rglob("*.*") if path.is_file()])
    assert list_rows([path for path in (tmp_path / "out").rglob("*.*") if path.is_file()]) == given
    for wrong in ("alpaca", "=x", "alpaca-13b="):
        assert main(["import", "mt-bench", str(folder), "--run", "b", "--rename", wrong]) == 2
    assert "must be OLD=NEW" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ({"question_id": 82, "turn": 3}, "turn 3 of question 82, which has only 2"),
        ({"turn": 10**20}, ""),
        ({"score": 85}, "must be from 1 to 10"),
        ({"model": "Vicuna-13b"}, "--rename Vicuna-13b=MODEL"),
    ],
)
def test_a_label_of_something_that_nobody_saw_is_refused_at_its_line(
    label, said, foreign, tmp_path, capsys
):
    """The line is what the user corrects."""
    _import("mt-bench", foreign("mt-bench"))
    good = {"question_id": 81, "model": "vicuna-13b", "score": 7}
    path = tmp_path / "labels.jsonl"
    path.write_text(encode_rows(path.name, [good, good | {"judge": "human:bea"} | label]))

    assert _import("labels", path) == 2

    refusal = capsys.readouterr().err
    assert f"{path}:2: " in refusal
    assert said in refusal


def test_a_label_that_contradicts_an_earlier_import_is_refused(foreign, tmp_path, capsys):
    """The order of the models hides that one person said both."""
    _import("mt-bench", foreign("mt-bench"))
    models = {"model_a": "vicuna-13b", "model_b": "alpaca-13b"}
    turned = {"model_a": "alpaca-13b", "model_b": "vicuna-13b"}
    path = tmp_path / "labels.jsonl"
    codes = []
    for names, winner in ((models, "model_a"), (turned, "model_b"), (turned, "model_a")):
        row = {"question_id": 81, "judge": "human:ada", **names, "winner": winner}
        path.write_text(encode_rows(path.name, [row]))
        codes.append(_import("labels", path))

    assert codes == [0, 0, 2]
    assert "human:ada preferred vicuna-13b on this pair" in capsys.readouterr().err
    votes = read_run(tmp_path / "results/mine").votes
    assert [vote.judge for vote in votes].count("human:ada") == 1


def test_models_of_the_run_in_another_case_are_said(foreign, tmp_path, capsys):
    """A second import may write the same model otherwise."""
    _import("evalica", foreign("evalica"))
    more = tmp_path / "more.csv"
    more.write_text("left,right,winner\npizza,Sushi,left\n")

    _import("evalica", more)

    assert "Pizza and pizza differ only in case" in capsys.readouterr().err


def test_labels_join_the_run_whose_answers_they_label(foreign, tmp_path, capsys):
    """The user's labels are added to the judge's; unknown models and questions are refused."""
    _import("mt-bench", foreign("mt-bench"))
    own = tmp_path / "own.csv"
    own.write_text(
        "question_id,turn,model_a,model_b,winner,judge\n"
        "81,1,alpaca-13b,vicuna-13b,model_b,ada\n82,2,alpaca-13b,vicuna-13b,tie,ada\n"
    )
    stranger = tmp_path / "stranger.jsonl"
    stranger.write_text('{"question_id": 81, "model": "koala-13b", "score": 7}\n')

    assert _import("labels", own) == 0
    assert _import("labels", stranger) == 2
    assert _import("labels", own, run="new") == 2

    said = capsys.readouterr().err
    assert "there is no model 'koala-13b', which a label names" in said
    assert "no answers are there to be labelled" in said
    votes = read_run(tmp_path / "results/mine").votes
    assert [vote.judge for vote in votes if vote.judge == "ada"] == ["ada", "ada"]


def test_imported_judgments_can_be_labelled_without_their_answers(foreign, tmp_path):
    """Grades of another tool can be corrected without the graded answers."""
    judged = foreign("mt-bench")
    shutil.rmtree(judged / "model_answer")
    assert _import("mt-bench", judged) == 0
    label = tmp_path / "labels.jsonl"
    label.write_text(
        '{"question_id": 81, "model": "vicuna-13b", "score": 6, "judge": "human:ada"}\n'
    )

    assert _import("labels", label) == 0

    (table,) = evalharness.load_run("results/mine").board.corrected
    assert table.judge == "gpt-4"
    assert "1 grade is too few" in table.corrections[-1].sentence


def test_votes_are_battles_for_leaderboards_and_notebooks(foreign):
    """A vote is a battle without games, so it says nothing about position bias."""
    _import("evalica", foreign("evalica"))

    run = evalharness.load_run("results/mine")

    assert run.battles.winner.tolist() == ["model_a", "tie", "tie"]
    assert run.leaderboard.battles.to_dict() == {"Pizza": 3, "Sushi": 1, "Tacos": 2}
    assert len(run.votes) == 3
    assert run.judgments.empty


def test_the_page_shows_the_source_s_own_figures(foreign, tmp_path):
    """The ratio of totals is not called a win rate."""
    _import("vicuna-reviews", foreign("vicuna-reviews"))

    page = (tmp_path / "results/mine/report.html").read_text()

    assert "94.4% of <bdi>gpt35</bdi>" in page
    assert "it is no win rate" in page


def test_imported_answers_are_judged_by_a_server(foreign, tmp_path):
    """`judge` needs no model names, no GPU and no key, because the answers are in the run."""
    _import("mt-bench", foreign("mt-bench"))
    with serving() as url:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "evalharness", "judge", "run=mine", "judge=gpt-6-luna"),
                f"judge.model.base_url={url}/v1",
            ],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "PYTHONPATH": os.pathsep.join(sys.path),
                "OPENAI_API_KEY": "sk-none",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    problems = [
        line for line in done.stderr.splitlines() if not line.startswith("evalharness: caution (")
    ]
    assert (done.returncode, problems) == (0, [])
    records = read_run(tmp_path / "results/mine")
    made = [row for row in records.judgments if row.judge == "gpt-6-luna"]
    turns, models, orders = 4, 2, 2
    assert len(made) == turns * models + turns * orders
    assert len(records.manifest["imported"]) == 1


def test_questions_that_an_import_does_not_hold_are_refused(foreign, capsys):
    """An override is applied or refused, never ignored."""
    _import("mt-bench", foreign("mt-bench"))

    assert main(["judge", "run=mine", "judge=scripted", "questions.limit=1"]) == 2
    assert "is no longer asked" in capsys.readouterr().err


def test_a_live_model_can_be_added_to_a_recorded_run(foreign, tmp_path):
    """Published answers stay, and a new model is added."""
    _import("mt-bench", foreign("mt-bench"))
    mine = ("+models=[vicuna-7b]", "models.vicuna-7b.backend=scripted")

    assert main(["run", "run=mine", *mine, "judge=scripted", "judging=graded"]) == 0

    answers = read_run(tmp_path / "results/mine").answers
    assert sorted({answer.model for answer in answers}) == ["alpaca-13b", "vicuna-13b", "vicuna-7b"]


def test_a_model_without_answers_is_not_a_failed_one(foreign, tmp_path):
    """The answers of a graded model may not be published."""
    rows = [row | {"model": "koala-13b"} for row in MT["model_judgment/gpt-4_single.jsonl"]]
    _import("mt-bench", foreign("mt-bench", files={"model_judgment/gpt-4_single.jsonl": rows}))

    board = evalharness.load_run(tmp_path / "results/mine").leaderboard

    assert board.failed["koala-13b"] == 0


def test_an_export_that_would_lose_rows_is_refused(foreign, capsys):
    """AlpacaEval's files cannot hold a battle on a question without a text."""
    _import("evalica", foreign("evalica"))

    assert main(["export", "alpaca-eval", "mine", "--to", "out"]) == 2
    assert "knows a question by its text" in capsys.readouterr().err


def test_an_exported_file_stays_in_its_folder(tmp_path):
    """The name of a model is not used as a path."""
    rows = FOLDERS["alpaca-eval"]["vicuna-13b/model_outputs.json"]
    outside = [row | {"generator": "../../elsewhere"} for row in rows]
    _import("alpaca-eval", write_files(tmp_path / "in", {"model_outputs.json": outside}))

    assert main(["export", "alpaca-eval", "mine", "--to", "deep/out"]) == 0

    assert [path.parent.parent.name for path in tmp_path.rglob("deep/**/*.json")] == ["out"]


def test_an_export_never_overwrites(foreign, capsys):
    """A second export into the same folder is refused."""
    _import("evalica", foreign("evalica"))
    assert main(["export", "evalica", "mine", "--to", "out"]) == 0

    assert main(["export", "evalica", "mine", "--to", "out"]) == 2
    assert "is there already" in capsys.readouterr().err


def test_a_native_run_is_exported_as_mt_bench(tmp_path):
    """FastChat's scripts can read our judgments."""
    scripted = ("models.vicuna-13b.backend=scripted", "models.alpaca-7b.backend=scripted")
    models = "models=[vicuna-13b,alpaca-7b]"
    main(["run", models, *scripted, "judge=scripted", "questions.limit=8", "run=ours"])

    assert main(["export", "mt-bench", "ours", "--to", "out"]) == 0
    assert _import("mt-bench", tmp_path / "out", run="again") == 0

    ours, again = (read_run(tmp_path / "results" / run) for run in ("ours", "again"))
    assert len(again.games) == len(ours.games) > 0
    assert sorted(str((g.model, g.turn, g.score)) for g in again.graded) == sorted(
        str((g.model, g.turn, g.score)) for g in ours.graded
    )


def test_battles_keep_their_questions_through_evalica_s_format(tmp_path):
    """Without the questions every battle would be its own cluster, and the intervals too narrow."""
    scripted = ("models.vicuna-13b.backend=scripted", "models.alpaca-7b.backend=scripted")
    models = "models=[vicuna-13b,alpaca-7b]"
    main(["run", models, *scripted, "judge=scripted", "questions.limit=8", "run=ours"])
    main(["export", "evalica", "ours", "--to", "out"])
    _import("evalica", tmp_path / "out", run="again")

    ours, again = (evalharness.load_run(tmp_path / "results" / run) for run in ("ours", "again"))
    columns = ["rating", "rating_low", "rating_high", "win_rate", "win_rate_low", "win_rate_high"]
    assert again.leaderboard[columns].equals(ours.leaderboard[columns])
    assert again.battles.judge.unique().tolist() == ours.battles.judge.unique().tolist()
