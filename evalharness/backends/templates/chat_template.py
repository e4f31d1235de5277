"""Render conversations with chat templates, and handle the token that begins a text.

Our own templates (`conf/template/`) never write the token that begins a text; templates of
tokenizers usually do. The token must come exactly once. So code that adds it later (a tokenizer
that adds special tokens) gets `strip_bos_token(text, bos_token)`; a tokenizer's own template is
encoded as it stands, with no special tokens added.

Templates have no clock. Some write the day, with `strftime_now`; here it is the day that the run has
fixed (`ModelSpec.template_date`), so that a conversation gives the same text on every day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalharness.backends.templates.template_kinds import TemplateKind
from evalharness.backends.templates.template_sandbox import DEFAULT_LIMITS, render_template
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import Message, TemplateLimits


def render_chat_template(
    template: str,
    messages: Sequence[Message],
    *,
    bos_token: str = "",
    eos_token: str = "",
    add_generation_prompt: bool = True,
    options: Mapping[str, Any] | None = None,
    date: str | None = None,
    limits: TemplateLimits = DEFAULT_LIMITS,
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
        limits: the time, memory and length that the template may take.

    Raises:
        ConfigError: the template is broken, does not take these messages (some know no system
            message, say), or takes more than the limits.
    """
    options = options or {}
    variables = dict(options) | {
        "messages": [_describe_message(message) for message in messages],
        "tools": options.get("tools"),
        "documents": options.get("documents"),
        "bos_token": bos_token,
        "eos_token": eos_token,
        "add_generation_prompt": add_generation_prompt,
    }
    try:
        return render_template(TemplateKind.CHAT, template, variables, date=date, limits=limits)
    except ConfigError as error:
        msg = f"the chat template fails: {error}"
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
