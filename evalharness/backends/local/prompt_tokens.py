"""Render and encode the prompts of local models: the exact text, and its tokens."""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from evalharness.backends.templates.chat_template import render_chat_template, strip_bos_token
from evalharness.domain import TOKENIZER_TEMPLATE
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import Message, ModelSpec, Request


_SEPARATOR = "\ufdd0"
"""A Unicode noncharacter for internal use, which exchanged texts do not contain."""


def render_prompt_with_tokenizer(
    spec: ModelSpec, tokenizer: Any, messages: Sequence[Message]
) -> str:
    """Return the prompt text, with the special tokens that the template writes.

    Raises:
        ConfigError: there is no template, or it does not accept these messages.
    """
    template = spec.template
    if template == TOKENIZER_TEMPLATE:
        try:
            template = tokenizer.get_chat_template()
        except ValueError as error:
            msg = f"the tokenizer of {spec.get_setting('weights')} has no chat template; {_suggest_template(spec)}"
            raise ConfigError(msg) from error
    if template is None:
        raise ConfigError(_suggest_template(spec))
    return render_chat_template(
        template,
        messages,
        bos_token=tokenizer.bos_token or "",
        eos_token=tokenizer.eos_token or "",
        options=spec.template_options,
        date=spec.template_date,
        limits=spec.template_limits,
    )


def encode_prompt(spec: ModelSpec, tokenizer: Any, request: Request) -> list[int]:
    """Return the tokens of a request's prompt and prefill."""
    return encode_prompt_text(spec, tokenizer, _render_separated_prompt(spec, tokenizer, request))


def _render_separated_prompt(spec: ModelSpec, tokenizer: Any, request: Request) -> str:
    """Return the prompt text with a separator inside special tokens that are part of a message.

    Only the template may end a turn. Without the separator, an answer that contains `<|im_end|>` would
    end the judge's turn and start another one.
    """
    specials = _list_special_tokens(tokenizer)
    messages = [
        replace(
            message,
            content=_separate_special_tokens(message.content, specials),
            reasoning=message.reasoning and _separate_special_tokens(message.reasoning, specials),
        )
        for message in request.messages
    ]
    return render_prompt_with_tokenizer(spec, tokenizer, messages) + request.prefill


def _list_special_tokens(tokenizer: Any) -> list[str]:
    added = (token for token in tokenizer.added_tokens_decoder.values() if token.special)
    return sorted({*map(str, added), *tokenizer.all_special_tokens}, key=len, reverse=True)


def _separate_special_tokens(content: str, specials: Sequence[str]) -> str:
    for special in specials:
        content = content.replace(special, f"{special[0]}{_SEPARATOR}{special[1:]}")
    return content


def encode_prompt_text(spec: ModelSpec, tokenizer: Any, text: str) -> list[int]:
    """Return the tokens of a prompt text, with one begin token if the model was trained with it.

    The template of a tokenizer writes all special tokens; for our templates, the tokenizer adds the
    begin token.
    """
    if spec.template == TOKENIZER_TEMPLATE:
        return _encode_parts(tokenizer, text, add_special_tokens=False)
    begins = tokenizer.bos_token_id is not None and (
        _encode_parts(tokenizer, "", add_special_tokens=True)[:1] == [tokenizer.bos_token_id]
    )
    if begins:
        text = strip_bos_token(text, tokenizer.bos_token)
    return _encode_parts(tokenizer, text, add_special_tokens=True)


def encode_options(
    spec: ModelSpec, tokenizer: Any, request: Request
) -> tuple[list[int], list[list[int]]]:
    """Return the tokens of a prompt and those of each option after it.

    Prompt and option are encoded together, as they would be had the model written the option. Where
    a token reaches from one into the other for any option, the prompt ends before that token, and
    all options begin there.
    """
    prompt = _render_separated_prompt(spec, tokenizer, request)
    whole = [encode_prompt_text(spec, tokenizer, prompt + option) for option in request.options]
    tokens = encode_prompt_text(spec, tokenizer, prompt)
    shared = min(count_shared_tokens(tokens, each) for each in whole)
    return tokens[:shared], [each[shared:] for each in whole]


def count_shared_tokens(one: Sequence[int], other: Sequence[int]) -> int:
    """Return the length of the common prefix of two texts, in tokens."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def find_stop_token_ids(spec: ModelSpec, tokenizer: Any) -> frozenset[int]:
    """Return the tokens of a model's stop texts that are special tokens of its tokenizer.

    Decoded text omits special tokens, so they can only be matched as tokens.
    """
    special = dict(zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True))
    return frozenset(special[stop] for stop in spec.stop if stop in special)


def _encode_parts(tokenizer: Any, text: str, *, add_special_tokens: bool) -> list[int]:
    """Return the tokens of a text, whose parts between separators are encoded separately."""
    first, *others = text.split(_SEPARATOR)
    tokens: list[int] = tokenizer(first, add_special_tokens=add_special_tokens, verbose=False)[
        "input_ids"
    ]
    for part in others:
        tokens += tokenizer(part, add_special_tokens=False, verbose=False)["input_ids"]
    return tokens


def _suggest_template(spec: ModelSpec) -> str:
    return f"set models.{spec.name}.template to the Jinja text of the model's chat template"
