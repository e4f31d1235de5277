"""A model that a name stands for: a choice in Hydra's group `models`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """A choice in the group `models`: a file, or a node that stands for one.

    Attributes:
        option: the name of the choice, which is also the model's key in the configuration.
        name: the name in tables.
        long_name: the name where two models of a run would have the same.
        spellings: all names by which overrides may mean the model.
        node: what the file would hold; None where there is one.
        users: the paths of settings in `node` that the user set.
        base: the choice that `node` extends, if that is a node too.
    """

    option: str
    name: str
    long_name: str
    spellings: tuple[str, ...] = ()
    node: Mapping[str, Any] | None = None
    users: tuple[str, ...] = ()
    base: ModelChoice | None = None

    def add_spelling(self, text: str) -> ModelChoice:
        """Return the choice, known by one more name."""
        return self if text in self.spellings else replace(self, spellings=(*self.spellings, text))

    def use_long_name(self) -> ModelChoice:
        """Return the choice with its longer name in tables; a file keeps its name."""
        if self.node is None:
            return self
        node = dict(self.node) | {"name": self.long_name}
        return replace(self, name=self.long_name, node=node).add_spelling(self.long_name)

    def extend(self, option: str, name: str, settings: Mapping[str, Any]) -> ModelChoice:
        """Return a choice that has some settings of its own, and the others of this one.

        Args:
            option: the name of the new choice.
            name: its name in tables.
            settings: values by their paths in a model's configuration.
        """
        suffix = name.removeprefix(self.name)
        return ModelChoice(
            option=option,
            name=name,
            long_name=f"{self.long_name}{suffix}",
            node={
                "defaults": [{"/models@_here_": self.option}, "_self_"],
                **nest_settings(settings),
                "name": name,
            },
            spellings=(option, name),
            users=(*self.users, *settings),
            base=self,
        )


def nest_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by dotted paths as nested mappings."""
    nested: dict[str, Any] = {}
    for path, value in settings.items():
        *parents, last = path.split(".")
        inner = nested
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return nested
