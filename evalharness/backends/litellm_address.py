"""Say where a model of the backend `litellm` is asked: at which provider, and under which name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.backends.definition import ModelAddress
from evalharness.backends.openai.server_address import is_private

if TYPE_CHECKING:
    from evalharness.domain import ModelSpec

LITELLM_SCHEME = "litellm:"
"""What the address of a provider begins with that LiteLLM finds by its name."""


def find_address(spec: ModelSpec) -> ModelAddress:
    """Return the provider of a model, and the provider's name for it."""
    written = str(spec.get_setting("api_name") or spec.name)
    provider, _, name = written.partition("/")
    own = spec.get_setting("api_base")
    if not name:
        provider, name = "openai", written
    return ModelAddress(
        urls=(own or LITELLM_SCHEME + provider,),
        name=name,
        is_private=bool(own) and is_private(str(own)),
    )
