"""A template of a stranger takes no more time, memory or length than it may, and says which."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evalharness.backends import render_chat_template, render_judge_template
from evalharness.backends.templates import template_kinds, template_sandbox
from evalharness.domain import TemplateLimits, build_conversation
from evalharness.errors import ConfigError

MESSAGES = build_conversation(["Hi!"], [])
LOOPS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
LIST_LOOPS = (
    "{% set l = [1] * 9999 %}" + "{% for a in l %}" * 6 + "{{ a }}" + "{% endfor %}" * 6
)  # no `range`, whose length Jinja limits
ENDLESS = {
    "nested loops": LOOPS,
    "nested loops over lists": LIST_LOOPS,
    "a large power": "{{ 10 ** (10 ** 8) }}",
    "a macro in loops": "{% macro m() %}" + LOOPS + "{% endmacro %}{{ m() }}",
    "a filter": "{{ lipsum(n=10 ** 8) }}",
}
LARGE = {
    "a repeated text": "{{ 'a' * 10 ** 10 }}",
    "a repeated list": "{{ [1] * 10 ** 10 }}",
    "doublings": "{% set s = 'aaaaaaaa' %}" + "{% set s = s ~ s %}" * 60 + "{{ s | length }}",
    "a padded number": "{{ '%10000000000d' % 3 }}",
    "a padded text": "{{ 'x' | center(10 ** 10) }}",
    "replacements": "{{ 'a'.replace('', 'x' * 10 ** 6).replace('', 'x' * 10 ** 6) }}",
    "indented JSON": "{{ messages | tojson(indent=10 ** 10) }}",
}
DEEP = {
    "a macro that calls itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "brackets": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "a long sum": "{{ " + " + ".join(["1"] * 5000) + " }}",
}


@pytest.mark.parametrize("template", ENDLESS.values(), ids=ENDLESS)
def test_a_template_without_end_ends_in_time(template):
    """The limit holds inside one long computation too."""
    limits = TemplateLimits(seconds=0.3)

    with pytest.raises(ConfigError, match=r"more than 0\.3 seconds \(template_limits\.seconds\)"):
        render_chat_template(template, MESSAGES, limits=limits)


@pytest.mark.parametrize("template", LARGE.values(), ids=LARGE)
def test_a_template_larger_than_memory_is_refused(template):
    """The process that renders cannot allocate more, so the machine keeps its memory."""
    limits = TemplateLimits(memory_mb=64)

    with pytest.raises(ConfigError, match=r"more than 64 MB of memory \(template_limits\.memory"):
        render_chat_template(template, MESSAGES, limits=limits)


@pytest.mark.parametrize("template", DEEP.values(), ids=DEEP)
def test_deep_nesting_is_an_error_in_words(template):
    """A traceback of a thousand lines would say less."""
    with pytest.raises(ConfigError, match="calls itself too often, or is nested too deeply"):
        render_chat_template(template, MESSAGES)


@pytest.mark.parametrize(
    "template", ["{{ messages[0].content }}", "{{ messages[0]['content']|list }}"]
)
def test_a_text_longer_than_allowed_is_refused(template):
    """Both where the template is rendered in this process, and where it is not."""
    limits = TemplateLimits(characters=2)

    with pytest.raises(ConfigError, match=r"more than 2 characters \(template_limits\.characters"):
        render_chat_template(template, MESSAGES, limits=limits)


def test_judges_prompts_have_the_same_limits():
    """A bundle brings prompts of judges too, and its page renders them."""
    with pytest.raises(ConfigError, match="more than 512 MB"):
        render_judge_template(LARGE["doublings"], {})
    with pytest.raises(ConfigError, match=r"more than 0\.3 seconds"):
        render_judge_template(LOOPS, {}, TemplateLimits(seconds=0.3))


def test_the_next_template_is_rendered_after_one_that_failed():
    """Each failure says its own cause; a process that ended is replaced."""
    limits = TemplateLimits(seconds=0.3)
    for template in (LOOPS, LARGE["a repeated text"], DEEP["brackets"]):
        with pytest.raises(ConfigError):
            render_chat_template(template, MESSAGES, limits=limits)

        upper = "{{ messages[0].content | upper }}"
        assert render_chat_template(upper, MESSAGES) == "HI!"


def test_a_template_without_end_is_tried_once():
    """A run of a thousand prompts would wait a thousand times."""
    limits = TemplateLimits(seconds=0.3)
    sandbox = template_sandbox._find_sandbox(os.getpid())
    template = LOOPS + "{# once #}"
    for _ in range(3):
        with pytest.raises(ConfigError, match="seconds"):
            render_chat_template(template, MESSAGES, limits=limits)
        assert sandbox._process is None  # no other process was started


def test_both_ways_give_the_same_text():
    """Where a template is rendered changes nothing, surrogates and control characters included."""
    text = 'é\ud800\u2028\0\r\n{{ 1 }}"\\'
    template = "{{ messages[0].content }}{{ strftime_now('%d %B %Y') }}"
    messages = build_conversation([text], [])
    assert not template_kinds.can_render_here(template_kinds.TemplateKind.CHAT, template)

    rendered = render_chat_template(template, messages, date="2026-03-09")

    assert rendered == f"{text}09 March 2026"


def test_threads_share_the_process():
    """Each gets the reply to its own request."""
    template = "{{ messages[0].content | upper }}"

    def render(number):
        return render_chat_template(template, build_conversation([f"n{number}"], []))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(render, range(200))) == [f"N{number}" for number in range(200)]


def test_a_template_cannot_read_the_environment(monkeypatch):
    """The process that renders has no variables, so that a hole in Jinja's sandbox shows no key."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    process = template_sandbox._start_process()
    try:
        environment = Path(f"/proc/{process.pid}/environ").read_bytes()
        assert b"sk-secret" not in environment
    finally:
        process.kill()
        process.communicate()
