"""A killed import or export leaves nothing in the way: the same command does it again, whole."""

from __future__ import annotations

import pytest
from file_kills import count_file_changes, kill_before_change, spread
from foreign_files import MT_BENCH, write_files

from evalharness.exchange import export_run_files, import_run_files

KILLS = 4


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return the folder of a run of imported answers."""
    folder = tmp_path_factory.mktemp("results") / "mt"
    import_run_files("mt-bench", [write_files(folder.parent / "f", MT_BENCH)], folder, "command")
    return folder


@pytest.fixture(scope="module")
def archive(run):
    """Return the bundle of the run."""
    return export_run_files("bundle", run, run.parent / "bundles")[0]


def _list_files(folder):
    """Return the files and folders in a folder, without the lock."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.name != ".lock"
    )


def _check_kills(work, top, find_result):
    """Kill work at several changes, repeat it, and compare the outcome with that of no kill."""
    expected = None
    for index, number in enumerate([None, *spread(count_file_changes(*work(top / "n")), KILLS)]):
        folder = top / str(index)
        if number is not None:
            kill_before_change(*work(folder), number)
        work(folder)[0]()
        result = find_result(folder)
        expected = expected or result
        assert result == expected, number


@pytest.mark.parametrize("name", ["bundle", "mt-bench"])
def test_a_killed_export_is_done_again(run, tmp_path, name):
    """No half file stands under the name of a whole one, and what was left is swept."""
    _check_kills(
        lambda folder: (lambda: export_run_files(name, run, folder), folder),
        tmp_path,
        lambda folder: {path.name: path.read_bytes() for path in folder.rglob("*.*")},
    )


def test_a_killed_import_of_a_bundle_is_done_again(archive, tmp_path):
    """The run appears whole, once its tables and page are there."""
    _check_kills(
        lambda folder: (lambda: import_run_files("bundle", [archive], folder / "r", "c"), folder),
        tmp_path,
        _list_files,
    )


def test_a_killed_import_of_other_tools_files_is_done_again(tmp_path):
    """The folder of a run that has nothing yet is no other run."""
    files = write_files(tmp_path / "foreign", MT_BENCH)
    _check_kills(
        lambda folder: (lambda: import_run_files("mt-bench", [files], folder / "r", "c"), folder),
        tmp_path,
        lambda folder: (
            _list_files(folder),
            (folder / "r/answers.jsonl").read_text().count("\n"),
            (folder / "r/judgments.jsonl").read_text().count("\n"),
        ),
    )
