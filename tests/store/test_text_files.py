"""Test which files are text, and what is said of the others."""

from __future__ import annotations

import bz2
import gzip
import lzma

import pytest

from evalharness.errors import InputError
from evalharness.store import check_text_file, read_passages, read_questions

QUESTION = '{"question_id": 1, "category": "a", "turns": ["Où?"]}\n'


@pytest.mark.parametrize(
    ("content", "start"),
    [(b"", 0), (b"a", 0), (QUESTION.encode(), 0), (b"\xef\xbb\xbfa", 3), (b"\xef\xbb\xbf", 3)],
)
def test_text_begins_after_a_byte_order_mark(content, start, tmp_path):
    """Editors add the mark without showing it."""
    path = tmp_path / "file.jsonl"
    path.write_bytes(content)

    assert check_text_file(path) == start


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (QUESTION.encode("utf-16"), "is UTF-16; save it as UTF-8 (iconv -f UTF-16 -t UTF-8)"),
        (QUESTION.encode("utf-32"), "is UTF-32; save it as UTF-8 (iconv -f UTF-32 -t UTF-8)"),
        (QUESTION.encode("utf-16-le"), "looks like UTF-16LE without a mark"),
        (QUESTION.encode("utf-16-be"), "looks like UTF-16BE without a mark"),
        (QUESTION.encode("utf-32-le"), "looks like UTF-32LE without a mark"),
        (QUESTION.encode("utf-32-be"), "looks like UTF-32BE without a mark"),
        (2 * b"\xef\xbb\xbf" + QUESTION.encode(), "begins with two byte order marks"),
        (
            gzip.compress(b"x", mtime=0),
            "is gzip, whatever its name says; unpack it first (gzip -d)",
        ),
        (bz2.compress(b"x"), "is bzip2"),
        (lzma.compress(b"x"), "is xz"),
        (b"PK\x03\x04rest", "is a ZIP archive"),
        (b"\x28\xb5\x2f\xfdrest", "is Zstandard"),
    ],
)
def test_a_file_that_is_no_utf_8_text_is_refused_with_the_remedy(content, said, tmp_path):
    """An "invalid character" at byte 0 tells nobody what to do."""
    path = tmp_path / "file.jsonl"
    path.write_bytes(content)

    for read in (check_text_file, read_questions, lambda each: list(read_passages(each))):
        with pytest.raises(InputError) as refusal:
            read(path)
        assert str(refusal.value).startswith(f"{path}:1: this ")
        assert said in str(refusal.value)


def test_questions_after_a_byte_order_mark_are_read(tmp_path):
    """The mark is no part of the first line."""
    path = tmp_path / "questions.jsonl"
    path.write_text(QUESTION, encoding="utf-8-sig")

    assert [question.turns for question in read_questions(path)] == [("Où?",)]
