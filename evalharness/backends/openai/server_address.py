"""Where a model's servers are, which key each of them is sent, and through which proxy.

A key is sent to its own provider only. `OPENAI_API_KEY` belongs to OpenAI's address (which
`OPENAI_BASE_URL` can move), `AZURE_OPENAI_API_KEY` to Azure; any other server is sent the key that
the model's `api_key_env` names, or none.
"""

from __future__ import annotations

import ipaddress
import os
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from evalharness.backends.openai.address_check import has_valid_port
from evalharness.backends.openai.azure_tokens import has_azure_login
from evalharness.backends.openai.settings import get_openai_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalharness.domain import ModelSpec

OPENAI_URL = "https://api.openai.com/v1"
OPENAI_KEY_VARIABLE = "OPENAI_API_KEY"
AZURE_KEY_VARIABLE = "AZURE_OPENAI_API_KEY"
_OPENAI_ADDRESS_VARIABLE = "OPENAI_BASE_URL"
_OPENAI_HOST = "api.openai.com"
_AZURE_HOSTS = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")
_ACCOUNT_HEADERS = {"OPENAI_ORG_ID": "OpenAI-Organization", "OPENAI_PROJECT_ID": "OpenAI-Project"}
_PRIVATE_NAMES = (".localhost", ".local", ".internal")
_NUMERIC_NAME = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)\.?", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}
_SOCKS_SCHEMES = ("socks", "socks4", "socks4a", "socks5", "socks5h")


def list_server_urls(spec: ModelSpec) -> tuple[str, ...]:
    """Return the base URLs of a model's servers; those of OpenAI itself if it has no other."""
    openai_url = _read_variable(_OPENAI_ADDRESS_VARIABLE) or OPENAI_URL
    urls = get_openai_settings(spec).base_url or (OPENAI_URL,)
    return tuple(openai_url if url.rstrip("/") == OPENAI_URL else url for url in urls)


def list_key_variables(spec: ModelSpec) -> tuple[str, ...]:
    """Return the variables that may hold the model's key."""
    named = get_openai_settings(spec).api_key_env
    return (named,) if named else (OPENAI_KEY_VARIABLE, AZURE_KEY_VARIABLE)


def find_key_variable(spec: ModelSpec) -> str | None:
    """Return the variable that holds the key of a model's servers; None if they are sent no key."""
    settings, urls = get_openai_settings(spec), list_server_urls(spec)
    if settings.api_key_env is not None:
        return settings.api_key_env or None
    if settings.api_version or all(map(is_azure_address, urls)):
        return AZURE_KEY_VARIABLE
    return OPENAI_KEY_VARIABLE if is_openai(spec) else None


def find_key(spec: ModelSpec) -> str | None:
    """Return the key that a model's servers are sent."""
    variable = find_key_variable(spec)
    return _read_variable(variable) if variable else None


def list_account_headers(spec: ModelSpec) -> dict[str, str]:
    """Return the headers that name the user's organization and project, for OpenAI only."""
    if not is_openai(spec):
        return {}
    values = {header: _read_variable(name) for name, header in _ACCOUNT_HEADERS.items()}
    return {header: value for header, value in values.items() if value}


def is_openai(spec: ModelSpec) -> bool:
    """Whether all servers of a model are OpenAI's, or what `OPENAI_BASE_URL` names in their place."""
    own = _read_variable(_OPENAI_ADDRESS_VARIABLE)
    return get_openai_settings(spec).api_version is None and all(
        url == own or _is_openai_host(url) for url in list_server_urls(spec)
    )


def list_address_problems(spec: ModelSpec) -> Iterator[str]:
    """Yield what is wrong with the addresses, the key and the proxies of a model's servers."""
    place, settings, urls = f"models.{spec.name}", get_openai_settings(spec), list_server_urls(spec)
    for url in urls:
        name = f"{place}.base_url" if url in settings.base_url else _OPENAI_ADDRESS_VARIABLE
        if not has_valid_port(url):
            yield f"{name} is no address; check its host and port"
            return
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            yield f"{name} is {hide_password(url)!r}; it should begin with http:// or https://"
    yield from _list_key_problems(spec, place, urls)
    for url in urls:
        if (proxy := find_proxy(url)) and urlsplit(proxy).scheme in _SOCKS_SCHEMES:
            yield (
                f"the proxy of {hide_password(url)} is a SOCKS proxy ({hide_password(proxy)}), which "
                f"is not supported; name an HTTP proxy in {urlsplit(url).scheme.upper()}_PROXY, or "
                "the host in NO_PROXY"
            )


def _list_key_problems(spec: ModelSpec, place: str, urls: tuple[str, ...]) -> Iterator[str]:
    variable, key = find_key_variable(spec), find_key(spec)
    if variable is None:
        return  # a server that no key was named for
    has_login = not get_openai_settings(spec).api_key_env and has_azure_login(spec)
    if key is None and not has_login:
        if get_openai_settings(spec).api_key_env or not all(map(is_private, urls)):
            yield f"{variable} is not set; {place} needs it in the environment"
        return
    if key and (not key.isascii() or not key.isprintable()):
        yield (
            f"the key in {variable} has a line break or another character that no key has; "
            "copy it again"
        )
    for url in urls:
        if urlsplit(url).scheme == "http" and not is_private(url):
            yield (
                f"the key in {variable} would go to {hide_password(url)} without encryption; "
                "use https://, or a server in your own network"
            )


def find_origin(url: str) -> str:
    """Return the scheme, the host and the port of a URL: what tells one server from another.

    Other ports of a host may be other people's servers.
    """
    parts = urlsplit(url)
    try:
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:  # it is no number, which connecting reports
        return url
    return f"{parts.scheme}://{parts.hostname}:{port}"


def is_private(url: str) -> bool:
    """Whether a URL is on this machine or in its private network, where keys are not usual."""
    host = (urlsplit(url).hostname or "").removesuffix(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        is_label = "." not in host and not _NUMERIC_NAME.fullmatch(host)
        return is_label or host.endswith(_PRIVATE_NAMES)
    return (getattr(address, "ipv4_mapped", None) or address).is_private


def find_proxy(url: str) -> str | None:
    """Return the proxy of a URL by the environment, or None.

    aiohttp could read the environment itself, but would take passwords from ~/.netrc as well.
    """
    host = urlsplit(url).hostname or ""
    if is_private(url) or proxy_bypass(host):
        return None
    proxies = getproxies()
    return proxies.get(urlsplit(url).scheme) or proxies.get("all")


def hide_password(url: str) -> str:
    """Return a URL without a password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def hide_secrets(url: str) -> str:
    """Return a URL without a password and without a query, which may hold a key."""
    return urlsplit(hide_password(url))._replace(query="", fragment="").geturl()


def _is_openai_host(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == _OPENAI_HOST or host.endswith(f".{_OPENAI_HOST}")


def is_azure_address(url: str) -> bool:
    """Whether a URL is at one of Azure's own hosts."""
    return (urlsplit(url).hostname or "").endswith(_AZURE_HOSTS)


def _read_variable(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None
