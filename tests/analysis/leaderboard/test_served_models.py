"""What servers report to have run, and that a change within a run is a caution."""

from __future__ import annotations

from dataclasses import replace

from builders import a_run

from evalharness.analysis import collect_cautions, count_served_judges, count_served_models


def _serve(run, models, judges):
    """Return the run with what servers reported, in turn."""
    answers = tuple(
        replace(
            answer,
            turns=tuple(
                replace(turn, served=models[number % len(models)])
                for number, turn in enumerate(answer.turns)
            ),
        )
        for answer in run.answers
    )
    graded = tuple(
        replace(each, served=judges[place % len(judges)]) for place, each in enumerate(run.graded)
    )
    return replace(run, answers=answers, graded=graded)


def _sentences(run):
    return {
        (each.source, each.sentence)
        for each in collect_cautions(run)
        if "within this run" in each.sentence
    }


def test_one_version_is_no_caution():
    """It is in the manifest all the same."""
    run = _serve(a_run(), ["qwen3-8b fp_1"], ["gpt-6.1-sol"])

    assert not _sentences(run)
    assert {tuple(each) for each in count_served_models(run).values()} == {("qwen3-8b fp_1",)}
    assert {tuple(each) for each in count_served_judges(run).values()} == {("gpt-6.1-sol",)}


def test_a_change_is_a_caution_for_models_and_judges_alike():
    """Providers reroute old names in silence; such answers are not one model's."""
    run = _serve(a_run(), ["gemini-a"], ["gpt-6.1-sol-a", "gpt-6.1-sol-b"])
    [(source, sentence)] = _sentences(run)

    assert source == "judge"
    assert "gpt-6.1-sol-a (" in sentence
    assert "2 models or versions" in sentence

    run = _serve(a_run(), ["gemini-a", "gemini-b"], ["gpt-6.1-sol"])
    found = _sentences(run)
    assert found
    assert {source for source, _ in found} == {"answers"}


def test_a_server_that_reports_nothing_is_no_caution():
    """Imported answers have no server."""
    run = _serve(a_run(), [None], [None])

    assert not count_served_models(run)
    assert not _sentences(run)
