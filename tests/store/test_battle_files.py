"""Battles in files are counted like those of a table; errors name the file."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import csv, feather, parquet

import evalharness
from evalharness.errors import BattlesError, InputError
from evalharness.stats import build_comparisons_from_table, rate
from evalharness.store import count_battles


@pytest.fixture
def table():
    """Return 3,000 battles of six models on forty questions."""
    rng = np.random.default_rng(5)
    first = rng.integers(0, 6, 3000)
    second = (first + rng.integers(1, 6, 3000)) % 6
    names = np.array([f"model-{place}" for place in range(6)])
    return pd.DataFrame(
        {
            "model_a": names[first],
            "model_b": names[second],
            "winner": rng.choice(["model_a", "tie", "model_b"], 3000, p=[0.5, 0.2, 0.3]),
            "question_id": [f"q{number}" for number in rng.integers(0, 40, 3000)],
            "weight": rng.choice([0.5, 1.0, 2.0], 3000),
            "comment": "not ours",
        }
    )


def write(table, path):
    """Write a table in the format of the path's suffix."""
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    match path.suffix:
        case ".parquet":
            parquet.write_table(arrow, path, row_group_size=700)
        case ".csv":
            csv.write_csv(arrow, path)
        case _:
            feather.write_feather(arrow, path, chunksize=700)
    return path


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".feather", ".csv"])
@pytest.mark.parametrize("optional", [[], ["question_id"], ["question_id", "weight"]])
def test_a_file_gives_the_ratings_of_its_table(table, tmp_path, suffix, optional):
    """The format and the number of batches do not matter."""
    held = table[["model_a", "model_b", "winner", "comment", *optional]]
    path = write(held, tmp_path / f"battles{suffix}")

    pd.testing.assert_frame_equal(rate(count_battles(path)), rate(held))


def test_several_files_and_a_folder_count_as_one_table(table, tmp_path):
    """Questions and models keep their identity from file to file."""
    files = [
        write(table[start : start + 1000], tmp_path / f"part-{start}.parquet")
        for start in (0, 1000, 2000)
    ]

    whole = rate(table)
    pd.testing.assert_frame_equal(rate(count_battles(files)), whole)
    pd.testing.assert_frame_equal(rate(count_battles(str(tmp_path))), whole)
    assert whole.attrs["clusters"] == 40


def test_tables_are_counted_as_files_are(table):
    """One function accepts files, folders and tables."""
    expected = rate(table)
    pd.testing.assert_frame_equal(rate(count_battles(table)), expected)
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    pd.testing.assert_frame_equal(rate(arrow), expected)
    pd.testing.assert_frame_equal(evalharness.rate(evalharness.count_battles(arrow)), expected)


def test_battles_can_be_clusters_although_they_have_questions(table, tmp_path):
    """Where every battle has its own question, there is nothing to cluster."""
    path = write(table, tmp_path / "battles.parquet")

    alone = rate(count_battles(path, by_question=False))

    assert alone.attrs["clustered_by"] == "battle"
    pd.testing.assert_frame_equal(alone, rate(table.drop(columns="question_id")))


def test_a_table_has_the_same_models_and_questions_battle_by_battle(table):
    """Online Elo and win rates use single battles, ratings use counts; both read the same files."""
    one_by_one = build_comparisons_from_table(table)
    counts = count_battles(table)

    assert one_by_one.models == counts.models
    assert len(np.unique(one_by_one.cluster)) == counts.clusters
    np.testing.assert_array_equal(one_by_one.battles, counts.battles)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"winner": "model_c"}, "unknown winner 'model_c'"),
        ({"winner": None}, "have no winner, the first at row 2900"),
        ({"weight": -1.0}, "battle 2900 has weight -1.0"),
        ({"model_b": "model-0", "model_a": "model-0"}, "model-0 against itself"),
    ],
)
def test_errors_name_the_file_and_the_row(table, tmp_path, change, said):
    """The fault may be in the last of several batches."""
    for column, value in change.items():
        table.loc[2900:, column] = value
    path = write(table, tmp_path / "battles.parquet")

    with pytest.raises(BattlesError, match=said) as caught:
        count_battles(path)

    assert str(caught.value).startswith(str(path))


def test_a_missing_column_is_named_before_anything_is_read(table, tmp_path):
    """The message lists the columns of the file."""
    path = write(table.drop(columns="winner"), tmp_path / "battles.parquet")
    with pytest.raises(BattlesError, match="no column winner; found: model_a, model_b"):
        count_battles(path)


def test_missing_and_unknown_files_are_refused(tmp_path):
    """The message gives the path and the remedy."""
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and then nothing")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty").mkdir()

    with pytest.raises(InputError, match=r"torn\.parquet"):
        count_battles(tmp_path / "torn.parquet")
    with pytest.raises(InputError, match=r"notes\.txt.*\.parquet, \.arrow"):
        count_battles(tmp_path / "notes.txt")
    with pytest.raises(InputError, match=r"missing\.csv.*no such file"):
        count_battles(tmp_path / "missing.csv")
    with pytest.raises(InputError, match="no file of battles in this folder"):
        count_battles(tmp_path / "empty")


def test_ten_million_battles_are_counted_within_their_memory(tmp_path):
    """A child process counts a file that needs more as text, in less than 1.5 GB."""
    path = tmp_path / "many.parquet"
    rng = np.random.default_rng(0)
    names = pa.array([f"model-{place:03d}" for place in range(129)])
    labels = pa.array(["model_b", "tie", "model_a"])
    schema = pa.schema([(name, pa.string()) for name in ("model_a", "model_b", "winner")])
    with parquet.ParquetWriter(path, schema) as writer:
        for _ in range(10):
            first = rng.integers(0, 129, 1_000_000)
            second = (first + rng.integers(1, 129, 1_000_000)) % 129
            drawn = labels.take(pa.array(rng.integers(0, 3, 1_000_000)))
            columns = [names.take(pa.array(first)), names.take(pa.array(second)), drawn]
            writer.write_table(pa.table(columns, schema=schema))
    # the peak of this program alone: a child's ru_maxrss begins at its parent's
    code = f"""
import evalharness
table = evalharness.rate(evalharness.count_battles({str(path)!r}))
assert int(table.battles.sum()) == 20_000_000
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 1_500_000  # kilobytes


HEADER = "model_a,model_b,winner,question_id"


def write_csv(path, *rows, header=HEADER):
    """Write rows of a CSV file, as text."""
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_names_and_ids_of_a_csv_file_are_text(tmp_path):
    """Numbers that are written differently are different names, and NA is a name."""
    path = write_csv(
        tmp_path / "battles.csv",
        "1.1,1.10,model_a,01",
        "1.10,NA,model_a,1",
        "NA,1.1,model_a,001",
        "1.1,NA,tie,1.10",
        "1.10,1.1,tie,1.1",
    )

    counts = count_battles(path)

    assert counts.models == ("1.1", "1.10", "NA")
    assert counts.clusters == 5


def test_an_id_is_one_question_in_files_of_different_types(tmp_path):
    """Integers, floats, bytes and text of the same spelling are the same question."""
    rows = {"model_a": ["a", "b"], "model_b": ["b", "a"], "winner": ["model_a", "tie"]}
    ids = [[1, 2], ["1", "2"], [1.0, 2.0], [b"1", b"2"], [" 1", "2 "]]
    files = [tmp_path / f"part-{number}.parquet" for number in range(len(ids))]
    for file, values in zip(files, ids, strict=True):
        parquet.write_table(pa.table({**rows, "question_id": values}), file)
    text = write_csv(tmp_path / "part.csv", "a,b,tie,1", "a,b,tie,2")

    counts = count_battles([*files, text])

    assert (counts.clusters, counts.number.sum()) == (2, 12)
    mixed = pd.concat([pd.read_parquet(file) for file in files[:3]])
    assert count_battles(mixed).clusters == 2


def test_a_csv_file_whose_types_change_after_its_first_block_is_read(tmp_path):
    """Ids that begin as numbers, weights that begin as integers, and columns of no interest."""
    many = ["a,b,model_a,1,1,7", "b,a,model_a,2,1,8"] * 60_000
    path = write_csv(
        tmp_path / "battles.csv", *many, "a,b,tie,q7,0.5,x", header=f"{HEADER},weight,comment"
    )

    counts = count_battles(path)

    assert (counts.clusters, counts.weight.sum()) == (3, 120_000.5)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,,tie,1", "1 battles have no model_b, the first at row 1"),
        ("a,b,tie,", "1 battles have no question_id, the first at row 1"),
        ("a, ,tie,1", "1 battles have no model_b, the first at row 1"),
    ],
)
def test_an_empty_cell_of_a_csv_file_is_refused(tmp_path, row, said):
    """No name is a name; the row is named."""
    path = write_csv(tmp_path / "battles.csv", "a,b,tie,1", row)

    with pytest.raises(BattlesError, match=said):
        count_battles(path)


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    """Excel writes one."""
    path = tmp_path / "battles.csv"
    path.write_text(f"\ufeff{HEADER}\na,b,tie,1\n", encoding="utf-8")

    assert count_battles(path).models == ("a", "b")


def test_a_count_in_a_file_is_as_many_rows(table, tmp_path):
    """Aggregated battles give the ratings, intervals and numbers of the single ones."""
    plain = table.drop(columns=["weight", "comment"])
    counted = plain.value_counts().reset_index()
    assert len(counted) < len(plain)

    for suffix in (".csv", ".parquet"):
        path = write(counted, tmp_path / f"counted{suffix}")
        pd.testing.assert_frame_equal(rate(count_battles(path)), rate(plain))


def test_a_csv_file_in_another_encoding_is_refused(tmp_path):
    """Excel's Unicode text is UTF-16; the remedy is in the message."""
    path = tmp_path / "battles.csv"
    path.write_text(f"{HEADER}\na,b,tie,1\n", encoding="utf-16")

    with pytest.raises(InputError, match=r"UTF-16"):
        count_battles(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "this file is empty"),
        (
            "model_a,model_b,winner\na,b,model_a\n\xe9,b,tie\n".encode("latin-1"),
            "line 3 is not UTF-8",
        ),
        (b'model_a,model_b,winner,count\na,b,tie,"1,000"\n', "plain numbers .1000, not 1,000."),
    ],
)
def test_a_damaged_csv_is_refused_with_the_remedy(tmp_path, content, said):
    """The reader's own words name neither the line nor what to do."""
    path = tmp_path / "b.csv"
    path.write_bytes(content)

    with pytest.raises(InputError, match=rf"b\.csv.*{said}"):
        count_battles(path)


def test_no_file_at_all_is_refused():
    """An empty list is a slip in a pattern."""
    with pytest.raises(BattlesError, match="no file of battles is given"):
        count_battles([])
