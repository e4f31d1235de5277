"""The answers of other processes are merged into a run once, by their digests."""

from __future__ import annotations

from dataclasses import replace

from builders import answer, failure

from evalharness.store import SHARD_RUN_NAME, RunFolder, locate_shard, merge_shards, read_run


def _shard(path, model, *rows):
    with RunFolder.open(locate_shard(path, model) / SHARD_RUN_NAME) as folder:
        folder.write_config({}, ())
        for row in rows:
            folder.add_answer(row)
    return folder


def test_answers_of_all_shards_are_gathered_and_longer_ones_win(tmp_path):
    """An interrupted job stored the first turn; the run may already have the second."""
    short, long = answer("a", texts=("one",)), answer("a", texts=("one", "two"))
    other = answer("b")
    _shard(tmp_path, "a", short)
    _shard(tmp_path, "b", other)
    with RunFolder.open(tmp_path) as folder:
        folder.write_config({}, ())
        folder.add_answer(long)
        merge_shards(folder)
        merge_shards(folder)

    assert set(read_run(tmp_path).answers) == {long, other}


def test_failures_come_along_and_go_when_the_answer_is_there(tmp_path):
    """A run lists the failures of its jobs until the requests succeed."""
    there = answer("a")
    missing = failure(question_id="other")
    with RunFolder.open(locate_shard(tmp_path, "a") / SHARD_RUN_NAME) as shard:
        shard.write_config({}, ())
        shard.add_answer(there)
        shard.add_failure(missing)
    with RunFolder.open(tmp_path) as folder:
        folder.write_config({}, ())
        folder.add_failure(replace(failure("a"), key=there.digest))
        merge_shards(folder)

    assert [row.key for row in read_run(tmp_path).failures] == [missing.key]


def test_a_run_without_shards_is_left_as_it_is(tmp_path):
    """Most runs have no shards."""
    with RunFolder.open(tmp_path) as folder:
        folder.write_config({}, ())
        merge_shards(folder)

    assert read_run(tmp_path).answers == ()
