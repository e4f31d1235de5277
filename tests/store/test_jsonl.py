"""Records as lines of JSON."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from evalharness.domain import Answer, AnswerTurn
from evalharness.errors import InputError
from evalharness.store import (
    RecordAppender,
    encode_record,
    read_numbered_records,
    read_records,
    replace_file,
)
from evalharness.store.jsonl import remove_stale_temporary_files


def _answer(number: int, text: str = "ü\n\u2028") -> Answer:
    return Answer(
        question_id=f"q{number}", model="m", turns=(AnswerTurn(text=text),), digest=f"d{number}"
    )


def test_what_is_appended_is_read_back(tmp_path):
    """A record is read back with every character."""
    path = tmp_path / "answers.jsonl"
    appender = RecordAppender(path)
    for number in range(3):
        appender.append(_answer(number))
    appender.close()

    assert read_records(path, Answer) == [_answer(number) for number in range(3)]


@pytest.mark.parametrize("kept", range(1, 60, 7))
def test_a_torn_last_line_is_dropped_and_overwritten(tmp_path, kept):
    """An incomplete last line of a killed process breaks neither reading nor appending."""
    path = tmp_path / "answers.jsonl"
    path.write_bytes(encode_record(_answer(0)) + encode_record(_answer(1))[:kept])

    assert read_records(path, Answer) == [_answer(0)]

    appender = RecordAppender(path)
    appender.append(_answer(2))
    appender.close()
    assert read_records(path, Answer) == [_answer(0), _answer(2)]


def test_a_whole_record_without_its_line_end_is_kept(tmp_path):
    """After a kill between a record and its newline, the complete record is kept."""
    path = tmp_path / "answers.jsonl"
    path.write_bytes((encode_record(_answer(0)) + encode_record(_answer(1)))[:-1])

    appender = RecordAppender(path)
    appender.append(_answer(2))
    appender.close()

    assert read_records(path, Answer) == [_answer(number) for number in range(3)]


def test_a_record_that_could_not_be_written_whole_leaves_nothing(tmp_path):
    """On a full disk, an incomplete line must not remain in the middle of the file."""
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from evalharness.store.jsonl import RecordAppender, replace_file\n"
        "appender = RecordAppender(Path(sys.argv[1]))\n"
        "appender.append('a' * 80)\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (128, 128))\n"
        "for write in (lambda: appender.append('b' * 80),\n"
        "              lambda: replace_file(Path(sys.argv[1]), b'c' * 200)):\n"
        "    try: write()\n"
        "    except OSError as error: print(error.strerror)\n"
        "appender.append('d')\n"
    )
    path = tmp_path / "answers.jsonl"

    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines() == ["File too large"] * 2
    assert read_records(path, str) == ["a" * 80, "d"]
    assert [file.name for file in tmp_path.iterdir()] == ["answers.jsonl"]


def test_temporary_files_of_killed_processes_are_removed_and_those_of_living_ones_kept(tmp_path):
    """A kill during the replacement of a file leaves a useless temporary copy next to it."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for process in (gone.pid, os.getpid()):
        (tmp_path / f".report.html.{process}").write_bytes(b"half")
    (tmp_path / ".lock").touch()

    remove_stale_temporary_files(tmp_path)

    names = {path.name for path in tmp_path.iterdir()}
    assert names == {".lock", f".report.html.{os.getpid()}"}


def test_a_damaged_line_in_the_middle_is_refused_with_its_number(tmp_path):
    """A kill can tear only the last line; other damage must be reported."""
    path = tmp_path / "answers.jsonl"
    path.write_bytes(encode_record(_answer(0)) + b'{"question_id": \n' + encode_record(_answer(1)))

    with pytest.raises(InputError, match=r"answers\.jsonl:2: "):
        read_records(path, Answer)


def test_an_input_file_with_an_incomplete_line_is_refused(tmp_path):
    """A question lost at the end of a copied file would go unnoticed."""
    path = tmp_path / "questions.jsonl"
    path.write_bytes(encode_record(_answer(0)) + b'{"question_id": "q1", "mo')

    with pytest.raises(InputError, match=r"questions\.jsonl:2: "):
        list(read_numbered_records(path, Answer))


def test_an_absent_file_has_no_records(tmp_path):
    """A run without failures has no file of failures."""
    assert read_records(tmp_path / "none.jsonl", Answer) == []


def test_a_replaced_file_leaves_no_other_file(tmp_path):
    """The temporary file becomes the file."""
    path = tmp_path / "page.html"
    replace_file(path, b"old")
    replace_file(path, b"new")

    assert path.read_bytes() == b"new"
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]
