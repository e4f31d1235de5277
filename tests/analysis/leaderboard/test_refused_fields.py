"""What a server refused of the sampling, and what it did to the results, is a caution."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import a_run

from evalharness.analysis import collect_cautions


def _cut(run, name):
    """Return the run with the first turn of each answer of a model cut, and each judgment."""
    answers = tuple(
        replace(
            each,
            turns=(replace(each.turns[0], finish_reason="length"), *each.turns[1:]),
        )
        if each.model == name
        else each
        for each in run.answers
    )
    graded = tuple(replace(each, finish_reason="length") for each in run.graded)
    return replace(run, answers=answers, graded=graded)


def _learn(run, role, name, **rules):
    return replace(run, manifest={**run.manifest, "request_rules": {role: {name: rules}}})


def _sentences(run):
    return [(each.source, each.sentence) for each in collect_cautions(run)]


@pytest.mark.parametrize(("role", "source"), [("models", "answers"), ("judges", "judge")])
def test_replies_that_a_learned_limit_cut_are_counted(role, source):
    """A candidate with short answers would lose games, and nobody would know why."""
    run = a_run()
    name = run.answers[0].model if role == "models" else run.graded[0].judge
    cut = _cut(run, name)
    count = (
        sum(each.model == name for each in run.answers)
        if role == "models"
        else sum(each.judge == name for each in run.graded)
    )
    said = (
        f"{name} was asked for at most 500 tokens, the most that its server allows, which is less "
        f"than configured: {count} of its replies were cut"
    )

    assert (source, said) in _sentences(_learn(cut, role, name, max_tokens=500))
    assert not any("at most 500" in each for _, each in _sentences(cut))
    assert not any(
        "at most 500" in each for _, each in _sentences(_learn(run, role, name, max_tokens=500))
    )
