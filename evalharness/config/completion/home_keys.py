"""Keep a provider's key at its own address, where the user puts another server in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from evalharness.config.completion.user_settings import iterate_model_places
from evalharness.config.names.providers import list_providers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from evalharness.config.completion.user_settings import UserSettings


_ADDRESSES = ("base_url", "api_base")


def forget_keys_of_other_servers(
    tree: Mapping[str, Any], user: UserSettings, config_dir: Path | None
) -> None:
    """Mark the models that the user sends to another server, which is not sent their key.

    A model of a provider, or of a file of ours, names its provider's key. If the user sets another
    `base_url` alone, that key is not for it: the user names the server's own in `api_key_env`.
    Azure's address is always the user's. The name of the variable stays in the configuration, so
    that the default name of a run stays, too.

    Args:
        tree: the composed configuration, which is changed.
        user: what the user set.
        config_dir: a folder with the user's own configuration files.
    """
    for place, conf in iterate_model_places(tree):
        variable = conf["api_key_env"]
        if not variable or user.has(f"{place}.api_key_env") or conf["api_version"]:
            continue
        hosts = {
            _read_host(url)
            for name in _ADDRESSES
            if user.has(f"{place}.{name}")
            for url in (conf[name] if isinstance(conf[name], list) else [conf[name]])
        }
        if hosts and not hosts <= _list_homes(variable, config_dir):
            conf["withholds_key"] = True


def _list_homes(variable: str, config_dir: Path | None) -> set[str]:
    """Return the hosts of the providers whose key is in a variable."""
    return {
        _read_host(provider.base_url)
        for provider in list_providers(config_dir)
        if provider.api_key_env == variable and provider.base_url
    }


def _read_host(url: Any) -> str:
    return urlsplit(str(url)).hostname or ""
