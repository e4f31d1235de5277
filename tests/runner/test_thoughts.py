"""A reasoning model is judged the same behind a server that separates its thoughts and one that does not."""

from __future__ import annotations

import pytest
from server import serving
from server_replies import THOUGHT

from evalharness.analysis import build_leaderboard, find_flags
from evalharness.config import load_settings
from evalharness.domain import RunStage
from evalharness.judge import settle_battles
from evalharness.runner import complete_run
from evalharness.store import read_run

STAGES = (RunStage.ANSWER, RunStage.JUDGE)


def run(behavior, name, *more):
    """Return the records of a run whose models and judge all think."""
    with serving("--always", behavior) as address:
        places = ("models.vicuna-13b", "models.alpaca-7b", "judge.model")
        served = ("backend=openai_compatible", f"base_url={address}/v1", "template=null")
        settings = load_settings(
            [
                "models=[vicuna-13b,alpaca-7b]",
                *(f"{place}.{setting}" for place in places for setting in served),
                "questions=quick",
                "questions.limit=2",
                f"run={name}",
                *more,
            ]
        )
        complete_run(settings, STAGES, "none")
    return read_run(settings.folder)


def describe(records):
    """Return what must not depend on the server."""
    board = build_leaderboard(records, settle_battles(records.games))
    turns = [
        (turn.text, turn.reasoning, turn.is_truncated)
        for answer in sorted(records.answers, key=lambda each: (each.question_id, each.model))
        for turn in answer.turns
    ]
    judged = sorted(
        str(
            [
                *(row.question_id, row.turn, row.models, row.reply, row.reasoning, row.unscored),
                getattr(row, "score", None),
                getattr(row, "verdict", None),
                row.usage.prompt_tokens,
            ]
        )
        for row in records.judgments
    )
    flags = sorted((flag.kind, flag.question_id, flag.model) for flag in find_flags(records).flags)
    return turns, judged, flags, [(row.model, row.rating, row.score) for row in board.rows]


@pytest.fixture
def apart(tmp_path, monkeypatch):
    """The records behind a server that separates."""
    monkeypatch.chdir(tmp_path)
    return run("thinks_apart", "apart")


@pytest.mark.parametrize("behavior", ["thinks_inside", "thinks_unopened"])
def test_the_same_model_behind_both_kinds_of_servers_has_the_same_results(apart, behavior):
    """Texts, thoughts, lengths of the judges' prompts, verdicts, grades, flags and ratings."""
    inside = run(behavior, behavior)

    assert describe(inside) == describe(apart)
    assert {turn.reasoning for answer in apart.answers for turn in answer.turns} == {THOUGHT}
    assert all(row.reasoning == THOUGHT for row in apart.judgments)
    assert not any("Is B the better" in row.reply for row in apart.judgments)


def test_judges_may_be_shown_the_thoughts(apart):
    """Asked for, they are in every prompt of a judge, and these are other judgments."""
    shown = run("thinks_apart", "shown", "judging.show_reasoning=true")

    plain_tokens = sorted(row.usage.prompt_tokens for row in apart.judgments)
    shown_tokens = sorted(row.usage.prompt_tokens for row in shown.judgments)
    assert all(more > less for more, less in zip(shown_tokens, plain_tokens, strict=True))
    assert not {row.digest for row in shown.judgments} & {row.digest for row in apart.judgments}
