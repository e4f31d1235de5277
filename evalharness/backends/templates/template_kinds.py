"""Render templates of both kinds, chat templates and those of judges' prompts, in this process."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from evalharness.backends.templates.chat_environment import make_chat_environment
from evalharness.errors import ConfigError
from evalharness.judge import (
    TEMPLATE_ERRORS,
    describe_template_error,
    is_bounded_template,
    make_prompt_environment,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import jinja2


class TemplateKind(StrEnum):
    """What a template is written for, which decides the names that it knows."""

    CHAT = "chat"
    JUDGE_PROMPT = "judge prompt"


def render_here(
    kind: TemplateKind, template: str, variables: Mapping[str, Any], date: str | None
) -> str:
    """Return the text that a template gives, without limits of time and memory.

    Args:
        kind: what the template is written for.
        template: Jinja text.
        variables: what the template may print.
        date: the day that `strftime_now` gives, in ISO 8601; without one it is not defined.

    Raises:
        ConfigError: the template is broken, or does not take these variables.
    """
    clock = {} if date is None else {"strftime_now": datetime.fromisoformat(date).strftime}
    try:
        return _compile_template(kind, template).render(clock | dict(variables))
    except TEMPLATE_ERRORS as error:
        raise ConfigError(describe_template_error(error)) from error


@lru_cache(maxsize=64)
def can_render_here(kind: TemplateKind, template: str) -> bool:
    """Return whether a template takes time and memory in proportion to its texts.

    Args:
        kind: what the template is written for.
        template: Jinja text.
    """
    return is_bounded_template(_find_environment(kind), template)


@lru_cache(maxsize=64)
def _compile_template(kind: TemplateKind, template: str) -> jinja2.Template:
    return _find_environment(kind).from_string(template)


def _find_environment(kind: TemplateKind) -> jinja2.Environment:
    is_chat = kind is TemplateKind.CHAT
    return make_chat_environment() if is_chat else make_prompt_environment()
