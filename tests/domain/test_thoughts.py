"""A thought is what a reply begins with, or what the prompt opened; marks elsewhere are text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.domain import opens_reasoning, split_reasoning

MARKS = (
    ("<think>", "</think>"),
    ("<THINK>", "</THINK>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<seed:think>", "</seed:think>"),
    ("◁think▷", "◁/think▷"),
    ("[THINK]", "[/THINK]"),
    ("<|channel>thought\n", "<channel|>"),
    ("<|open|>think<|sep|>", "<|close|>think<|sep|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
)
each_mark = pytest.mark.parametrize(("opening", "closing"), MARKS)
plain = st.text(st.characters(exclude_characters="<>[]|◁▷`"), max_size=40)


def split(text, **kwargs):
    """Return the parts as a tuple."""
    found = split_reasoning(text, **kwargs)
    return found.reasoning, found.text, found.is_open


@each_mark
def test_a_thought_at_the_beginning_is_cut(opening, closing):
    """Every kind of mark, with the white space that models write around it."""
    assert split(f"\n{opening}\nB [[B]]?\n{closing}\n\n[[A]]") == ("B [[B]]?", "[[A]]", False)
    assert split(f"{opening}B{closing}A") == ("B", "A", False)


@each_mark
def test_a_thought_that_does_not_end_leaves_no_reply(opening, closing):
    """The budget ended inside the thought."""
    assert split(f"{opening}First, [[B]]. But") == ("First, [[B]]. But", "", True)
    assert split("First, [[B]]. But", opened=True) == ("First, [[B]]. But", "", True)
    assert split(f"{opening}{closing}") == (None, "", False)


@each_mark
def test_a_thought_that_the_prompt_opened_has_only_its_end(opening, closing):
    """Some templates write the opening mark; then the reply holds only the closing one."""
    assert opens_reasoning(f"<user>Hi<model>{opening}")
    assert opens_reasoning(f"<user>Hi<model>{opening}\n")
    assert not opens_reasoning(f"<user>Hi<model>{opening}\n\n{closing}\n\n")
    assert split(f"So: hi {closing} Hello", opened=True) == ("So: hi", "Hello", False)
    assert split(f"{opening}So{closing}Hello", opened=True) == ("So", "Hello", False)


@each_mark
def test_an_unknown_prompt_may_have_opened_the_thought(opening, closing):
    """A server that does not separate thoughts shows only where they end."""
    assert not opening.startswith(closing)
    assert split(f"So: hi.\n{closing}\n\nHello") == ("So: hi.", "Hello", False)
    assert split(f"So: hi.{closing}Hello") == ("So: hi.", "Hello", False)
    text = f"So: hi.\n{closing}\n\nHello"
    assert split(text, opened=False) == (None, text, False)


@each_mark
@pytest.mark.parametrize(
    "reply",
    [
        "Answer B exposes its {0} block, so it is worse. [[A]]",
        "[[A]] - B leaks {1} at the end.",
        "B ends with `{1}`\n[[A]]",
        'Write "{1}"\nafter the thought.',
        "Use it so:\n{0}\nyour thought\n{1}\nThen answer.",
        "Use it so:\n```\ntext\n{1}\n```\nThen answer.",
        "`{0}` opens a thought and `{1}` closes it.",
        "The tags ({1}) are removed, as is {1}, always.",
    ],
)
def test_a_mark_inside_a_reply_is_text(reply, opening, closing):
    """An answer or a verdict may be about such marks."""
    text = reply.format(opening.strip(), closing)

    assert split(text) == (None, text, False)


def test_repeated_and_nested_thoughts_are_one():
    """Some models think twice, or open a thought that the prompt has opened."""
    assert split("<think>a</think>\n<think>b</think>c") == ("a\n\nb", "c", False)
    assert split("<think>a <think>b</think>c\n</think>\n\nd")[1:] == ("d", False)
    assert split("<think>It has <think> tags.</think>d") == ("It has <think> tags.", "d", False)
    assert split("<think>a</think><think>b") == ("a\n\nb", "", True)


def test_a_quoted_end_does_not_end_a_thought():
    """A judge that thinks about marks quotes them."""
    assert split("<think>B leaks `</think>`.</think>[[A]]") == (
        "B leaks `</think>`.",
        "[[A]]",
        False,
    )


COMMENTARY = "<|end|><|start|>assistant<|channel|>commentary<|message|>"
FINAL = "<|end|><|start|>assistant<|channel|>final<|message|>"


@pytest.mark.parametrize(
    ("reply", "opened", "expected"),
    [
        (f"<|channel|>analysis<|message|>Hi?{FINAL}Hello<|return|>", None, ("Hi?", "Hello", False)),
        (f"<|channel|>analysis<|message|>Hi?{FINAL}Hello", False, ("Hi?", "Hello", False)),
        (f"Hi?{FINAL}Hello<|return|>", True, ("Hi?", "Hello", False)),
        ("<|channel|>final<|message|>Hello", None, (None, "Hello", False)),
        ("<|start|>assistant<|channel|>final<|message|>Hello", None, (None, "Hello", False)),
        ("<|channel|>final <|constrain|>json<|message|>{}<|return|>", None, (None, "{}", False)),
        ("<|channel|>analysis<|message|>Hi? [[B]]", None, ("Hi? [[B]]", "", True)),
        ("<|channel|>analysis<|message|>Hi?<|end|>", None, ("Hi?", "", True)),
        (
            f"<|channel|>analysis<|message|>a{COMMENTARY}b{FINAL}c<|return|>",
            None,
            ("a\n\nb", "c", False),
        ),
    ],
)
def test_only_the_final_channel_is_the_reply(reply, opened, expected):
    """The channels of gpt-oss: analysis and commentary are not shown to users."""
    assert split(reply, opened=opened) == expected


def test_the_frame_of_a_reply_is_cut_with_the_thought():
    """Kimi and Cohere mark the reply too."""
    kimi = "<|close|>think<|sep|><|open|>response<|sep|>Hello<|close|>response<|sep|><|end_of_msg|>"
    cohere = "<|START_THINKING|>Hi?<|END_THINKING|><|START_RESPONSE|>Hello<|END_RESPONSE|>"

    assert split(f"Hi?{kimi}", opened=True) == ("Hi?", "Hello", False)
    assert split(cohere) == ("Hi?", "Hello", False)


@given(text=plain, opened=st.sampled_from([None, False]))
def test_a_text_without_marks_is_not_changed(text, opened):
    """Not even its white space."""
    assert split(text, opened=opened) == (None, text, False)


@given(thought=plain, text=plain, mark=st.sampled_from(MARKS), newline=st.sampled_from(["", "\n"]))
def test_thought_and_reply_are_found_again(thought, text, mark, newline):
    """What was joined is separated into the same parts."""
    opening, closing = mark
    joined = f"{opening}{newline}{thought}{newline}{closing}{newline}{text}"
    found = split_reasoning(joined)

    assert found.reasoning == (thought.strip() or None)
    assert found.text == text.lstrip()
    assert joined[found.start :] == found.text


@given(
    text=st.lists(plain | st.sampled_from([m for pair in MARKS for m in pair])).map("".join),
    opened=st.sampled_from([None, False, True]),
)
def test_any_text_has_two_parts_or_one(text, opened):
    """Nothing is made up, and an open thought has no reply."""
    found = split_reasoning(text, opened=opened)

    assert found.text in text
    assert all(part in text for part in (found.reasoning or "").split("\n\n"))
    assert not (found.is_open and found.text)
    assert text.startswith(found.text, found.start)
