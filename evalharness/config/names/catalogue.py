"""The models that configuration files describe, and the other names by which people know them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import yaml

from evalharness.config.resource_folders import list_config_files
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_FACTS = re.compile(r"^(name|weights|revision|api_name|base_url):[ \t]+(\S.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """What a file of conf/models says about where its model is; None where it says nothing.

    Attributes:
        option: the name of the file, which overrides can choose.
        name: the name in tables.
        weights: a hub id or a folder.
        api_name: what the server calls the model.
        base_url: the address of the server.
        path: the file; None for the content of a node.
    """

    option: str
    name: str
    weights: str | None = None
    api_name: str | None = None
    base_url: Any = None
    path: Path | None = None

    @property
    def aliases(self) -> tuple[str, ...]:
        """The other names of the model."""
        dotted = self.option.replace("_", ".")
        names = (dotted, self.name, self.api_name, self.weights)
        return tuple(dict.fromkeys(name for name in names if name and name != self.option))


def read_entry(path: Path) -> CatalogueEntry:
    """Return what a model's file says, read without composing it."""
    facts = {key: _read_scalar(value) for key, value in _FACTS.findall(path.read_text())}
    return replace(describe_entry(path.stem, facts), path=path)


def describe_entry(option: str, facts: Mapping[str, Any]) -> CatalogueEntry:
    """Return what the content of a model's file says.

    Args:
        option: the name of the file.
        facts: its content; other settings are ignored.
    """
    return CatalogueEntry(
        option=option,
        name=str(facts.get("name") or option),
        weights=facts.get("weights"),
        api_name=facts.get("api_name"),
        base_url=facts.get("base_url"),
    )


def read_catalogue(config_dir: Path | None = None) -> tuple[CatalogueEntry, ...]:
    """Return all models that have a file."""
    return tuple(map(read_entry, list_config_files("models", config_dir)))


def find_alias(text: str, entries: Sequence[CatalogueEntry], place: str) -> CatalogueEntry | None:
    """Return the model that has this other name, or None.

    Names that are equal to the letter come first; then the case of letters is ignored.

    Raises:
        ConfigError: several models have this name; the message lists them.
    """
    for matches in _iterate_matches(text, entries):
        if len(matches) > 1:
            options = ", ".join(entry.option for entry in matches)
            msg = f"{place}={text}: several models have this name; choose one of {options}"
            raise ConfigError(msg)
        if matches:
            return matches[0]
    return None


def find_served_entry(
    base_url: Any, model_id: str, entries: Sequence[CatalogueEntry]
) -> CatalogueEntry | None:
    """Return the model that has this id, or else this name, at this address; None if none has.

    Among several with this id it is the one whose name is the id too. If there is none, they are
    variants with settings of their own, and none of them is meant.
    """
    here = [
        entry
        for entry in entries
        if isinstance(entry.base_url, str)
        and entry.base_url.rstrip("/") == str(base_url).rstrip("/")
    ]
    by_id = [entry for entry in here if (entry.api_name or entry.name) == model_id]
    if len(by_id) == 1:
        return by_id[0]
    return next((entry for entry in [*by_id, *here] if entry.name == model_id), None)


def _iterate_matches(
    text: str, entries: Sequence[CatalogueEntry]
) -> Iterator[list[CatalogueEntry]]:
    """Yield the models that a text may mean, the most certain kind of name first."""
    yield [entry for entry in entries if text in (entry.option.replace("_", "."), entry.name)]
    yield [entry for entry in entries if text == entry.api_name]
    yield [entry for entry in entries if text == entry.weights]
    low = text.casefold()
    yield [
        entry
        for entry in entries
        if low in {alias.casefold() for alias in (entry.option, *entry.aliases)}
    ]


def _read_scalar(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:  # composing the file names the error
        return None
