"""The exact text, or messages, that a model would be sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from evalharness.backends import render_chat_template
from evalharness.config import load_model_spec
from evalharness.domain import TOKENIZER_TEMPLATE, build_conversation

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from evalharness.domain import ModelSpec


def render_requested_prompt(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> str:
    """Return the prompt that a command line asks for.

    Raises:
        ConfigError: there is no such model, an override is wrong, or its template cannot be had.
    """
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("texts", metavar="TEXT", nargs="+", help="user, model, user, ...")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], dest="overrides")
    given = parser.parse_intermixed_args(arguments)
    return render_prompt_text(
        load_model_spec(given.model, given.overrides, given.config_dir), given.texts
    )


def render_prompt_text(spec: ModelSpec, texts: Sequence[str]) -> str:
    """Return the prompt after alternating turns: the model's text, or the messages as JSON.

    Args:
        spec: the model.
        texts: user, model, user, ...; the last is the user's.

    Raises:
        ConfigError: the model's template cannot be had (it is in a tokenizer that is not here).
    """
    messages = build_conversation(texts[::2], texts[1::2], spec.system)
    if spec.template is None:
        content = [{"role": message.role, "content": message.content} for message in messages]
        return json.dumps(content, indent=2, ensure_ascii=False)
    if spec.template == TOKENIZER_TEMPLATE:
        from evalharness.backends import render_local_prompt

        return render_local_prompt(spec, messages)
    return render_chat_template(spec.template, messages)
