"""Runs that are killed; `tests/support/kill_trials.py` does the same any number of times."""

from __future__ import annotations

import pytest
from kill_trials import trials


@pytest.mark.parametrize(
    ("chain", "cache"),
    [(("run", "audit", "report"), "cache=on"), (("answer", "judge", "report"), "cache=off")],
)
def test_a_killed_run_continues_and_ends_like_an_uninterrupted_one(tmp_path, chain, cache):
    """After SIGKILL at random moments no reply is lost, no call repeated, and the files are equal."""
    tally = trials(8, 7, tmp_path, chains=[chain], caches=[cache])

    assert sum(tally.kills.values()) == 8
    assert tally.moments["during calls"] > 0
