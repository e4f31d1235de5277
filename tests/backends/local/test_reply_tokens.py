"""A local model's thought is apart from its reply, with its tokens counted exactly."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import checkpoints
from endpoint_model import request
from local_models import ask, model

from evalharness.domain import Sampling

pytestmark = pytest.mark.weights

PLAIN = "{% for m in messages %}{{ m.content }}{% endfor %}:"
OPENING = PLAIN + "<think>"
HARMONY = ("<|channel|>", "<|message|>", "<|start|>", "<|end|>", "<|return|>")
GEMMA = ("<|channel>", "<channel|>")
FINAL = "<|end|><|start|>assistant<|channel|>final<|message|>Aloha!"


def say(folder, reply, *, template=PLAIN, special=(), max_tokens=150, stop=(), thinks=False):
    """Return the completion of a model that recites a reply."""
    prompt = "Hi" + template.partition("{% endfor %}")[2]
    weights = checkpoints.save_recital(
        folder, prompt, reply, special=special, chat_template=template
    )
    spec = model(weights, template="tokenizer", stop=stop, thinks=thinks)
    (completion,) = ask(spec, request("Hi", sampling=Sampling(max_tokens=max_tokens)))
    return completion


@pytest.mark.parametrize(
    ("reply", "settings"),
    [
        ("<think>\nA greeting?\n</think>\n\nAloha!", {}),
        ("<think>A greeting?</think>Aloha!", {"special": ("<think>", "</think>")}),
        ("A greeting?\n</think>\n\nAloha!", {"template": OPENING}),
        ("A greeting?</think>Aloha!", {"template": OPENING, "special": ("<think>", "</think>")}),
        (f"<|channel|>analysis<|message|>A greeting?{FINAL}<|return|>", {"special": HARMONY}),
        ("<|channel>thought\nA greeting?<channel|>Aloha!", {"special": GEMMA}),
    ],
)
def test_a_thought_is_apart_and_counted(tmp_path, reply, settings):
    """Special tokens are kept until the thought is found, and the answer has none of them."""
    completion = say(tmp_path, reply, **settings)

    assert (completion.text, completion.reasoning) == ("Aloha!", "A greeting?")
    assert completion.finish_reason == "stop"
    assert completion.reasoning_tokens is not None
    assert completion.completion_tokens is not None
    ending = 1 + reply.endswith("<|return|>")
    assert completion.completion_tokens - completion.reasoning_tokens == ending + count("Aloha!")


def count(text):
    """Return the number of tokens of a text."""
    return len(checkpoints.make_tokenizer()(text, add_special_tokens=False)["input_ids"])


def test_a_reply_without_a_thought_is_as_before(tmp_path):
    """A mark inside it is text, and no thought is counted."""
    completion = say(tmp_path, "The tag <think> opens, </think> ends a thought.")

    assert completion.text == "The tag <think> opens, </think> ends a thought."
    assert (completion.reasoning, completion.reasoning_tokens) == (None, None)


@pytest.mark.parametrize("template", [PLAIN, OPENING])
def test_a_budget_that_ends_inside_the_thought_leaves_no_answer(tmp_path, template):
    """The tokens are all the thought's."""
    begun = "" if template is OPENING else "<think>"
    completion = say(
        tmp_path, f"{begun}A greeting, so: Aloha!</think>Hi", template=template, max_tokens=12
    )

    assert (completion.text, completion.finish_reason) == ("", "length")
    assert completion.reasoning
    assert completion.reasoning_tokens == completion.completion_tokens == 12


def test_a_stop_text_ends_the_answer_and_not_the_thought(tmp_path):
    """A thought may hold anything, such as the next question."""
    completion = say(tmp_path, "<think>USER: hi?</think>Aloha! USER: more", stop=("USER:",))

    assert (completion.text, completion.reasoning) == ("Aloha!", "USER: hi?")
