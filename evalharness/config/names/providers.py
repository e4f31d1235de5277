"""The providers of conf/providers/: where models are served, under which key, and what is not sent."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from evalharness.config.model_schema import ModelConf
from evalharness.config.names.families import guess_family, usually_thinks
from evalharness.config.resource_folders import (
    find_config_file,
    find_first_comment,
    list_config_files,
)
from evalharness.errors import ConfigError, suggest_close_match
from evalharness.store import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_DEFAULT_BACKEND = "openai_compatible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A provider of models.

    Attributes:
        name: as it is written before the slash.
        description: one line.
        settings: the settings of its models.
        is_users: whether the file is the user's.
    """

    name: str
    description: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    is_users: bool = False

    @property
    def base_url(self) -> Any:
        """The address of its server; None where the backend knows it."""
        return self.settings.get("base_url")

    @property
    def api_key_env(self) -> str | None:
        """The environment variable that holds the key; None where none is needed."""
        return self.settings.get("api_key_env")

    def describe_model(self, model_id: str) -> dict[str, Any]:
        """Return the configuration of one of its models, as a node of Hydra's.

        Args:
            model_id: what the provider calls the model.
        """
        thinks = self.settings.get("thinks", usually_thinks(model_id))
        sampling = "provider_default" if thinks else "mt_bench"
        return {
            "defaults": [{"/sampling@sampling": sampling}, "_self_"],
            "name": model_id,
            "backend": _DEFAULT_BACKEND,
            "api_name": model_id,
            "family": guess_family(model_id),
            "thinks": thinks,
            **self.settings,
        }


def list_providers(config_dir: Path | None = None) -> tuple[Provider, ...]:
    """Return all providers, sorted by their names.

    Raises:
        ConfigError: a file has an unknown setting.
    """
    return tuple(
        read_provider(path, is_users=config_dir is not None and config_dir in path.parents)
        for path in list_config_files("providers", config_dir)
    )


def find_provider(name: str, config_dir: Path | None = None) -> Provider | None:
    """Return a provider, or None if there is none of this name.

    Raises:
        ConfigError: its file has an unknown setting.
    """
    path = find_config_file("providers", name, config_dir)
    if path is None:
        return None
    return read_provider(path, is_users=config_dir is not None and config_dir in path.parents)


def read_provider(path: Path, *, is_users: bool = False) -> Provider:
    """Return the provider that a file describes.

    Raises:
        ConfigError: the file has an unknown setting.
        InputError: the file is no YAML.
    """
    place = f"providers/{path.name}"
    settings = read_yaml(path) or {}
    known = [own.name for own in fields(ModelConf) if own.name not in ("name", "default_fields")]
    if not isinstance(settings, dict):
        msg = f"{place}: must be settings of a model, such as base_url: https://..."
        raise ConfigError(msg)
    for key in settings:
        if key not in known:
            msg = f"{place}: unknown key {str(key)!r}{suggest_close_match(str(key), known)}"
            raise ConfigError(msg)
    return Provider(
        name=path.stem,
        description=find_first_comment(path.read_text(encoding="utf-8").splitlines()),
        settings=settings,
        is_users=is_users,
    )
