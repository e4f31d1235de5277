"""A model that a name stands for: a choice in Hydra's group `models`."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evalharness.config.resource_folders import read_config_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from evalharness.config.names.catalogue import CatalogueEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """A choice in the group `models`: a file, or a node that stands for one.

    Attributes:
        option: the name of the choice, which is also the model's key in the configuration.
        name: the name in tables.
        long_name: the name where two models of a run would have the same.
        spellings: all names by which overrides may mean the model.
        path: the file; None for a node.
        node: what the file would hold; None where there is one.
        users: the paths of settings in `node` that the user set.
        home: where the model is; for a variant, without the settings of its own.
        layers: of a variant, what its model's node or file holds, and the settings of its own.
    """

    option: str
    name: str
    long_name: str
    spellings: tuple[str, ...] = ()
    path: Path | None = None
    node: Mapping[str, Any] | None = None
    users: tuple[str, ...] = ()
    home: CatalogueEntry | None = None
    layers: tuple[Mapping[str, Any], ...] = ()

    def add_spelling(self, text: str) -> ModelChoice:
        """Return the choice, known by one more name."""
        return self if text in self.spellings else replace(self, spellings=(*self.spellings, text))

    def use_long_name(self) -> ModelChoice:
        """Return the choice with its longer name in tables; a file keeps its name."""
        if self.node is None:
            return self
        node = dict(self.node) | {"name": self.long_name}
        return replace(self, name=self.long_name, node=node).add_spelling(self.long_name)

    def read_content(self) -> dict[str, Any]:
        """Return what the node or the file holds, its list of defaults included."""
        if self.node is None:
            return read_config_file(self.path) if self.path else {}
        return copy.deepcopy(dict(self.node))

    def extend(self, option: str, name: str, settings: Mapping[str, Any]) -> ModelChoice:
        """Return a choice that has some settings of its own, and the others of this one.

        Its node holds all of them: Hydra takes no two choices of one group at one place, so that it
        could not extend a choice.

        Args:
            option: the name of the new choice.
            name: its name in tables.
            settings: values by their paths in a model's configuration.
        """
        node = self.read_content()
        for path, value in settings.items():
            *parents, last = path.split(".")
            inner = node
            for parent in parents:
                inner[parent] = dict(inner.get(parent) or {})
                inner = inner[parent]
            inner[last] = value
        suffix = name.removeprefix(self.name)
        return ModelChoice(
            option=option,
            name=name,
            long_name=f"{self.long_name}{suffix}",
            node=node | {"name": name},
            spellings=(option, name),
            users=(*self.users, *settings),
            home=self.home,
            layers=(self.read_content(), settings),
        )
