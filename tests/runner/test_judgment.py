"""Test a single judgment: the requests to the judge, and the stored replies."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from builders import answer, question

from evalharness.backends import ScriptedBackend
from evalharness.domain import (
    Completion,
    JudgePrompt,
    JudgeSpec,
    JudgmentKind,
    ModelSpec,
    Reading,
    Role,
    Verdict,
)
from evalharness.errors import PermanentError
from evalharness.judge import (
    JudgmentRequest,
    build_reply_schema,
    describe_json_form,
    render_repair_request,
)
from evalharness.runner import request_judgment

PROMPTS = {
    JudgmentKind.GRADED: JudgePrompt(
        name="graded",
        kind=JudgmentKind.GRADED,
        system="",
        template="{{ turns[0].answer }} {{ form }} {{ language }} {{ rubric | join }}",
    ),
    JudgmentKind.PAIRWISE: JudgePrompt(
        name="pairwise",
        kind=JudgmentKind.PAIRWISE,
        system="",
        template="{{ turns[0].answer_a }} {{ turns[0].answer_b }} {{ form }}",
    ),
}
JUDGE = JudgeSpec(name="judge", model=ModelSpec(name="judge", backend="scripted"), prompts=PROMPTS)


def judgment_request(*models: str, **settings) -> JudgmentRequest:
    """Return a request to grade one answer, or to compare two, for a judge with these settings."""
    return JudgmentRequest(
        judge=replace(JUDGE, **settings),
        question=question(),
        turn=1,
        answers=tuple(answer(model) for model in models or ("vicuna-13b",)),
    )


def ask(shown: JudgmentRequest, *said: str | Completion | Exception):
    """Return the judgment of a judge that replies with these texts, and the requests to it."""
    replies = iter(said)
    backend = ScriptedBackend(lambda _request: next(replies))
    return asyncio.run(request_judgment(shown, backend)), backend.requests


def with_prompt(shown: JudgmentRequest, **changes) -> JudgmentRequest:
    """Return the judgment request with another prompt for its kind."""
    changed = {**shown.judge.prompts, shown.kind: replace(PROMPTS[shown.kind], **changes)}
    return replace(shown, judge=replace(shown.judge, prompts=changed))


@pytest.mark.parametrize("said", ["No idea.", "[[7]]-[[8]]", "Rating: [[11]]"])
def test_a_reply_that_cannot_be_read_is_repaired_once(said):
    """The second request contains the first reply and asks for the grade only; both are kept."""
    judgment, asked = ask(judgment_request(repairs=1), said, "Rating: [[8]]")

    first, second = (request.messages for request in asked)
    assert second[: len(first)] == first
    assert [(each.role, each.content) for each in second[len(first) :]] == [
        (Role.ASSISTANT, said),
        (Role.USER, render_repair_request(PROMPTS[JudgmentKind.GRADED], Reading.TEXT)),
    ]
    assert (judgment.score, judgment.repaired) == (8, True)
    assert judgment.reply == f"{said}\n\n--- asked again ---\n\nRating: [[8]]"


def test_a_repair_that_fails_is_unscored_and_not_asked_a_third_time():
    """There is only one repair, even if it fails."""
    judgment, asked = ask(judgment_request(repairs=1), "No idea.", "Rating: [[99]]")

    assert len(asked) == 2
    assert (judgment.score, judgment.unscored, judgment.repaired) == (None, "out_of_scale", True)


def test_the_first_reply_does_not_count_after_a_repair():
    """The decision is read from the second reply only."""
    judgment, _ = ask(judgment_request(repairs=1), "[[7]]-[[8]]", "I still cannot say.")

    assert (judgment.score, judgment.unscored) == (None, "no_verdict")


@pytest.mark.parametrize("said", ["", Completion(text="It is", finish_reason="length")])
def test_empty_and_truncated_replies_are_not_repaired(said):
    """Their problem is not the form of the verdict, and a second request would hide it."""
    judgment, asked = ask(judgment_request(repairs=1), said)

    assert (len(asked), judgment.score, judgment.repaired) == (1, None, False)


@pytest.mark.parametrize(("repairs", "said"), [(0, "No idea."), (1, "Rating: [[8]]")])
def test_a_readable_reply_or_disabled_repair_means_one_request(repairs, said):
    """By default, or if the first reply can be read, there is one request."""
    judgment, asked = ask(judgment_request(repairs=repairs), said)

    assert (len(asked), judgment.repaired, judgment.reply) == (1, False, said)


def test_a_repair_adds_up_what_both_replies_used():
    """The cost of a run includes repairs; a missing count is not zero."""
    counted = Completion(text="?", prompt_tokens=100, completion_tokens=7, seconds=1.0)
    again = Completion(text="[[8]]", prompt_tokens=120, completion_tokens=3, seconds=0.5)

    judgment, _ = ask(judgment_request(repairs=1), counted, again)

    usage = judgment.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.seconds) == (220, 10, 1.5)
    assert usage.cached_tokens is None


def test_a_repair_that_cannot_be_asked_for_is_a_failure():
    """The run has a row with the reason, and the next run repeats the request."""
    with pytest.raises(PermanentError):
        ask(judgment_request(repairs=1), "No idea.", PermanentError("gone", reason="http_404"))


@pytest.mark.parametrize("models", [("vicuna-13b",), ("vicuna-13b", "alpaca-7b")])
def test_json_is_asked_for_by_schema_and_in_words(models):
    """The prompt describes the form too, for servers that ignore the schema."""
    shown = judgment_request(*models, reading=Reading.JSON)
    prompt = PROMPTS[shown.kind]

    _, [request] = ask(shown, "")

    assert request.schema == build_reply_schema(prompt)
    assert describe_json_form(prompt) in request.messages[-1].content


def test_words_are_asked_for_without_a_schema():
    """A judge that replies in free text gets no JSON schema."""
    _, [request] = ask(judgment_request(), "[[8]]")

    assert request.schema is None
    assert "JSON" not in request.messages[-1].content


def test_json_is_read_and_repaired_as_json():
    """A decision in brackets is not JSON; the repair requests JSON again."""
    said = json.dumps({"reasons": "Fine.", "score": 6})

    judgment, asked = ask(judgment_request(reading=Reading.JSON, repairs=1), "Rating: [[8]]", said)

    assert (judgment.score, judgment.repaired) == (6, True)
    assert "JSON" in asked[1].messages[-1].content
    assert asked[1].schema == asked[0].schema


@pytest.mark.parametrize(
    ("reading", "said", "verdict", "strength"),
    [
        (Reading.TEXT, "[[A>>B]]", Verdict.A, 2),
        (Reading.TEXT, "[[A=B]]", Verdict.TIE, 0),
        (Reading.TEXT, "[[B]]", Verdict.B, None),
        (Reading.JSON, '{"reasons": "", "verdict": "B>A"}', Verdict.B, 1),
    ],
)
def test_the_strength_of_a_verdict_is_kept(reading, said, verdict, strength):
    """Battles use the verdict only; its strength is stored for analysis."""
    game, _ = ask(judgment_request("vicuna-13b", "alpaca-7b", reading=reading), said)

    assert (game.verdict, game.strength) == (verdict, strength)


def test_probabilities_keep_the_missing_mass():
    """The record shows the missing probability mass."""
    shares = (0.0,) * 7 + (0.6, 0.2, 0.0)
    said = Completion(text="8]]", option_probabilities=shares)

    judgment, _ = ask(judgment_request(reading=Reading.PROBABILITIES), said)

    assert judgment.score == 8.25
    assert judgment.mass == pytest.approx(0.8)
    assert ask(judgment_request(), "[[8]]")[0].mass is None


@pytest.mark.parametrize(
    "changed",
    [
        judgment_request(reading=Reading.JSON),
        judgment_request(repairs=1),
        with_prompt(judgment_request(), language="de"),
        replace(judgment_request(), question=replace(question(), rubric=("Names the year.",))),
    ],
)
def test_every_change_of_a_request_changes_the_key(changed):
    """A run with other settings does not reuse old judgments."""
    assert changed.digest() != judgment_request().digest()


def test_other_levels_change_the_key_of_json_and_of_repairs():
    """Both list the possible verdicts."""
    for settings in ({"reading": Reading.JSON}, {"repairs": 1}):
        shown = judgment_request("vicuna-13b", "alpaca-7b", **settings)

        assert with_prompt(shown, five_levels=True).digest() != shown.digest()


def test_a_setting_that_is_not_used_adds_nothing_to_the_key():
    """Judgments from before these settings existed are reused."""
    assert judgment_request()._optional_content() == []
    assert judgment_request(repairs=1)._optional_content() != []


@pytest.mark.parametrize("shows", [False, True])
def test_thoughts_are_shown_only_if_asked_for(shows):
    """`judging.show_reasoning` shows them next to the answer that they led to."""
    shown = judgment_request(show_reasoning=shows)
    turns = [replace(turn, reasoning="Hm, a beach?") for turn in shown.answers[0].turns]
    shown = replace(shown, answers=(replace(shown.answers[0], turns=tuple(turns)),))

    _, (request,) = ask(shown, "Rating: [[8]]")

    said = "".join(message.content for message in request.messages)
    assert ("Hm, a beach?" in said) is shows
    assert shown.answers[0].turns[0].text in said
