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
