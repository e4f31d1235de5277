"""Test every format: import and export lose nothing, and damaged files are refused."""

from __future__ import annotations

import json

import pytest
from foreign_files import FOLDERS, list_rows, read_files, render_files, write_files

from evalharness.errors import ConfigError, InputError
from evalharness.formats import find_format, list_formats

BASELINE_OUTPUTS = 5


def test_the_formats_are_those_that_are_documented():
    """A format is a module of the folder, and users type its name."""
    assert set(list_formats()) == set(FOLDERS)
    assert [find_format(name).name for name in list_formats()] == list(list_formats())


def test_an_unknown_format_is_refused_with_a_close_one():
    """A typing error is corrected in a second, without a search."""
    with pytest.raises(ConfigError, match="did you mean mt-bench"):
        find_format("mtbench")


@pytest.mark.parametrize("name", FOLDERS)
def test_what_is_imported_is_exported_again_row_by_row(name, tmp_path):
    """Fields that our records do not have are stored in the run and restored."""
    folder = write_files(tmp_path, FOLDERS[name])
    before = list_rows([path for path in folder.rglob("*.*") if path.is_file()])

    imported = read_files(name, folder)
    after = list_rows(render_files(name, imported))

    extra = BASELINE_OUTPUTS if name == "alpaca-eval" else 0  # the baseline's, as a file of its own
    assert [row for row in before if row not in after] == []
    assert len(after) == len(before) + extra


@pytest.mark.parametrize("name", FOLDERS)
def test_windows_line_ends_change_nothing(name, tmp_path):
    """Files may have been edited on Windows."""
    plain = read_files(name, write_files(tmp_path / "plain", FOLDERS[name]))
    folder = write_files(tmp_path / "windows", FOLDERS[name])
    for path in (path for path in folder.rglob("*.*") if path.is_file()):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    found = read_files(name, folder)

    assert list_rows(render_files(name, found)) == list_rows(render_files(name, plain))


@pytest.mark.parametrize("name", FOLDERS)
def test_a_byte_order_mark_changes_nothing(name, tmp_path):
    """Spreadsheets and editors of Windows begin a file with one."""
    plain = read_files(name, write_files(tmp_path / "plain", FOLDERS[name]))
    folder = write_files(tmp_path / "marked", FOLDERS[name])
    for path in (path for path in folder.rglob("*.*") if path.is_file()):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())

    found = read_files(name, folder)

    assert list_rows(render_files(name, found)) == list_rows(render_files(name, plain))


@pytest.mark.parametrize("name", FOLDERS)
def test_a_cut_file_is_refused_at_its_last_line(name, tmp_path):
    """An interrupted download must not count as a small file."""
    folder = write_files(tmp_path, FOLDERS[name])
    path = min(path for path in folder.rglob("*.*") if path.is_file())
    path.write_bytes(path.read_bytes().rstrip()[:-3].rstrip())
    lines = path.read_bytes().count(b"\n") + 1

    with pytest.raises(InputError) as refusal:
        read_files(name, folder)

    assert str(refusal.value).startswith(f"{path}:{lines}: ")


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\xff\xfe{\x00}\x00", "this file is UTF-16; save it as UTF-8"),
        (b"{\x00}\x00", "looks like UTF-16LE without a mark"),
        (b"\x1f\x8b\x08\x00", "this file is gzip, whatever its name says; unpack it first"),
        (b'{"model_a": "\xff\xfe"}\n', ""),
        (b"[" * 100_000, ""),
        (b"[1, 2]", ""),
        (b"null", ""),
        (b"\x00\x01", ""),
        (b'{"question_id": 1e999}', ""),
        (b'{"x": ' + b"9" * 5000 + b"}", ""),
    ],
    ids=(
        "empty",
        "blank",
        "utf-16",
        "utf-16-bare",
        "gzip",
        "latin",
        "deep",
        "list",
        "null",
        "binary",
        "huge",
        "long",
    ),
)
def test_a_file_that_is_not_of_the_format_is_refused(name, content, said, tmp_path):
    """The message is one line with the file and the place of the error, not a traceback."""
    suffix = {"evalica": ".csv", "alpaca-eval": ".json", "llmbar": ".json"}.get(name, ".jsonl")
    path = tmp_path / f"file{suffix}"
    path.write_bytes(content)

    with pytest.raises(InputError) as refusal:
        read_files(name, path)

    assert str(refusal.value).startswith(f"{path}:")
    assert said in str(refusal.value)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_path_that_is_not_there_is_refused(name, tmp_path):
    """A folder without a file of the format is refused as well."""
    with pytest.raises(ConfigError, match="no such file or folder"):
        read_files(name, tmp_path / "nothing")
    with pytest.raises(ConfigError, match="no file in this folder"):
        read_files(name, tmp_path)


@pytest.mark.parametrize(
    ("name", "file", "field", "label"),
    [
        ("mt-bench", "human.jsonl", "winner", "modela"),
        ("mt-bench", "model_judgment/gpt-4_pair.jsonl", "g1_winner", "A"),
        ("alpaca-eval", "vicuna-13b/alpaca_eval_gpt4/annotations.json", "preference", 3),
        ("arena-battles", "battles.json", "winner", "bothbad"),
        ("llmbar", "Natural/dataset.json", "label", 0),
        ("judgebench", "pairs.jsonl", "label", "A=B"),
        ("labels", "labels.jsonl", "winner", "A"),
    ],
)
def test_an_unknown_label_is_an_error_and_not_a_tie(name, file, field, label, tmp_path):
    """The meaning of a label is never guessed."""
    rows = json.loads(json.dumps(FOLDERS[name][file]))
    rows[0][field] = label
    folder = write_files(tmp_path, {file: rows})

    with pytest.raises(InputError, match=r":[12]: unknown"):
        read_files(name, folder)


def test_an_unknown_winner_in_a_table_is_an_error(tmp_path):
    """The tool evalica drops such rows; we refuse them with their line."""
    (tmp_path / "x.csv").write_text("left,right,winner\na,b,left\na,b,both\n")

    with pytest.raises(InputError, match=r"x\.csv:3: unknown winner 'both'"):
        read_files("evalica", tmp_path)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mt-bench", "model_answer/vicuna-13b.jsonl"),
        ("mt-bench", "human.jsonl"),
        ("vicuna-reviews", "review/review_gpt35_vicuna-13b.jsonl"),
        ("alpaca-eval", "vicuna-13b/alpaca_eval_gpt4/annotations.json"),
        ("arena-hard", "model_judgment/gpt-4.1/o3.jsonl"),
        ("arena-battles", "battles.json"),
        ("llmbar", "Natural/dataset.json"),
        ("labels", "labels.jsonl"),
    ],
)
def test_a_repeated_row_counts_once_and_is_reported(name, file, tmp_path):
    """Repeated evidence is not more evidence."""
    rows = list(FOLDERS[name][file])
    whole = read_files(name, write_files(tmp_path / "whole", FOLDERS[name]))

    found = read_files(
        name, write_files(tmp_path / "double", {**FOLDERS[name], file: [*rows, rows[0]]})
    )

    assert list_rows(render_files(name, found)) == list_rows(render_files(name, whole))
    assert any("1 rows" in line and "stand twice" in line for line in found.warnings)


@pytest.mark.parametrize(
    ("name", "file", "field"),
    [
        ("mt-bench", "question.jsonl", "category"),
        ("mt-bench", "model_answer/vicuna-13b.jsonl", "answer_id"),
        ("vicuna-reviews", "question.jsonl", "text"),
        ("vicuna-reviews", "review/review_gpt35_vicuna-13b.jsonl", "text"),
        ("arena-hard", "question.jsonl", "category"),
        ("judgebench", "pairs.jsonl", "original_id"),
    ],
)
def test_one_id_for_two_rows_is_refused(name, file, field, tmp_path):
    """Only the user can know which of the two rows is right."""
    rows = list(FOLDERS[name][file])
    folder = write_files(tmp_path, {**FOLDERS[name], file: [*rows, rows[0] | {field: "another"}]})

    with pytest.raises(InputError, match=rf":{len(rows) + 1}: this .* stands twice, and not alike"):
        read_files(name, folder)


def test_rows_of_two_kinds_in_one_file_are_refused(tmp_path):
    """A file of answers that contains a question was assembled wrongly."""
    mixed = [*FOLDERS["mt-bench"]["model_answer/vicuna-13b.jsonl"]]
    mixed.append(FOLDERS["mt-bench"]["question.jsonl"][0])
    folder = write_files(tmp_path, {"vicuna-13b.jsonl": mixed})

    with pytest.raises(InputError, match=r"vicuna-13b\.jsonl:3: not of the kind `answer`"):
        read_files("mt-bench", folder)
