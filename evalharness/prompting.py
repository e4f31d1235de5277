"""The exact text, or messages, that a model would be sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from evalharness import chat
from evalharness.domain import TOKENIZER_TEMPLATE, conversation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import ModelSpec


def prompt_text(spec: ModelSpec, texts: Sequence[str]) -> str:
    """Return the prompt after alternating turns: the model's text, or the messages as JSON.

    Args:
        spec: the model.
        texts: user, model, user, ...; the last is the user's.

    Raises:
        ConfigError: the model's template cannot be had (it is in a tokenizer that is not here).
    """
    messages = conversation(texts[::2], texts[1::2], spec.system)
    if spec.template is None:
        content = [{"role": message.role, "content": message.content} for message in messages]
        return json.dumps(content, indent=2, ensure_ascii=False)
    if spec.template == TOKENIZER_TEMPLATE:
        from evalharness.backends import local_transformers

        return local_transformers.prompt_text(spec, messages)
    return chat.render(spec.template, messages)
