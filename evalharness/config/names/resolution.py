"""Find the models that a written name stands for.

In this order: a file of conf/models (or --config-dir), a folder on this machine, another name of a
file (`gpt-4.1`, a hub id, a server's name), weights of the hub (`hf/ORG/NAME`), a provider's model.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.config.names.catalogue import (
    CatalogueEntry,
    describe_entry,
    find_alias,
    find_served_entry,
    read_catalogue,
    read_entry,
)
from evalharness.config.names.close_names import explain_unknown_name
from evalharness.config.names.families import guess_family
from evalharness.config.names.model_choice import ModelChoice
from evalharness.config.names.providers import find_provider
from evalharness.config.names.weights_folders import (
    choose_adapter,
    choose_folder,
    describe_weights,
    expand_path,
    is_path,
    list_folders,
    write_path,
)
from evalharness.config.names.written_name import make_key, parse_written_name
from evalharness.config.resource_folders import (
    find_config_file,
    list_leaf_paths,
    read_config_file,
)
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from evalharness.config.names.providers import Provider

_HUB = "hf"
_HUB_PARTS = 2


class ModelNames:
    """Resolves names; the files of models are read once, and only if a name is not a file's."""

    def __init__(self, config_dir: Path | None = None) -> None:
        """Read nothing yet.

        Args:
            config_dir: the user's own configuration files.
        """
        self._config_dir = config_dir
        self._entries: tuple[CatalogueEntry, ...] | None = None

    @property
    def entries(self) -> tuple[CatalogueEntry, ...]:
        """All models that have a file."""
        if self._entries is None:
            self._entries = read_catalogue(self._config_dir)
        return self._entries

    def resolve(self, text: str, place: str) -> tuple[ModelChoice, ...]:
        """Return the models that a name stands for: one, or several for a path with `*`.

        Args:
            text: the name.
            place: the override that has it, for messages.

        Raises:
            ConfigError: there is no such model, or the name can mean several.
        """
        if path := find_config_file("models", text, self._config_dir):
            return (self._choose_file(read_entry(path), text),)
        written = parse_written_name(text, place)
        found = self._resolve_base(written.base, place)
        if not written.settings:
            return found
        return tuple(
            choice.extend(
                f"{choice.option}_{make_key(written.suffix)}",
                choice.name + written.suffix,
                written.settings,
            ).add_spelling(text)
            for choice in found
        )

    def resolve_one(self, text: str, place: str) -> ModelChoice:
        """Return the one model that a name stands for.

        Raises:
            ConfigError: there is no such model, or there are several.
        """
        found = self.resolve(text, place)
        if len(found) > 1:
            names = ", ".join(choice.name for choice in found)
            msg = f"{place}={text}: must name one model, not {len(found)}: {names}"
            raise ConfigError(msg)
        return found[0]

    def _resolve_base(self, text: str, place: str) -> tuple[ModelChoice, ...]:
        if path := find_config_file("models", text, self._config_dir):
            return (self._choose_file(read_entry(path), text),)
        base, plus, adapter = text.rpartition("+")
        if plus and is_path(adapter) and not Path(text).expanduser().is_dir():
            on = self._resolve_base(base, place)
            folders = expand_path(adapter, place)
            return tuple(
                choose_adapter(one, Path(folder), folder, place) for one in on for folder in folders
            )
        if is_path(text):
            return _resolve_path(text, place)
        if entry := find_alias(text, self.entries, place):
            return (self._choose_file(entry, text),)
        return (self._resolve_remote(text, place).add_spelling(text),)

    def _resolve_remote(self, text: str, place: str) -> ModelChoice:
        """Return the model of a provider, or the weights of the hub."""
        provider_name, slash, model_id = text.partition("/")
        if slash and provider_name == _HUB:
            return _choose_hub_weights(text, model_id, place)
        provider = find_provider(provider_name, self._config_dir) if slash else None
        if provider is None:
            raise ConfigError(explain_unknown_name(text, place, self.entries, self._config_dir))
        if not model_id:
            msg = f"{place}={text}: the model is missing; write {provider_name}/MODEL"
            raise ConfigError(msg)
        if entry := find_served_entry(provider.base_url, model_id, self.entries):
            return self._choose_file(entry, text)
        return _choose_served(provider, model_id)

    def _choose_file(self, entry: CatalogueEntry, text: str) -> ModelChoice:
        spellings = (entry.option, entry.name, entry.option.replace("_", "."), text)
        is_users = bool(entry.path and self._config_dir and self._config_dir in entry.path.parents)
        return ModelChoice(
            option=entry.option,
            name=entry.name,
            long_name=entry.name,
            spellings=tuple(dict.fromkeys(spellings)),
            path=entry.path,
            users=_list_paths(read_config_file(entry.path)) if entry.path and is_users else (),
            home=entry,
        )


def _choose_served(provider: Provider, model_id: str) -> ModelChoice:
    """Return a provider's model that has no file."""
    node = provider.describe_model(model_id)
    written = f"{provider.name}/{model_id}"
    return ModelChoice(
        option=make_key(written),
        name=node["name"],
        long_name=written,
        spellings=(make_key(written), model_id, written),
        node=node,
        users=_list_paths(provider.settings) if provider.is_users else (),
        home=describe_entry(make_key(written), node),
    )


def _choose_hub_weights(text: str, rest: str, place: str) -> ModelChoice:
    """Return weights of the hub, `hf/ORG/NAME` or `hf/ORG/NAME@REVISION`."""
    model_id, _, revision = rest.partition("@")
    parts = model_id.split("/")
    if len(parts) != _HUB_PARTS or not all(parts):
        msg = f"{place}={text}: weights of the hub are written hf/ORGANIZATION/NAME"
        raise ConfigError(msg)
    settings: dict[str, Any] = {"weights": model_id, "revision": revision or None}
    name = f"{parts[1]}@{revision}" if revision else parts[1]
    choice = describe_weights(name, f"{parts[0]}/{name}", settings, model_id)
    return choice if guess_family(model_id) else choice.add_spelling(model_id)


def _resolve_path(text: str, place: str) -> tuple[ModelChoice, ...]:
    """Return the models in the folders that a path names."""
    file = Path(text).expanduser()
    if file.suffix == ".gguf" and file.is_file():
        settings = {"weights": text.rpartition("/")[0] or "/", "gguf_file": file.name}
        return (
            describe_weights(file.stem, f"{file.parent.name}/{file.stem}", settings, file.stem),
        )
    folders = list_folders(text.rstrip("/") or "/", place)
    several = "*" in text
    return tuple(
        choose_folder(folder, shown, place).add_spelling(shown)
        for folder in folders
        for shown in [write_path(folder) if several else text.rstrip("/") or "/"]
    )


def _list_paths(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths of the settings in the file of a model or a provider."""
    return tuple(list_leaf_paths({key: content[key] for key in content if key != "defaults"}))


def refuse_repeats(choices: Sequence[ModelChoice], place: str) -> None:
    """Refuse a list that names one model twice, perhaps in two ways.

    Raises:
        ConfigError: a model is named twice.
    """
    models = [_identify(choice) for choice in choices]
    for choice, model in zip(choices, models, strict=True):
        if models.count(model) > 1:
            ways = dict.fromkeys(
                spelling
                for each, other in zip(choices, models, strict=True)
                if other == model
                for spelling in each.spellings[-1:]
            )
            msg = f"{place}: names {choice.name} twice ({', '.join(ways)}); name it once"
            raise ConfigError(msg)


def _identify(choice: ModelChoice) -> Any:
    """Return what is equal for two names of one model; a folder is one however it is written."""
    if choice.node is None:
        return choice.option
    settings = dict(choice.node) | {"name": None}
    folders = {
        place: str(Path(settings[place]).expanduser().resolve())
        for place in ("weights", "adapter")
        if is_path(str(settings.get(place) or ""))
    }
    return settings | folders if folders else (choice.option, choice.name)


def separate_options(choices: Sequence[ModelChoice]) -> tuple[ModelChoice, ...]:
    """Return models that have different keys, also where ids differ in signs that no key has."""
    separate: list[ModelChoice] = []
    for choice in choices:
        others = {other.option for other in separate if other.node != choice.node}
        option, number = choice.option, 1
        while option in others:
            number += 1
            option = f"{choice.option}_{number}"
        separate.append(choice if option == choice.option else replace(choice, option=option))
    return tuple(separate)


def tell_names_apart(choices: Sequence[ModelChoice]) -> tuple[ModelChoice, ...]:
    """Return models of one run; those that would have the same name get their longer ones."""
    names = [choice.name for choice in choices]
    return tuple(
        choice.use_long_name() if names.count(choice.name) > 1 else choice for choice in choices
    )
