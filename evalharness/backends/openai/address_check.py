"""Refuse addresses of servers that hold a key: addresses are kept and shown, keys are not."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from evalharness.errors import ConfigError

_ALLOWED_PARAMETERS = frozenset({"api-version"})
_REMEDY = (
    "addresses are kept and shown, so they hold no key; export the key, and name its variable in "
    "api_key_env, or in a header as ${oc.env:NAME}"
)


def has_valid_port(address: str) -> bool:
    """Whether an address can be taken apart, and its port, if it has one, is a port's number."""
    try:
        return urlsplit(address).port != 0
    except ValueError:
        return False


def check_server_address(address: str, place: str) -> None:
    """Refuse an address that is none of HTTP, or that may hold a key or a password.

    Args:
        address: the address of a server.
        place: of the setting, for messages.

    Raises:
        ConfigError: with the place and the remedy, without the value of any parameter.
    """
    try:
        parts = urlsplit(address)
    except ValueError as error:
        msg = f"{place}: no address ({error})"
        raise ConfigError(msg) from error
    if not has_valid_port(address):
        msg = f"{place}: no address (what stands after the last colon of its host is no port)"
        raise ConfigError(msg)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        shown = parts._replace(
            netloc=parts.netloc.rpartition("@")[2], query="", fragment=""
        ).geturl()
        msg = f"{place}={shown}: must start with http:// or https://"
        raise ConfigError(msg)
    if "@" in parts.netloc:
        msg = f"{place}: an address must not hold a password; name a variable in api_key_env"
        raise ConfigError(msg)
    for name, text in parse_qsl(parts.query, keep_blank_values=True):
        if name not in _ALLOWED_PARAMETERS:
            shown = f"the parameter {name!r}" if text else "a parameter"  # its name may be the key
            msg = f"{place}: the address has {shown}; {_REMEDY}"
            raise ConfigError(msg)
    if parts.fragment:
        msg = f"{place}: the address has a part after #; {_REMEDY}"
        raise ConfigError(msg)
