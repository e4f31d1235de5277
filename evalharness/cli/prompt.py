"""The verb `prompt`: print the exact text or messages that a model would receive."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from evalharness.cli.arguments import Verb, add_config_dir
from evalharness.cli.terminal.exit_codes import OK
from evalharness.domain import TOKENIZER_TEMPLATE, build_conversation
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from evalharness.domain import ModelSpec


def print_prompt(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Print the prompt of a model, without a final line break unless on a terminal.

    Raises:
        ConfigError: there is no such model, an override is wrong, or the model's template is in a
            tokenizer that is not on this machine.
    """
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("texts", metavar="TEXT", nargs="+", help="user, model, user, ...")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], dest="overrides")
    add_config_dir(parser)
    given = parser.parse_intermixed_args(arguments)
    from evalharness.config import load_model_spec

    spec = load_model_spec(given.model, given.overrides, given.config_dir)
    sys.stdout.write(render_prompt_text(spec, given.texts))
    if sys.stdout.isatty():
        sys.stdout.write("\n")
    return OK


def render_prompt_text(spec: ModelSpec, texts: Sequence[str]) -> str:
    """Return the prompt after alternating turns: the text, or the messages as JSON.

    Args:
        spec: the model.
        texts: user, model, user, ...; the last one is the user's.

    Raises:
        ConfigError: the model's template is in a tokenizer that is not on this machine.
    """
    from evalharness.backends import find_backend, render_chat_template

    messages = build_conversation(texts[::2], texts[1::2], spec.system)
    if spec.template is None:
        content = [{"role": message.role, "content": message.content} for message in messages]
        return json.dumps(content, indent=2, ensure_ascii=False)
    if spec.template == TOKENIZER_TEMPLATE:
        render_prompt = find_backend(spec.backend).render_prompt
        if render_prompt is None:
            msg = f"models.{spec.name}.template=tokenizer: {spec.backend} has no tokenizer"
            raise ConfigError(msg)
        return render_prompt(spec, messages)
    return render_chat_template(
        spec.template,
        messages,
        options=spec.template_options,
        date=spec.template_date,
        limits=spec.template_limits,
    )


VERB = Verb(
    name="prompt",
    summary="The exact prompt that a model would be sent after these alternating turns.",
    run=print_prompt,
)
