"""An answer that is none says why, and a reply that was not ended by its model was cut."""

from __future__ import annotations

import pytest

from evalharness.domain import AnswerTurn, EmptyCause


@pytest.mark.parametrize(
    ("turn", "cause"),
    [
        ({"text": "Aloha."}, None),
        ({"text": "Aloha.", "finish_reason": "length", "reasoning": "Hm."}, None),
        ({"text": ""}, EmptyCause.EMPTY),
        ({"text": " \n", "finish_reason": None}, EmptyCause.EMPTY),
        ({"text": "", "finish_reason": "length", "reasoning": "Hm."}, EmptyCause.THOUGHT_ONLY),
        ({"text": "", "reasoning_tokens": 20}, EmptyCause.THOUGHT_ONLY),
        ({"text": "", "finish_reason": "content_filter"}, EmptyCause.REFUSAL),
        ({"text": "Half a tex", "finish_reason": "content_filter"}, None),
        ({"text": "I will not.", "finish_reason": "refusal"}, EmptyCause.REFUSAL),
        ({"text": "", "finish_reason": "refusal", "reasoning": "Hm."}, EmptyCause.REFUSAL),
    ],
)
def test_a_turn_without_an_answer_says_why(turn, cause):
    """A refusal may have words; a thought is no answer."""
    assert AnswerTurn(**turn).empty_cause == cause


@pytest.mark.parametrize(
    ("reason", "cut"),
    [
        *[(whole, False) for whole in ("stop", "STOP", "end_turn", "eos", None, "refusal")],
        *[(cut, True) for cut in ("length", "max_tokens", "model_length", "MAX_TOKENS", "abort")],
    ],
)
def test_servers_have_many_words_for_a_cut(reason, cut):
    """What the model did not end was cut."""
    assert AnswerTurn(text="Aloha.", finish_reason=reason).is_truncated is cut


def test_a_recorded_text_loses_its_thought_once():
    """A thought that is apart already leaves the text as it is."""
    told = AnswerTurn(text="<think>Hm.</think>\n\nAloha.")
    apart = AnswerTurn(text="<think> is a mark.", reasoning="Hm.")

    assert told.without_thought() == AnswerTurn(text="Aloha.", reasoning="Hm.")
    assert told.without_thought().without_thought() == told.without_thought()
    assert apart.without_thought() is apart
