"""The text a model is sent is the text it was trained with, to the byte."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from evalharness.backends import render_chat_template, strip_bos_token
from evalharness.domain import TOKENIZER_TEMPLATE, Message, Role, build_conversation
from evalharness.errors import ConfigError

FILES = {path.stem: path for path in Path(__file__).parents[3].glob("conf/template/*.yaml")}
FORMATS = {name: yaml.safe_load(path.read_text(encoding="utf-8")) for name, path in FILES.items()}
TEMPLATES = {
    name: content["template"]
    for name, content in FORMATS.items()
    if content["template"] != TOKENIZER_TEMPLATE
}

ONE_TURN = build_conversation(["Hi!"], [])
TWO_TURNS = build_conversation(["Hi!", "Why?\nSay."], ["Hello."])
WITH_SYSTEM = build_conversation(["Hi!"], [], system="Be brief.")
CONVERSATIONS = {"one turn": ONE_TURN, "two turns": TWO_TURNS, "a system message": WITH_SYSTEM}

VICUNA = (
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions. "
)
INSTRUCTION = (
    "Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request.\n\n"
)
DIALOGUE = (
    "This is a conversation between a Person and an Assistant. The Assistant knows a great deal, "
    "and answers everything that the Person asks correctly, clearly and in full.\n\n"
)
# One turn, two turns, a system message. Sources:
#   vicuna_v1        lm-sys/FastChat, fastchat/conversation.py, `vicuna_v1.1`, ADD_COLON_TWO
#   alpaca           tatsu-lab/stanford_alpaca, train.py, `prompt_no_input`
#   dolly_v2         databrickslabs/dolly, training/consts.py, `PROMPT_FOR_GENERATION_FORMAT`
#   falcon_instruct  lm-sys/FastChat, fastchat/conversation.py, `falcon`, RWKV
#   plain_dialogue   our own
EXPECTED = {
    "vicuna_v1": (
        VICUNA + "USER: Hi! ASSISTANT:",
        VICUNA + "USER: Hi! ASSISTANT: Hello.</s>USER: Why?\nSay. ASSISTANT:",
        "Be brief. USER: Hi! ASSISTANT:",
    ),
    "alpaca": (
        INSTRUCTION + "### Instruction:\nHi!\n\n### Response:",
        INSTRUCTION + "### Instruction:\nHi!\n\n### Response:Hello."
        "\n\n### Instruction:\nWhy?\nSay.\n\n### Response:",
        "Be brief.\n\n### Instruction:\nHi!\n\n### Response:",
    ),
    "dolly_v2": (
        INSTRUCTION + "### Instruction:\nHi!\n\n### Response:\n",
        INSTRUCTION + "### Instruction:\nHi!\n\n### Response:\nHello.\n\n### End"
        "\n\n### Instruction:\nWhy?\nSay.\n\n### Response:\n",
        "Be brief.\n\n### Instruction:\nHi!\n\n### Response:\n",
    ),
    "falcon_instruct": (
        "User: Hi!\n\nAssistant:",
        "User: Hi!\n\nAssistant: Hello.\n\nUser: Why?\nSay.\n\nAssistant:",
        "Be brief.\n\nUser: Hi!\n\nAssistant:",
    ),
    "plain_dialogue": (
        DIALOGUE + "Person: Hi!\n\nAssistant:",
        DIALOGUE + "Person: Hi!\n\nAssistant: Hello.\n\nPerson: Why?\nSay.\n\nAssistant:",
        "Be brief.\n\nPerson: Hi!\n\nAssistant:",
    ),
}
STOPS = {
    "vicuna_v1": ["</s>"],
    "alpaca": ["</s>", "### Instruction:"],
    "dolly_v2": ["### End"],
    "falcon_instruct": ["\nUser", "<|endoftext|>"],
    "plain_dialogue": ["\nPerson:", "\nAssistant:"],
    "tokenizer": [],
}
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
BEGINNINGS = ("<s>", "<|begin_of_text|>", "<|endoftext|>", "<bos>", "bos_token")

# What tokenizers' templates use: tokens, loop controls, JSON, marks for training, a refusal.
TOKENIZER_LIKE = """\
{{ bos_token }}
{%- for message in messages %}
    {%- if message['role'] == 'system' %}
        {{- raise_exception('System role not supported') }}
    {%- elif message['role'] == 'user' %}
        {{- '[INST] ' + message['content'] + ' [/INST]' }}
        {%- continue %}
    {%- endif %}
    {% generation %}
    {{- message['content'] | tojson + eos_token }}
    {%- endgeneration %}
{%- endfor %}
{% if add_generation_prompt and tools is none %}
reply:
{% endif %}
"""


@pytest.mark.parametrize("case", range(3), ids=list(CONVERSATIONS))
@pytest.mark.parametrize("name", TEMPLATES)
def test_a_prompt_is_exact_to_the_byte(name, case):
    """A missing space or newline moves the model away from what it was trained on, unseen."""
    messages = list(CONVERSATIONS.values())[case]

    assert render_chat_template(TEMPLATES[name], messages) == EXPECTED[name][case]


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_names_where_a_reply_ends(name):
    """A model that speaks for its user would be judged by what it said for both."""
    assert FORMATS[name] == {"template": FORMATS[name]["template"], "stop": STOPS[name]}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_stop_string_stands_between_a_reply_and_the_next_question(name):
    """The stop strings are those of the format, so that one comes up when the reply is over."""
    text = render_chat_template(TEMPLATES[name], TWO_TURNS)
    between = text.partition("Hello.")[2].partition("Why?")[0]

    assert any(stop in between for stop in STOPS[name])


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_finished_conversation_does_not_ask_for_another_reply(name):
    """Without a generation prompt the text ends with the last message and what closes it."""
    text = render_chat_template(
        TEMPLATES[name], build_conversation(["Hi!"], ["Hello."]), add_generation_prompt=False
    )

    assert text.partition("Hello.")[2].strip() in ("", *STOPS[name])


@pytest.mark.parametrize("name", TEMPLATES)
def test_our_templates_never_write_the_token_that_begins_a_text(name):
    """The tokenizer or the server adds it, and twice it would change every answer a little."""
    texts = [
        TEMPLATES[name],
        *(render_chat_template(TEMPLATES[name], m) for m in CONVERSATIONS.values()),
    ]

    assert not [mark for mark in BEGINNINGS for text in texts if mark in text]


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_system_message_in_the_middle_is_refused(name):
    """None of these models knows one; left out or spoken by someone else, it would mislead."""
    messages = [*ONE_TURN, Message(role=Role.SYSTEM, content="Now rhyme.")]

    with pytest.raises(ConfigError, match="a system message may only come first"):
        render_chat_template(TEMPLATES[name], messages)


@pytest.mark.parametrize(
    "content",
    [
        "{{ 7 * 7 }}",
        "{% for x in range(9) %}x{% endfor %}",
        "{# a comment #}",
        "{% raw %}",
        "{{ messages.__class__.__mro__ }}",
        "{{ raise_exception('no') }}",
        "${oc.env:HOME}",
        "<b>&amp;</b> \\n \r\n\t\u2028 \0",
        "  spaces around  ",
        "",
    ],
)
@pytest.mark.parametrize("name", TEMPLATES)
def test_what_a_message_says_is_never_a_template(name, content):
    """Questions about Jinja, and attacks with it, reach the model as they were written."""
    text = render_chat_template(TEMPLATES[name], build_conversation([content], []))

    assert text == EXPECTED[name][0].replace("Hi!", content)


@given(contents=st.lists(st.text(), min_size=4, max_size=4), name=st.sampled_from(list(TEMPLATES)))
def test_every_message_stands_in_the_prompt_as_written(contents, name):
    """Nothing is trimmed, folded or escaped, and nothing else depends on what is said."""
    marks = [f"\ue000{number}\ue001" for number in range(4)]

    def rendered(parts):
        system, first, reply, second = parts
        return render_chat_template(
            TEMPLATES[name], build_conversation([first, second], [reply], system=system)
        )

    frame = rendered(marks) if contents[0] else rendered(["", *marks[1:]])
    expected = re.sub("\ue000(\\d)\ue001", lambda mark: contents[int(mark[1])], frame)
    assert rendered(contents) == expected


def test_a_tokenizers_template_runs_as_in_transformers():
    """The words and the handling of lines that hub templates rely on are all there."""
    text = render_chat_template(
        TOKENIZER_LIKE, build_conversation(["Hi!", "<Ä>"], ["<é>"]), **TOKENS
    )

    assert text == '<s>[INST] Hi! [/INST]"<é>"</s>[INST] <Ä> [/INST]reply:\n'


# What templates of reasoning models use: the day, options with defaults, tools that are absent,
# channels, the thought of the last turn only, and marks that open or close the next thought.
REASONING_LIKE = """\
{%- set effort = effort if effort is defined else 'medium' %}
{{- bos_token + '<|start|>system<|message|>Today: ' + strftime_now('%d %B %Y') }}
{{- '. Effort: ' + effort + '<|end|>' }}
{%- if tools is defined and tools %}{{ raise_exception('no tools here') }}{% endif %}
{%- for message in messages %}
    {%- set thought = message.reasoning_content if message.reasoning_content is string else '' %}
    {%- if message.role == 'assistant' %}
        {%- if thought and loop.index0 >= messages | length - 2 %}
            {{- '<|start|>assistant<|channel|>analysis<|message|>' + message.thinking + '<|end|>' }}
        {%- endif %}
        {{- '<|start|>assistant<|channel|>final<|message|>' + message.content + '<|end|>' }}
    {%- else %}
        {{- '<|start|>' + message.role + '<|message|>' + message.content + '<|end|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start|>assistant' + ('<think>\\n' if enable_thinking | default(true) else '<think></think>') }}
{%- endif %}
"""


def test_a_template_reads_the_day_of_the_run_and_its_options():
    """The same text on every day, and what the options say."""
    head = "<s><|start|>system<|message|>Today: 09 March 2026. Effort: {}<|end|>"
    said = "<|start|>user<|message|>Hi!<|end|><|start|>assistant{}"

    plain, chosen = (
        render_chat_template(REASONING_LIKE, ONE_TURN, **TOKENS, date="2026-03-09", options=options)
        for options in ({}, {"effort": "high", "enable_thinking": False, "messages": []})
    )

    assert plain == head.format("medium") + said.format("<think>\n")
    assert chosen == head.format("high") + said.format("<think></think>")


def test_a_template_may_show_earlier_thoughts():
    """One that does not ask for them does not get them."""
    thoughts = build_conversation(["Hi!", "Why?", "So?"], ["Hello.", "Ah."], None, ["One.", "Two."])
    text = render_chat_template(REASONING_LIKE, thoughts, **TOKENS, date="2026-03-09")
    plain = build_conversation(["Hi!", "Why?", "So?"], ["Hello.", "Ah."])

    assert "analysis<|message|>Two.<|end|>" in text
    assert "One." not in text
    template = TEMPLATES["vicuna_v1"]
    assert render_chat_template(template, thoughts) == render_chat_template(template, plain)


@pytest.mark.parametrize("template", [*TEMPLATES.values(), TOKENIZER_LIKE])
def test_transformers_renders_the_same_text(template):
    """A model served by others is then asked with the same prompt as one that we load."""
    utils = pytest.importorskip("transformers.utils.chat_template_utils")
    messages = [{"role": m.role.value, "content": m.content} for m in TWO_TURNS]

    (theirs,), _ = utils.render_jinja_template(
        conversations=[messages],
        chat_template=template,
        add_generation_prompt=True,
        **TOKENS,
    )

    assert render_chat_template(template, TWO_TURNS, **TOKENS) == theirs


def test_json_in_a_template_keeps_its_letters_and_its_layout():
    """Jinja's own filter would escape angle brackets for the web."""
    template = "{{ {'b': '<é>', 'a': 1} | tojson(indent=2) }}"

    assert render_chat_template(template, []) == json.dumps(
        {"b": "<é>", "a": 1}, indent=2, ensure_ascii=False
    )


def test_a_template_that_does_not_take_the_messages_says_why():
    """Gemma 2, for one, knows no system message: the user must hear that, not a traceback."""
    with pytest.raises(ConfigError, match="System role not supported"):
        render_chat_template(TOKENIZER_LIKE, WITH_SYSTEM)


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("one\n{% if %}", "line 2: Expected an expression"),
        ("{{ strftime_now('%d') }}", "'strftime_now' is undefined"),
        ("{{ messages[0]['content'] + 1 }}", "can only concatenate str"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "calls itself too often"),
    ],
)
def test_a_broken_template_is_named_as_a_wrong_setting(template, reason):
    """Templates come from configurations and from the hub; both may be wrong."""
    with pytest.raises(ConfigError, match=re.escape(reason)):
        render_chat_template(template, ONE_TURN)


@pytest.mark.parametrize(
    "template",
    [
        "{{ messages.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ raise_exception.__globals__['json'] }}",
        "{{ messages.append(1) }}",
        "{{ messages[0].update(role='system') }}",
        "{% include 'secret' %}",
    ],
)
def test_a_template_can_reach_neither_python_nor_the_messages(template):
    """A template from the hub is a stranger's program, and runs before anybody has read it."""
    with pytest.raises(ConfigError):
        render_chat_template(template, ONE_TURN)


def test_the_beginning_token_is_taken_off_once():
    """The completions server puts it back; a second one may be the user's own text."""
    assert strip_bos_token("<s><s>Hi <s>", "<s>") == "<s>Hi <s>"


@pytest.mark.parametrize("bos_token", [None, "", "<s>"])
def test_a_text_without_the_beginning_token_stays_as_it_is(bos_token):
    """Some tokenizers have no such token, and our templates never write it."""
    assert strip_bos_token("Hi <s>", bos_token) == "Hi <s>"
