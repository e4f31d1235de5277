"""Keep keys and secret headers at the server that they were named for, where another is put in its place.

A key (`api_key_env`) and secret headers belong to the address that stands beside or below them. If a later
file, a variant or an override names another `base_url` alone, they are not for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalharness.backends import find_origin, is_azure_address
from evalharness.config.completion.user_settings import iterate_model_places
from evalharness.config.names.providers import list_providers
from evalharness.config.secret_headers import REFERENCE_START

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from evalharness.config.completion.setting_layers import SettingLayer


_ADDRESSES = ("base_url", "api_base")
_AZURE_KEY_VARIABLE = "AZURE_OPENAI_API_KEY"


def forget_keys_of_other_servers(
    tree: Mapping[str, Any], layers: Sequence[SettingLayer], config_dir: Path | None
) -> None:
    """Keep from another server the key and the secret headers of the one in whose place it is put.

    Whoever names the address names `api_key_env`, and each header, in the same layer or a later
    one if they are for it. The name of the variable stays in the configuration, so that the
    default name of a run stays, too; a header is taken out.

    Args:
        tree: the composed configuration, which is changed.
        layers: what files, variants and overrides set, the last one on top.
        config_dir: a folder with the user's own configuration files.
    """
    for place, conf in iterate_model_places(tree):
        model = _ModelLayers(layers, place)
        origins = _list_origins(conf[name] for name in _ADDRESSES)
        variable = conf["api_key_env"]
        if variable and model.is_moved("api_key_env", origins):
            homes = _list_provider_origins(variable, config_dir)
            is_own_azure = variable == _AZURE_KEY_VARIABLE and all(map(is_azure_address, origins))
            if not origins <= homes and not is_own_azure:
                conf["withholds_key"] = True
        for header in [*conf["headers"]]:
            is_secret = REFERENCE_START in str(conf["headers"][header])
            if is_secret and model.is_moved(f"headers.{header}", origins):
                del conf["headers"][header]


class _ModelLayers:
    """What the layers set in one model."""

    def __init__(self, layers: Sequence[SettingLayer], place: str) -> None:
        self._layers = layers
        self._place = place

    def is_moved(self, setting: str, origins: set[str]) -> bool:
        """Return whether a layer above the setting's own names another server.

        Args:
            setting: the setting, by its path in the model.
            origins: the servers that are asked.
        """
        own = self._find_last((setting,), len(self._layers))
        address = self._find_last(_ADDRESSES, len(self._layers))
        if address <= own:
            return False
        home = self._find_last(_ADDRESSES, own + 1)
        values = self._layers[home].values if home >= 0 else {}
        return not origins <= _list_origins(
            values.get(f"{self._place}.{name}") for name in _ADDRESSES
        )

    def _find_last(self, settings: Sequence[str], end: int) -> int:
        """Return the index of the last of the first layers that sets one of some settings, or -1."""
        paths = {f"{self._place}.{setting}" for setting in settings}
        found = (
            index
            for index in reversed(range(end))
            for own in self._layers[index].values
            if any(own == path or own.startswith(f"{path}.") for path in paths)
        )
        return next(found, -1)


def _list_provider_origins(variable: str, config_dir: Path | None) -> set[str]:
    """Return the servers of the providers whose key is in a variable."""
    return {
        origin
        for provider in list_providers(config_dir)
        if provider.api_key_env == variable
        for origin in _list_origins(provider.settings.get(name) for name in _ADDRESSES)
    }


def _list_origins(addresses: Iterable[Any]) -> set[str]:
    """Return the servers that addresses name; an empty text is the backend's own server."""
    urls = [url for each in addresses for url in (each if isinstance(each, list) else [each])]
    return {find_origin(str(url)) for url in urls if url} or {""}
