"""Make the Jinja environment of judges' prompts, and put the errors of templates into words."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

TEMPLATE_ERRORS = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
)
"""Errors of templates: those of Jinja, and those of the expressions in a template."""


@cache
def make_prompt_environment() -> jinja2.Environment:
    """Return the environment in which the templates of judges' prompts are rendered."""
    return ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # this is text for a model, not a web page
    )


def render_prompt_template(template: str, variables: Mapping[str, Any]) -> str:
    """Return the text that a template of a judge's prompt gives, without limits of time and memory.

    Args:
        template: Jinja text.
        variables: what the template may print.

    Raises:
        ConfigError: the template is broken, or does not take these variables.
    """
    try:
        return _compile_prompt_template(template).render(variables)
    except TEMPLATE_ERRORS as error:
        raise ConfigError(describe_template_error(error)) from error


@lru_cache(maxsize=64)
def _compile_prompt_template(template: str) -> jinja2.Template:
    return make_prompt_environment().from_string(template)


def describe_template_error(error: BaseException) -> str:
    """Return an error of a template in words, with the line where it is known.

    Args:
        error: one of `TEMPLATE_ERRORS`.
    """
    match error:
        case jinja2.TemplateSyntaxError():
            return f"line {error.lineno}: {error.message}"
        case MemoryError():
            return "it needs more memory than there is"
        case RecursionError():
            return "it calls itself too often, or is nested too deeply"
        case _:
            return str(error) or type(error).__name__
