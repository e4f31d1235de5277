"""Ask a server which models it serves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from evalharness.backends.openai.openai_package import open_client, translate_error
from evalharness.backends.openai.replies.limits import decode_reply
from evalharness.backends.openai.request_headers import list_secrets
from evalharness.backends.openai.server_address import find_key, find_proxy, list_server_urls
from evalharness.backends.openai.settings import get_openai_settings
from evalharness.backends.scrubber import Scrubber
from evalharness.errors import BackendError

if TYPE_CHECKING:
    from evalharness.domain import ModelSpec

_TIMEOUT_S = 5.0
_NOT_OFFERED = {f"http_{status}" for status in (301, 302, 307, 308, 400, 404, 405, 422, 501)}
_ANTHROPIC_HOST = "api.anthropic.com"
_GOOGLE_PREFIX = "models/"
_OWNERS_OF_ANY_NAME = {"llamacpp", "sglang", "koboldcpp", "organization_owner"}
"""What servers that answer to other names than they list write as `owned_by`: llama.cpp, SGLang,
KoboldCpp, LM Studio (which loads on demand)."""


def list_served_models(spec: ModelSpec) -> tuple[str, ...] | None:
    """Return the names that a model's first server gives to the models that it serves.

    Args:
        spec: the model.

    Returns:
        The names, sorted; None if the server lists none. Azure's list is of models and not of
        deployments, so it says nothing about ours.

    Raises:
        BackendError: the server refuses the key, or cannot be reached.
    """
    if get_openai_settings(spec).api_version:
        return None
    url, key = list_server_urls(spec)[0], find_key(spec)
    scrubber = Scrubber(list_secrets(spec, key))
    try:
        content = asyncio.run(_fetch_list(spec, url, key, scrubber))
        names = _read_names(decode_reply(content))
    except BackendError as failure:
        if failure.reason in _NOT_OFFERED:
            return None
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    # A server may list what it was sent, and the names are shown.
    return names and tuple(name for name in names if scrubber.scrub(name) == name)


async def _fetch_list(spec: ModelSpec, url: str, key: str | None, scrubber: Scrubber) -> bytes:
    """Return a server's list of models as it was sent.

    Raises:
        BackendError: there is none.
    """
    import openai

    proxy = find_proxy(url)
    async with open_client(
        spec, url, key=key, scrubber=scrubber, proxy=proxy, timeout_s=_TIMEOUT_S
    ) as client:
        try:
            listing = await client.models.with_raw_response.list(**build_list_options(url, key))
        except openai.OpenAIError as error:
            raise translate_error(error, scrubber) from None
    return listing.http_response.content


def build_list_options(url: str, key: str | None) -> dict[str, Any]:
    """Return what a server's request for its list has besides the usual fields.

    Anthropic's list is of its own protocol: it wants the key in another header, and a version
    (https://docs.claude.com/en/api/models-list).

    Args:
        url: the server.
        key: its key, or None.
    """
    if urlsplit(url).hostname != _ANTHROPIC_HOST or key is None:
        return {}
    headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
    return {"extra_headers": headers, "extra_query": {"limit": "1000"}}


def _read_names(listed: Any) -> tuple[str, ...] | None:
    """Return the names in a list of models, in any of the forms that servers send."""
    if isinstance(listed, dict):
        if listed.get("has_more"):  # names of later pages would be missing
            return None
        listed = listed.get("data", listed.get("models"))
    if not isinstance(listed, list):
        return None
    if _takes_other_names(listed):
        return None
    named = [each.get("id") or each.get("name") for each in listed if isinstance(each, dict)]
    names = {name.removeprefix(_GOOGLE_PREFIX) for name in named if isinstance(name, str)}
    return tuple(sorted(names)) or None


def _takes_other_names(listed: list[Any]) -> bool:
    """Whether a server answers to names that it does not list, by the owners that it names.

    `transformers serve` loads any repository of the hub, and lists those that it has loaded before
    with the first part of their name as the owner.
    """
    entries = [each for each in listed if isinstance(each, dict)]
    owners = {str(each.get("owned_by")) for each in entries}
    loads_from_hub = bool(entries) and all(
        str(each.get("id")).startswith(f"{each.get('owned_by')}/") for each in entries
    )
    return loads_from_hub or bool(owners & _OWNERS_OF_ANY_NAME)
