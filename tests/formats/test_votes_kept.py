"""Test that imports keep every vote, recognize the same content, and say which rows count."""

from __future__ import annotations

import shutil
import unicodedata

import pytest
from foreign_files import FOLDERS, make_records, read_files, write_files

from evalharness.domain import Winner
from evalharness.errors import ConfigError, InputError
from evalharness.formats import find_format

VOTE = {"question_id": "q1", "model_a": "a", "model_b": "b", "winner": "model_a"}
PAIR = FOLDERS["mt-bench"]["model_judgment/gpt-4_pair.jsonl"][0]
GRADE = FOLDERS["mt-bench"]["model_judgment/gpt-4_single.jsonl"][0]
HEADER = "left,right,winner\n"


def read(name, folder, files, **renames):
    """Return the records of files that are written into a folder."""
    return find_format(name).read_files([write_files(folder, files)], renames)


def test_equal_battles_are_votes_though_they_name_a_question(tmp_path):
    """Three people who saw q1 give 2 of 3 wins, and the id of a question is no id of a vote."""
    rows = [VOTE, VOTE, VOTE | {"winner": "model_b"}]

    imported = read("arena-battles", tmp_path, {"battles.json": rows})

    winners = [vote.winner for vote in imported.votes.values()]
    assert winners == [Winner.MODEL_A, Winner.MODEL_A, Winner.MODEL_B]
    assert {vote.question_id for vote in imported.votes.values()} == {"q1"}


@pytest.mark.parametrize(
    ("fields", "votes"),
    [
        ({"id": 1}, 1),
        ({"judge": "u1", "tstamp": 1.5}, 1),
        ({"evaluation_session_id": "s", "evaluation_order": 1}, 1),
        ({"tstamp": 1.5}, 2),
        ({"judge": "u1"}, 2),
        ({"evaluation_session_id": "s"}, 2),
        ({"id": ""}, 2),
    ],
)
def test_an_exact_duplicate_is_one_vote_only_where_an_id_says_so(fields, votes, tmp_path):
    """A time or a person alone does not say which vote it is."""
    imported = read("arena-battles", tmp_path, {"battles.json": [VOTE | fields] * 2})

    assert len(imported.votes) == votes
    assert any("1 rows (battle) stand twice" in line for line in imported.warnings) == (votes == 1)


def test_an_id_that_different_rows_share_is_no_id_of_votes(tmp_path):
    """Llmfao numbers the pairs of answers, not the votes on them."""
    rows = [VOTE | {"id": 0}, VOTE | {"id": 0}, VOTE | {"id": 0, "winner": "tie"}]

    assert len(read("arena-battles", tmp_path, {"battles.json": rows}).votes) == 3


def test_all_real_votes_are_kept_without_their_judges(data_file, tmp_path):
    """Equal rows of llmfao are the votes of several people."""
    table = read_files("evalica", data_file("llmfao/llmfao.csv"))
    rows = [
        {
            "question_id": v.question_id,
            "model_a": v.model_a,
            "model_b": v.model_b,
            "winner": v.winner,
        }
        for v in table.votes.values()
    ]

    assert len(read("arena-battles", tmp_path, {"battles.json": rows}).votes) == len(rows) == 8931


def test_files_of_one_name_in_two_folders_are_two_files(tmp_path):
    """Each day has its own votes.csv."""
    monday = HEADER + "a,b,left\na,b,left\nb,c,tie\nc,a,right\n"
    tuesday = HEADER + "a,b,left\na,b,left\nb,c,tie\nc,a,left\n"

    imported = read("evalica", tmp_path, {"mon/votes.csv": monday, "tue/votes.csv": tuesday})

    assert len(imported.votes) == 8


@pytest.mark.parametrize("change", ["renamed", "reordered", "with a mark"])
def test_the_same_content_in_another_file_is_recognized_and_said(change, tmp_path):
    """A copy is no new evidence, whatever its name and the order of its rows."""
    rows = ["a,b,left", "a,b,left", "b,c,tie"]
    folder = write_files(tmp_path, {"votes.csv": HEADER + "\n".join(rows)})
    rows = rows[::-1] if change == "reordered" else rows
    mark = "\ufeff" if change == "with a mark" else ""
    (folder / "copy.csv").write_text(mark + HEADER + "\r\n".join(rows), encoding="utf-8")

    imported = read_files("evalica", folder)

    assert len(imported.votes) == 3
    assert imported.warnings == [
        f"{folder / 'votes.csv'}: 3 rows (comparison) stand twice; each counts once"
    ]


def test_pairs_that_contradict_each_other_in_two_orders_are_refused_with_both_lines(tmp_path):
    """Four games would settle to one tie, and nobody would see that two of them are wrong."""
    won = PAIR | {"g1_winner": "model_1", "g2_winner": "model_1"}
    turned = won | {"model_1": PAIR["model_2"], "model_2": PAIR["model_1"]}

    path = tmp_path / "gpt-4_pair.jsonl"
    with pytest.raises(InputError) as refusal:
        read("mt-bench", tmp_path, {path.name: [won, turned]})
    assert str(refusal.value).startswith(f"{path}:2: this pair stands twice, and not alike")
    assert f"also {path}:1; remove the wrong row" in str(refusal.value)

    agreeing = turned | {"g1_winner": "model_2", "g2_winner": "model_2"}
    imported = read("mt-bench", tmp_path, {path.name: [won, agreeing]})
    assert len(imported.judgments) == 2
    assert any("1 rows (pair) stand twice" in line for line in imported.warnings)


@pytest.mark.parametrize("written", [1, "1", 1.0])
def test_an_id_is_the_same_as_number_text_or_float(tmp_path, written):
    """A table of integers with a gap is written with floats."""
    label = {"model_a": "a", "model_b": "b", "winner": "model_a", "judge": "human:ann"}
    rows = [{"question_id": 1, **label}, {"question_id": written, **label}]
    battle = {"question_id": written, "model_a": "a", "model_b": "b", "winner": "model_a"}

    labels = read("labels", tmp_path, {"labels.jsonl": rows})
    battles = read("arena-battles", tmp_path / "arena", {"battles.jsonl": [battle]})

    assert [vote.question_id for vote in labels.votes.values()] == ["1"]
    assert [vote.question_id for vote in battles.votes.values()] == ["1"]


def test_a_pair_that_failed_is_replaced_by_its_second_run_in_either_order(tmp_path):
    """An error is no outcome that the second run could contradict."""
    failed = PAIR | {"g1_winner": "model_1", "g2_winner": "error"}
    again = {
        **PAIR,
        "model_1": PAIR["model_2"],
        "model_2": PAIR["model_1"],
        "g1_winner": "model_1",
        "g2_winner": "model_1",
    }

    imported = read("mt-bench", tmp_path, {"gpt-4_pair.jsonl": [failed, again]})

    games = make_records(imported).games
    assert [game.unscored for game in games] == [None, None]
    assert games[0].model_a == PAIR["model_2"]


@pytest.mark.parametrize(
    ("scores", "score"), [((-1, 7), 7), ((7, -1), 7), ((5, 7), 7), ((-1, -1), None)]
)
def test_of_a_grade_given_twice_the_later_well_formed_one_counts(scores, score, tmp_path):
    """FastChat appends to the file when it is run again, and reads it so."""
    rows = [
        GRADE | {"score": each, "tstamp": each, "turn": turn} for each in scores for turn in (1, 2)
    ]

    imported = read("mt-bench", tmp_path, {"gpt-4_single.jsonl": rows})

    assert [grade.score for grade in imported.judgments.values()] == [score, score]
    (said,) = [line for line in imported.warnings if "rows (grade)" in line]
    assert ": 2 rows (grade) " in said


def test_a_grade_of_another_file_that_differs_is_refused_with_both_places(tmp_path):
    """Which of two files is the later one is nowhere written."""
    files = {
        f"{name}/gpt-4_single.jsonl": [GRADE | {"score": score}] for name, score in ("a5", "b7")
    }
    files = {name: [rows[0] | {"score": int(rows[0]["score"])}] for name, rows in files.items()}

    with pytest.raises(InputError, match=r"b/gpt-4_single\.jsonl:1: .* also .*a/gpt-4_single"):
        read("mt-bench", tmp_path, files)


def test_judges_of_judgebench_are_models_with_their_method(tmp_path):
    """Two models with one prompting method are two judges."""
    row = FOLDERS["judgebench"]["outputs/arena.jsonl"][0]
    files = {
        f"outputs/{model.replace('/', '_')}.jsonl": [
            row
            | {
                "judgments": [
                    {"judgment": {"judge_model": model, "response": "[[B>A]]"}, "decision": "B>A"},
                    None,
                ]
            },
            row | {"pair_id": "p2", "judgments": [None, None]},
        ]
        for model in ("o1-mini", "internlm/internlm2-7b-reward")
    }

    imported = read("judgebench", tmp_path, files)

    assert [game.judge for game in imported.judgments.values()] == [
        *["internlm/internlm2-7b-reward/arena_hard"] * 4,
        *["o1-mini/arena_hard"] * 4,
    ]


def test_one_name_in_several_spellings_is_one_model(tmp_path):
    """Outer spaces and the Unicode form cannot be seen."""
    composed, decomposed = (unicodedata.normalize(form, "modèle") for form in ("NFC", "NFD"))
    rows = [
        VOTE | {"model_a": name, "judge": f"u{number}"}
        for number, name in enumerate((composed, decomposed, f" {composed}\u00a0"))
    ]

    imported = read("arena-battles", tmp_path, {"battles.json": rows})

    assert {vote.model_a for vote in imported.votes.values()} == {composed}
    assert any("outer spaces or another Unicode form" in line for line in imported.warnings)


@pytest.mark.parametrize("name", ["mt-bench", "arena-hard"])
def test_the_name_of_a_file_is_read_in_the_same_spelling(name, tmp_path):
    """MacOS decomposes the names of files."""
    files = dict(FOLDERS[name])
    old = next(each for each in files if each.startswith("model_answer/"))
    files[unicodedata.normalize("NFD", f"model_answer/é{old[13:]}")] = files.pop(old)

    models = {answer.model for answer in read(name, tmp_path, files).answers.values()}

    assert all(model == unicodedata.normalize("NFC", model) for model in models)


def test_names_that_differ_only_in_case_are_said_and_joined_on_request(tmp_path):
    """Only the user knows whether gpt-4 and GPT-4 are one."""
    rows = [VOTE | {"model_a": name, "winner": "tie"} for name in ("gpt-4", "GPT-4")]
    folder = write_files(tmp_path, {"battles.json": rows})
    arena = find_format("arena-battles")

    warned = arena.read_files([folder])
    joined = arena.read_files([folder], {"GPT-4": "gpt-4"})

    assert any("GPT-4 and gpt-4 differ only in case" in line for line in warned.warnings)
    assert {vote.model_a for vote in joined.votes.values()} == {"gpt-4"}
    assert joined.warnings == []


@pytest.mark.parametrize("name", FOLDERS)
def test_every_importer_renames_models(name, tmp_path):
    """A name that the files do not hold is refused with those that they hold."""
    folder = write_files(tmp_path, FOLDERS[name])
    format_ = find_format(name)
    models = {
        model for each in format_.read_files([folder]).votes.values() for model in each.models
    } | {answer.model for answer in format_.read_files([folder]).answers.values()}
    old = min(models)

    with pytest.raises(ConfigError, match="--rename nobody=x: these files name no 'nobody'"):
        format_.read_files([folder], {"nobody": "x"})
    if name in {"llmbar", "judgebench"}:
        return  # their sides are no names of models
    renamed = format_.read_files([folder], {old: "another"})

    found = {model for each in renamed.votes.values() for model in each.models}
    found |= {answer.model for answer in renamed.answers.values()}
    assert found == (models - {old}) | {"another"}


def test_a_file_in_which_a_model_meets_itself_is_left_out_and_named(tmp_path):
    """A folder of results holds the baseline's too; the other files count."""
    files = dict(FOLDERS["alpaca-eval"])
    annotations = files["vicuna-13b/alpaca_eval_gpt4/annotations.json"]
    own = [row | {"generator_2": row["generator_1"], "preference": 1.5} for row in annotations]
    files["text_davinci_003/alpaca_eval_gpt4/annotations.json"] = own
    whole = read_files("alpaca-eval", write_files(tmp_path / "whole", FOLDERS["alpaca-eval"]))

    imported = read("alpaca-eval", tmp_path / "more", files)

    assert list(imported.votes) == list(whole.votes)
    assert imported.left_out.number == len(own)
    path = tmp_path / "more/text_davinci_003/alpaca_eval_gpt4/annotations.json"
    assert any(
        line.startswith(f"{path}: 5 rows left out") and "is set against itself" in line
        for line in imported.warnings
    )
    shutil.rmtree(tmp_path / "more/vicuna-13b")
    with pytest.raises(ConfigError, match="text_davinci_003 is set against itself"):
        read_files("alpaca-eval", tmp_path / "more")


def test_folders_that_share_a_generator_are_models_by_their_folders(tmp_path):
    """A second prompt of one model is often published under the generator of the first."""
    files = dict(FOLDERS["alpaca-eval"])
    for name in list(files):
        rows = [
            row | {key: f"Brief {row[key]}" for key in ("output", "output_2") if key in row}
            for row in files[name]
        ]
        files[name.replace("vicuna-13b/", "vicuna-13b-brief/")] = rows

    imported = read("alpaca-eval", tmp_path, files)

    assert {vote.model_b for vote in imported.votes.values()} == {"vicuna-13b", "vicuna-13b-brief"}
    assert len(imported.votes) == 10
    assert any(
        "the folder's name, vicuna-13b-brief, is taken" in line for line in imported.warnings
    )


def test_the_lengths_of_a_vote_are_those_of_the_texts_that_were_judged(tmp_path):
    """A file of outputs may hold a later version of them."""
    name = "vicuna-13b/alpaca_eval_gpt4/annotations.json"
    rows = [
        row | {"output_2": "Longer than the published one."} for row in FOLDERS["alpaca-eval"][name]
    ]

    imported = read("alpaca-eval", tmp_path, {**FOLDERS["alpaca-eval"], name: rows})

    first = next(iter(imported.votes.values()))
    assert first.lengths == (len(rows[0]["output_1"]), len(rows[0]["output_2"]))


@pytest.mark.parametrize("turn", [2, 10**18])
def test_a_vote_on_a_turn_that_the_question_lacks_is_refused(turn, tmp_path):
    """Nobody can have seen it."""
    question = {"question_id": 1, "category": "a", "turns": ["One?"]}
    vote = {**VOTE, "question_id": 1, "judge": "expert_1", "turn": turn}

    with pytest.raises(
        InputError, match=rf"human\.jsonl:1: turn {turn} of question 1: it has only 1"
    ):
        read("mt-bench", tmp_path, {"question.jsonl": [question], "human.jsonl": [vote]})


def test_one_vote_of_a_person_counts_once_in_both_orders(tmp_path):
    """A label that stands again with its models exchanged is the same label."""
    turned = {"question_id": "q1", "model_a": "b", "model_b": "a", "winner": "model_b"}

    imported = read("labels", tmp_path, {"labels.jsonl": [VOTE, turned]})

    assert len(imported.votes) == 1
