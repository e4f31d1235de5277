"""Test what a reader must know before trusting a leaderboard."""

from __future__ import annotations

import pytest
from builders import a_vote, answer

from evalharness.analysis import collect_cautions
from evalharness.domain import RunConfig, RunRecords


@pytest.mark.parametrize(
    ("records", "sentence"),
    [
        (
            RunRecords(name="r", answers=(answer("gpt-4"), answer("GPT-4"))),
            "GPT-4 and gpt-4 differ only in case and count as 2 models.",
        ),
        (
            RunRecords(name="r", votes=(a_vote("a", "b"), a_vote("A", "b", digest="2"))),
            "A and a differ only in case and count as 2 models.",
        ),
        (
            RunRecords(
                name="r", votes=(a_vote(judge="human:Ada"), a_vote(judge="human:ada", digest="2"))
            ),
            "human:Ada and human:ada differ only in case and count as 2 judges.",
        ),
        (
            RunRecords(
                name="r",
                answers=(answer("M"),),
                config=RunConfig.from_tree({"models": {"m": {"name": "m"}}}),
            ),
            "M and m differ only in case and count as 2 models.",
        ),
    ],
)
def test_names_that_differ_only_in_case_are_a_caution(records, sentence):
    """One model under two names has half of its battles in each row."""
    assert sentence in [each.sentence for each in collect_cautions(records)]


def test_judgments_that_later_ones_replace_are_said_once():
    """They stay in the file, but count nowhere."""
    sentences = [each.sentence for each in collect_cautions(RunRecords(name="r", superseded=16))]

    assert len(sentences) == 1
    assert sentences[0].startswith("16 judgments do not count: the run holds a later judgment")
    assert collect_cautions(RunRecords(name="r")) == ()


def test_other_names_are_no_caution():
    """Models of one family have similar names."""
    records = RunRecords(name="r", answers=(answer("gpt-4"), answer("gpt-4o")))

    assert collect_cautions(records) == ()
