"""A run's folder has one writer, loses nothing, and is equal for equal runs."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import replace

import pytest

from evalharness.domain import (
    Answer,
    AnswerTurn,
    Failure,
    GradedJudgment,
    PairwiseJudgment,
    Question,
    RunStage,
    Verdict,
)
from evalharness.errors import ConfigError, InputError, RunLockedError
from evalharness.store import RunFolder, encode_record, read_run

QUESTIONS = tuple(
    Question(question_id=f"q{number}", category="c", turns=("one", "two")) for number in range(3)
)


def _answer(number: int, turns: int = 2) -> Answer:
    return Answer(
        question_id=f"q{number}",
        model="m",
        turns=tuple(AnswerTurn(text=f"text {turn}") for turn in range(turns)),
        digest=f"answer-{number}",
    )


def _grade(number: int) -> GradedJudgment:
    return GradedJudgment(
        question_id=f"q{number}",
        turn=1,
        judge="j",
        prompt="graded",
        model="m",
        score=7.5,
        reply="[[7.5]]",
        digest=f"grade-{number}",
    )


def _game(number: int) -> PairwiseJudgment:
    return PairwiseJudgment(
        question_id=f"q{number}",
        turn=2,
        judge="j",
        prompt="pairwise",
        model_a="m",
        model_b="n",
        verdict=Verdict.TIE,
        reply="[[C]]",
        probabilities={"A": 0.1, "C": 0.9},
        digest=f"game-{number}",
    )


def _failure(key: str) -> Failure:
    return Failure(
        stage=RunStage.JUDGE,
        key=key,
        model="j",
        question_id="q0",
        turn=1,
        reason="timeout",
        detail="no reply in 3 s",
        attempts=3,
    )


RECORDS = [*map(_answer, range(3)), *map(_grade, range(3)), *map(_game, range(3))]


def _write(path, records) -> None:
    with RunFolder.open(path) as folder:
        folder.write_config({"seed": 1}, QUESTIONS)
        for record in records:
            if isinstance(record, Answer):
                folder.add_answer(record)
            else:
                folder.add_judgment(record)


def test_what_was_written_is_read_back(tmp_path):
    """Every kind of record is read back."""
    _write(tmp_path / "run", RECORDS)

    run = read_run(tmp_path / "run")

    assert [*run.answers, *run.graded, *run.games] == RECORDS
    assert (run.name, run.questions, run.config.tree) == ("run", QUESTIONS, {"seed": 1})


def test_the_order_of_records_does_not_change_the_files(tmp_path):
    """Equal runs leave equal files, independent of the order of the records."""
    shuffled = random.Random(3).sample(RECORDS, len(RECORDS))
    _write(tmp_path / "one", RECORDS)
    _write(tmp_path / "two", shuffled)

    for name in ("answers.jsonl", "judgments.jsonl", "failures.jsonl"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_longer_answer_replaces_its_beginning(tmp_path):
    """A turn is stored before the next request, and the final file has one line per answer."""
    _write(tmp_path / "run", [_answer(0, turns=1)])
    _write(tmp_path / "run", [_answer(0, turns=2)])

    (answer,) = read_run(tmp_path / "run").answers
    assert len(answer.turns) == 2
    assert (tmp_path / "run/answers.jsonl").read_bytes().count(b"\n") == 1


def test_a_success_removes_the_failure_before_it(tmp_path):
    """A request that succeeded after a failure is not listed as failed."""
    with RunFolder.open(tmp_path / "run") as folder:
        folder.write_config({}, QUESTIONS)
        folder.add_failure(_failure("grade-0"))
        folder.add_failure(_failure("grade-1"))
    with RunFolder.open(tmp_path / "run") as folder:
        folder.add_judgment(_grade(0))

    assert [row.key for row in read_run(tmp_path / "run").failures] == ["grade-1"]


def test_a_success_that_a_kill_left_beside_its_failure_counts(tmp_path):
    """A failed judgment or turn that succeeded just before a kill is not listed as failed."""
    _write(tmp_path / "run", [_answer(0), _grade(0)])
    late = replace(_failure("answer-0"), stage=RunStage.ANSWER, turn=2)
    still = replace(_failure("answer-0x"), stage=RunStage.ANSWER, turn=2)
    rows = [_failure("grade-0"), late, still]
    (tmp_path / "run/failures.jsonl").write_bytes(b"".join(map(encode_record, rows)))

    assert [row.key for row in read_run(tmp_path / "run").failures] == ["answer-0x"]
    with RunFolder.open(tmp_path / "run") as folder:
        assert list(folder.failures) == ["answer-0x"]
    assert (tmp_path / "run/failures.jsonl").read_bytes() == encode_record(still)


def test_a_second_process_is_refused(tmp_path):
    """Two writers would damage each other's files."""
    code = (
        "import sys; from pathlib import Path; from evalharness.store.run_folder import RunFolder\n"
        "RunFolder.open(Path(sys.argv[1]))"
    )
    with RunFolder.open(tmp_path / "run"):
        second = subprocess.run(
            [sys.executable, "-c", code, tmp_path / "run"],
            capture_output=True,
            text=True,
            check=False,
        )
        with pytest.raises(RunLockedError, match="another process"):
            RunFolder.open(tmp_path / "run")

    assert second.returncode == 1
    assert "RunLockedError" in second.stderr


def test_a_folder_without_a_run_is_refused(tmp_path):
    """A mistyped name is not an empty run."""
    with pytest.raises(ConfigError, match="no run here"):
        read_run(tmp_path / "nothing")


def test_a_judgment_of_unknown_kind_is_refused_with_its_line(tmp_path):
    """Files that were edited by hand are checked like others."""
    _write(tmp_path / "run", [_grade(0)])
    path = tmp_path / "run/judgments.jsonl"
    path.write_bytes(path.read_bytes() + b'{"kind": "guessed"}\n')

    with pytest.raises(InputError, match=r"judgments\.jsonl:2: kind must be graded or pairwise"):
        read_run(tmp_path / "run")


def test_a_configuration_with_a_wrong_value_is_refused_with_its_file(tmp_path):
    """The message names the file and the setting."""
    (tmp_path / "config.yaml").write_text("judging: {panel: loudest}\n")

    with pytest.raises(InputError, match=r"config\.yaml: judging: .*loudest.*panel"):
        read_run(tmp_path)


def test_of_two_judgments_of_one_task_the_later_counts_even_after_rewriting(tmp_path):
    """Another release, or other settings, made the same game under another digest."""
    older, later = replace(_game(0), digest="z"), replace(_game(0), digest="a", verdict=Verdict.A)
    other = replace(_game(0), prompt="other", digest="b")
    with RunFolder.open(tmp_path) as folder:
        folder.write_config({}, QUESTIONS)
        for game in (older, other, later):
            folder.add_judgment(game)

    for _ in range(2):
        records = read_run(tmp_path)
        assert sorted(game.digest for game in records.games) == ["a", "b"]
        assert records.superseded == 1
        with RunFolder.open(tmp_path) as folder:
            assert len(folder.judgments) == 3


def test_games_in_other_orders_turns_and_samples_are_other_tasks(tmp_path):
    """Only an equal judge, prompt, question, turn, sample and order make one task."""
    game = replace(_game(0), digest="0")
    changes = (
        {"model_a": "n", "model_b": "m"},
        {"turn": 1},
        {"sample": 1},
        {"judge": "k"},
        {"prompt": "other"},
        {"question_id": "q1"},
    )
    games = [game, *(replace(game, digest=str(at), **each) for at, each in enumerate(changes, 1))]
    with RunFolder.open(tmp_path) as folder:
        folder.write_config({}, QUESTIONS)
        for each in games:
            folder.add_judgment(each)

    assert len(read_run(tmp_path).games) == 7
    assert read_run(tmp_path).superseded == 0


@pytest.mark.parametrize("kind", ["[]", "{}", "null", "3"])
def test_a_kind_that_is_no_text_is_refused_with_its_line(kind, tmp_path):
    """A list cannot even be looked up."""
    _write(tmp_path, [])
    (tmp_path / "judgments.jsonl").write_text(f'{{"kind": {kind}}}\n')

    with pytest.raises(InputError, match=r"judgments\.jsonl:1: kind must be graded or pairwise"):
        read_run(tmp_path)
