"""Render conversations with chat templates, and handle the token that begins a text.

Templates run in the same Jinja environment as in transformers. Our own templates
(`conf/template/`) never write the token that begins a text; templates of tokenizers usually do. The
token must come exactly once. So code that adds it later (a tokenizer that adds special tokens, a
completions server) gets `without_bos(text, bos_token)`; a tokenizer's own
template may also be encoded as it stands, with no special tokens added.

Templates have no clock. Some write the day, with `strftime_now`; here it is the day that the run has
fixed (`ModelSpec.template_date`), so that a conversation gives the same text on every day.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn

import jinja2
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment

from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jinja2 import nodes
    from jinja2.parser import Parser

    from evalharness.domain import Message

# Errors of templates: those of Jinja, and those of the expressions in a template.
_TEMPLATE_ERRORS = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


def render_chat_template(
    template: str,
    messages: Sequence[Message],
    *,
    bos_token: str = "",
    eos_token: str = "",
    add_generation_prompt: bool = True,
    options: Mapping[str, Any] | None = None,
    date: str | None = None,
) -> str:
    """Return the conversation as one text, ready for the model to continue.

    The content of messages is data: Jinja syntax in it is not evaluated.

    Args:
        template: Jinja text.
        messages: the conversation so far.
        bos_token: the token that begins a text, for templates that write it.
        eos_token: the token that ends a text or a turn, for templates that write it.
        add_generation_prompt: whether to end where the model's reply begins.
        options: variables that the template reads, such as `enable_thinking`.
        date: the day that `strftime_now` gives, in ISO 8601; without one it is not defined.

    Raises:
        ConfigError: the template is broken, or does not take these messages (some know no system
            message, say).
    """
    try:
        clock = {} if date is None else {"strftime_now": datetime.fromisoformat(date).strftime}
        variables = clock | dict(options or {})
        return _compile_template(template).render(
            variables
            | {
                "messages": [_describe_message(message) for message in messages],
                "tools": variables.get("tools"),
                "documents": variables.get("documents"),
                "bos_token": bos_token,
                "eos_token": eos_token,
                "add_generation_prompt": add_generation_prompt,
            }
        )
    except _TEMPLATE_ERRORS as error:
        msg = f"the chat template fails: {_describe_template_error(error)}"
        raise ConfigError(msg) from error


def _describe_message(message: Message) -> dict[str, str]:
    """Return a message as templates read it; the names of a thought are those that they use."""
    described = {"role": message.role.value, "content": message.content}
    if message.reasoning is not None:
        described |= {"reasoning_content": message.reasoning, "thinking": message.reasoning}
    return described


def strip_bos_token(text: str, bos_token: str | None) -> str:
    """Return the text without its begin token, for code that adds this token itself."""
    return text.removeprefix(bos_token or "")


class _GenerationTag(Extension):
    """Accept the tag `{% generation %}`, which marks the assistant's part for training."""

    tags = {"generation"}  # noqa: RUF012 - Jinja declares it so

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Return the statements between the tags."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


@lru_cache(maxsize=64)
def _compile_template(template: str) -> jinja2.Template:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[_GenerationTag, "jinja2.ext.loopcontrols"],
        autoescape=False,  # this is text for a model, not a web page
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _raise_exception
    return environment.from_string(template)


def _tojson(
    value: Any,
    ensure_ascii: bool = False,  # noqa: FBT001, FBT002 - as templates call it
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,  # noqa: FBT001, FBT002
) -> str:
    """Return JSON without HTML escapes, unlike Jinja's own filter."""
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _raise_exception(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def _describe_template_error(error: Exception) -> str:
    match error:
        case jinja2.TemplateSyntaxError():
            return f"line {error.lineno}: {error.message}"
        case _:
            return str(error) or type(error).__name__
