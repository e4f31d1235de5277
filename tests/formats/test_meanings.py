"""Test the meaning of each format's labels: the winner, the order of the answers, missing verdicts."""

from __future__ import annotations

import pytest
from foreign_files import (
    FOLDERS,
    list_rows,
    make_records,
    read_files,
    render_files,
    write_files,
)

from evalharness.domain import Verdict, Winner
from evalharness.errors import InputError
from evalharness.formats import find_format
from evalharness.formats.rows.imported_records import UNSCORED_IN_SOURCE
from evalharness.judge import settle_battles


@pytest.fixture
def read_example(tmp_path):
    """Return a function that reads a format's example."""

    def make(name, files=None):
        imported = read_files(name, write_files(tmp_path / name, files or FOLDERS[name]))
        return imported, make_records(imported)

    return make


def _shown(games) -> list[tuple[str, str, Verdict | None]]:
    return [(game.model_a, game.model_b, game.verdict) for game in games]


def test_mt_bench_winners_become_places_in_both_orders(read_example):
    """FastChat stores models; in the second game model_1 was shown second."""
    _, records = read_example("mt-bench")

    assert _shown(game for game in records.games if game.turn == 1) == [
        ("vicuna-13b", "alpaca-13b", Verdict.A),
        ("alpaca-13b", "vicuna-13b", Verdict.B),
    ]
    assert [battle.winner for battle in settle_battles(records.games)] == [Winner.MODEL_B]


def test_mt_bench_errors_are_unscored(read_example):
    """Neither -1 nor `error` is a score or a tie."""
    _, records = read_example("mt-bench")

    assert [(grade.score, grade.unscored) for grade in records.graded] == [
        (7, None),
        (None, UNSCORED_IN_SOURCE),
    ]
    assert [game.unscored for game in records.games if game.turn == 2] == [None, UNSCORED_IN_SOURCE]


def test_mt_bench_references_go_to_their_questions(read_example):
    """The file of references counts. No judge saw the field `reference`, so it is only kept."""
    imported, records = read_example("mt-bench")

    assert [question.references for question in records.questions] == [
        (),
        ("gpt-4 says 82.", "And more."),
    ]
    assert imported.unmapped_fields["question", "81"].fields["reference"] == ["x"]


@pytest.mark.parametrize(
    ("more", "scores"),
    [({"winner": "model_2"}, None), ({"m1_score": 3, "m2_score": 8}, (3.0, 8.0))],
)
def test_a_pair_without_a_second_order_is_a_vote(read_example, more, scores):
    """Grades were given without an order of the answers."""
    row = FOLDERS["mt-bench"]["model_judgment/gpt-4_pair.jsonl"][0]
    row = row | {"g1_winner": "model_2", "g2_winner": "model_2", **more}

    _, records = read_example("mt-bench", {"gpt-4_pair.jsonl": [row]})

    assert records.games == ()
    assert [(vote.winner, vote.scores) for vote in records.votes] == [(Winner.MODEL_B, scores)]


def test_people_are_judges_by_a_name_that_says_so(read_example):
    """A reader of a table must see which votes are by people."""
    _, records = read_example("mt-bench")

    assert [vote.judge for vote in records.votes] == ["human:expert_3", "human:author_0"]


def test_alpaca_eval_preferences_are_probabilities_of_the_second_output(read_example):
    """1 means that the baseline won, 2 that the model won, 0 an old draw, null no preference."""
    _, records = read_example("alpaca-eval")

    assert [(vote.preference, vote.winner) for vote in records.votes] == [
        (0.0, Winner.MODEL_A),
        (1.0, Winner.MODEL_B),
        (0.5, Winner.TIE),
        (0.25, Winner.MODEL_A),
        (None, None),
    ]


def test_arena_hard_shows_the_baseline_first_and_then_second(read_example):
    """A verdict is stored as a position; a missing game has no verdict."""
    imported, records = read_example("arena-hard")

    assert _shown(game for game in records.games if game.question_id == "u1") == [
        ("o1", "o3", Verdict.B),
        ("o3", "o1", None),
    ]
    assert _shown(game for game in records.games if game.question_id == "q1") == [
        ("gpt-4-0314", "o3", Verdict.TIE),
        ("o3", "gpt-4-0314", Verdict.A),
    ]
    assert any("taken as gpt-4-0314" in line for line in imported.warnings)
    assert any("three times" in line for line in imported.cautions)


def test_both_versions_of_arena_hard_give_questions_and_answers(read_example):
    """A folder may hold files from before and after the change of the layout."""
    _, records = read_example("arena-hard")

    assert [question.turns for question in records.questions] == [("Sort it.",), ("Old.",)]
    assert [answer.turns[0].text for answer in records.answers] == ["Done.", "Older."]


def test_arena_ties_keep_what_they_were(read_example):
    """`both bad` counts as a tie, and the original label is kept."""
    _, records = read_example("arena-battles")

    assert [(vote.winner, vote.label) for vote in records.votes][3:5] == [
        (Winner.TIE, "tie (bothbad)"),
        (Winner.TIE, "both_bad"),
    ]


def test_equal_battles_without_an_id_are_two_battles(read_example):
    """Rows that only say who won may be equal without being the same battle."""
    imported, records = read_example("arena-battles")

    assert [vote.judge for vote in records.votes].count("gpt-4") == 2
    assert imported.warnings == []


def test_llmbar_winners_are_outputs_in_both_orders(read_example):
    """Winner 2 in the swapped order is the output shown first."""
    _, records = read_example("llmbar")

    assert _shown(records.games) == [
        ("output_1", "output_2", Verdict.A),
        ("output_2", "output_1", Verdict.A),
    ]
    assert [vote.winner for vote in records.votes] == [Winner.MODEL_A, Winner.MODEL_B]


def test_judgebench_decisions_are_places(read_example):
    """The second decision is what the judge wrote about the swapped order."""
    rows = [dict(row) for row in FOLDERS["judgebench"]["outputs/arena.jsonl"]]
    rows[0]["judgments"] = [
        {"judgment": {}, "decision": "B>A"},
        {"judgment": {}, "decision": "A>B"},
    ]

    _, records = read_example("judgebench", {"outputs/arena.jsonl": rows})

    assert _shown(records.games) == [
        ("response_A", "response_B", Verdict.B),
        ("response_B", "response_A", Verdict.A),
    ]
    assert [vote.winner for vote in records.votes] == [Winner.MODEL_B]


def test_ids_that_were_numbers_are_numbers_again_and_others_are_not(tmp_path):
    """FastChat's scripts compare ids without converting them."""
    rows = [
        {"question_id": number, "category": "math", "turns": ["Add."]}
        for number in (7, "8", "mt-9")
    ]
    imported = read_files("mt-bench", write_files(tmp_path, {"question.jsonl": rows}))

    assert list(imported.questions) == ["7", "8", "mt-9"]
    assert [imported.unmapped_fields["question", key].fields for key in ("7", "8", "mt-9")] == [
        {},
        {"question_id": "8"},
        {},
    ]


def test_the_ids_of_answers_decide_whose_a_review_is(tmp_path):
    """Published files carry names that differ from those of their answers."""
    files = dict(FOLDERS["vicuna-reviews"])
    files["review/review_bard_vicuna-13b.jsonl"] = files.pop("review/review_gpt35_vicuna-13b.jsonl")

    imported = read_files("vicuna-reviews", write_files(tmp_path, files))

    assert {vote.models for vote in imported.votes.values()} == {("gpt35", "vicuna-13b")}
    assert any("its reviews are of gpt35 and vicuna-13b" in line for line in imported.warnings)


def test_a_review_of_unknown_answers_is_refused_with_the_rename_that_helps(tmp_path):
    """Without ids only the user can say that llama is llama-13b."""
    files = dict(FOLDERS["vicuna-reviews"])
    rows = files.pop("review/review_gpt35_vicuna-13b.jsonl")
    files["review/review_gpt_vicuna-13b.jsonl"] = [row | {"answer1_id": "other"} for row in rows]
    folder = write_files(tmp_path, files)

    with pytest.raises(
        InputError, match=r"vicuna-13b\.jsonl:1: .*--rename gpt=MODEL, one of gpt35"
    ):
        read_files("vicuna-reviews", folder)
    renamed = find_format("vicuna-reviews").read_files([folder], {"gpt": "gpt35"})

    assert {vote.models for vote in renamed.votes.values()} == {("gpt35", "vicuna-13b")}


@pytest.mark.parametrize("ids", [(1, 2, 3), ("gpt-4-0328-default", "gpt-4-0328-generic", 3)])
def test_the_reviewers_of_several_categories_are_one_judge(tmp_path, ids):
    """Each category has its own prompt, and all are given to one model."""
    files = dict(FOLDERS["vicuna-reviews"])
    (name,) = (name for name in files if name.startswith("review/"))
    files[name] = [files[name][0] | {"reviewer_id": each} for each in ids]
    files["reviewer.jsonl"] = [
        {"reviewer_id": f"gpt-4-0328-{name}", "prompt_id": number, "category": category}
        for number, (name, category) in enumerate(
            (("default", "general"), ("coding", "coding"), ("math", "math")), start=1
        )
    ]

    imported = read_files("vicuna-reviews", write_files(tmp_path, files))

    assert {vote.judge for vote in imported.votes.values()} == {"gpt-4-0328"}
    assert list_rows(render_files("vicuna-reviews", imported)) == list_rows(imported.paths)


def test_reviewers_by_number_without_their_file_are_said(read_example):
    """A judge named 1 tells a reader nothing."""
    imported, _ = read_example("vicuna-reviews")

    assert any("import reviewer.jsonl with the reviews" in line for line in imported.warnings)


def test_scores_of_another_scale_are_refused(tmp_path):
    """85 of a hundred is no score of a ten-point scale."""
    files = dict(FOLDERS["vicuna-reviews"])
    (name,) = (name for name in files if name.startswith("review/"))
    files[name] = [files[name][0] | {"score": [85, 90]}]

    with pytest.raises(InputError, match=r"\.jsonl:1: score \[85"):
        read_files("vicuna-reviews", write_files(tmp_path, files))


def test_thoughts_in_answers_are_apart_and_said_once(tmp_path):
    """Judges of an imported run see what they would see of a model that is asked now."""
    answers = [
        {
            "question_id": 81,
            "model_id": "m",
            "choices": [{"turns": ["<think>Hm.</think>\n\nA", "B"]}],
        },
        {"question_id": 82, "model_id": "m", "choices": [{"turns": ["Use <think> so.", "B"]}]},
    ]
    questions = [
        {"question_id": number, "category": "a", "turns": ["x", "y"]} for number in (81, 82)
    ]
    files = {"question.jsonl": questions, "model_answer/m.jsonl": answers}

    imported = read_files("mt-bench", write_files(tmp_path, files))

    first, second = (answer.turns[0] for answer in imported.answers.values())
    assert (first.text, first.reasoning) == ("A", "Hm.")
    assert (second.text, second.reasoning) == ("Use <think> so.", None)
    (warning,) = [line for line in imported.warnings if "thought" in line]
    assert warning.startswith("1 answers of m ")


def test_missing_judgments_are_reported(tmp_path):
    """No mean shows that an annotation is missing, so a warning must."""
    name = "vicuna-13b/alpaca_eval_gpt4/annotations.json"
    files = {**FOLDERS["alpaca-eval"], name: FOLDERS["alpaca-eval"][name][1:]}

    imported = read_files("alpaca-eval", write_files(tmp_path, files))

    assert [line.partition(" (")[0] for line in imported.warnings] == [
        "text_davinci_003: no answer to 1 of 5 questions",
        "text_davinci_003 and vicuna-13b: no judgment of 1 of 5 questions",
    ]


def test_labels_of_one_person_that_contradict_each_other_are_refused(read_example):
    """A second vote in the other order must agree, or one of the two is wrong."""
    vote = {"question_id": "81", "model_a": "a", "model_b": "b", "winner": "model_a"}
    turned = {**vote, "model_a": "b", "model_b": "a"}

    read_example("labels", {"labels.jsonl": [vote, {**turned, "winner": "model_b"}]})
    other = {**turned, "judge": "human:bea"}
    _, records = read_example("labels", {"labels.jsonl": [vote, other]})
    with pytest.raises(
        InputError, match=r"labels\.jsonl:2: this vote of human on this pair stands"
    ):
        read_example("labels", {"labels.jsonl": [vote, turned]})

    assert [each.winner for each in records.votes] == [Winner.MODEL_A, Winner.MODEL_A]


def test_labels_by_a_name_that_is_not_a_persons_give_a_warning(read_example):
    """Such labels count as another judge's and correct nothing."""
    score = {"question_id": "81", "model": "a", "score": 7}

    warnings = [
        read_example("labels", {"labels.jsonl": [{**score, "judge": judge}]})[0].warnings
        for judge in ("ada", "human:ada", "human", "gold")
    ]

    assert "people's names begin with human: as in human:ada" in warnings[0][0]
    assert warnings[1:] == [[], [], []]
