"""Only templates whose time follows from their texts are called bounded; those that ship all are."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest
import yaml

from evalharness.judge import is_bounded_template

CONF = Path(__file__).parents[2] / "conf"
FILES = sorted([*CONF.glob("prompts/*.yaml"), *CONF.glob("template/*.yaml")])
SHIPPED = {
    f"{path.stem} {part}": text
    for path in FILES
    for part in ("system", "template")
    if (text := yaml.safe_load(path.read_text(encoding="utf-8")).get(part))
    not in (None, "tokenizer")
}
MACRO = "{% macro m(x) %}{{ x }}{{ x }}{% endmacro %}"
UNBOUNDED = {
    "a loop over a range": "{% for a in range(9) %}{% endfor %}",
    "a loop over a text": "{% for a in messages[0].content %}{% endfor %}",
    "a loop over a variable": "{% set x = messages[0].content %}{% for a in x %}{% endfor %}",
    "a list renamed": "{% set turns = messages[0].content %}{% for a in turns %}{% endfor %}",
    "nested loops": "{% for a in turns %}{% for b in turns %}{% endfor %}{% endfor %}",
    "a recursive loop": "{% for a in turns recursive %}{{ loop(a) }}{% endfor %}",
    "a loop in a macro": "{% macro m() %}{% for a in turns %}{% endfor %}{% endmacro %}{{ m() }}",
    "a macro that calls itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "a call in a call": MACRO + "{{ m(m(m(1))) }}",
    "a kept call": MACRO + "{% set s = m(s) %}",
    "a power": "{{ 9 ** 9 }}",
    "a product": "{{ 'a' * 9 }}",
    "a format": "{{ '%9d' % 3 }}",
    "a doubled text": "{% set s = s ~ s %}",
    "a doubled sum": "{% set s = s + s %}",
    "a doubled block": "{% set s %}{{ s }}{{ s }}{% endset %}",
    "a doubled list": "{% set s = [s, s] %}",
    "a method": "{{ 'a'.ljust(9) }}",
    "a filter": "{{ 'a' | center(9) }}",
    "escapes of escapes": "{{ x | tojson | tojson }}",
    "a namespace": "{% set s = namespace(a=1) %}",
    "a broken template": "{% if %}",
    "a deep one": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "a long sum": "{{ " + "+".join("1" * 9000) + " }}",
    "a long one": "a" * 20_001,
}


@pytest.mark.parametrize("template", SHIPPED.values(), ids=SHIPPED)
def test_what_ships_is_bounded(template):
    """So that the usual run starts no other process, and waits for none at its prompts."""
    assert is_bounded_template(jinja2.Environment(autoescape=True), template)


@pytest.mark.parametrize("template", UNBOUNDED.values(), ids=UNBOUNDED)
def test_what_may_take_longer_than_its_texts_is_not(template):
    """Each of these grows by itself, or may be a part of what does."""
    assert not is_bounded_template(jinja2.Environment(autoescape=True), template)
