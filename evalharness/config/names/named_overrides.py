"""Replace the names in overrides by choices that Hydra knows.

A name that is no file becomes a node, which Hydra composes as if it were one. So the order of
models, overrides of their settings, and `models@judge.model=NAME` work alike for both.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.config.names.names_in_files import list_experiment_names, list_names_in_file
from evalharness.config.names.resolution import (
    ModelNames,
    refuse_repeats,
    separate_options,
    tell_names_apart,
)
from evalharness.config.names.spellings import list_spellings, replace_key
from evalharness.config.names.written_name import quote_override_value, split_names
from evalharness.config.resource_folders import (
    find_config_file,
    read_config_file,
)
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from evalharness.config.names.catalogue import CatalogueEntry
    from evalharness.config.names.model_choice import ModelChoice

_MODEL_OF_JUDGE = re.compile(r"\+{0,2}models@((?:judge|panel\.[^.]+)\.model)")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedOverrides:
    """Overrides in which all names are choices of Hydra's.

    Attributes:
        overrides: the overrides, in their order.
        models: the models that `models=` names.
        nodes: the nodes to be stored, by group and name of the choice.
        users: the paths that the user set in a node, by the option of a model.
        packages: where nodes stand whose name does not tell it, as `nodes` has them.
        homes: where the models of nodes are, by their options.
        variants: what the models of variants hold, and their own settings, by their options.
    """

    overrides: tuple[str, ...]
    models: tuple[ModelChoice, ...]
    nodes: Mapping[tuple[str, str], Mapping[str, Any]]
    users: Mapping[str, Sequence[str]]
    packages: Mapping[tuple[str, str], str]
    homes: Mapping[str, CatalogueEntry]
    variants: Mapping[str, Sequence[Mapping[str, Any]]]


class _Replacement:
    """The names of one command, as they are found from override to override."""

    def __init__(self, config_dir: Path | None) -> None:
        self.config_dir = config_dir
        self.names = ModelNames(config_dir)
        self.models: tuple[ModelChoice, ...] = ()
        self.nodes: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.users: dict[str, Sequence[str]] = {}
        self.panel: dict[str, str] = {}
        self.in_files: list[ModelChoice] = []
        self.packages: dict[tuple[str, str], str] = {}
        self.homes: dict[str, CatalogueEntry] = {}
        self.variants: dict[str, Sequence[Mapping[str, Any]]] = {}
        self.scanned: set[tuple[str, str]] = set()

    def keep(self, choice: ModelChoice) -> ModelChoice:
        """Note the node of a choice."""
        if choice.node is not None:
            self.nodes["models", choice.option] = choice.node
            self._note_origin(choice.option, choice)
        return choice

    def _note_origin(self, option: str, choice: ModelChoice) -> None:
        self.users[option] = choice.users
        if choice.home is not None:
            self.homes[option] = choice.home
        if choice.layers:
            self.variants[option] = choice.layers

    def name_models(self, value: str, place: str) -> str:
        """Return the value of `models=` as a list of options."""
        found = [each for text in split_names(value) for each in self.names.resolve(text, place)]
        refuse_repeats(found, place)
        self.models = tuple(map(self.keep, tell_names_apart(separate_options(found))))
        return f"[{','.join(choice.option for choice in self.models)}]"

    def name_judges(self, texts: Sequence[str]) -> list[tuple[str, str]]:
        """Return for each name the option of the group `judge`, and its key in a panel.

        A file of `conf/judge` wins over a model of that name.
        """
        files = {text: self._find_judge_file(text) for text in texts}
        models = [text for text in texts if files[text] is None]
        choices = tell_names_apart([self.names.resolve_one(text, "judge") for text in models])
        by_text = dict(zip(models, map(self.keep, choices), strict=True))
        named = []
        for text in texts:
            option = files[text]
            if option is None:
                named.append(self._describe_judge(text, by_text[text]))
            else:
                self.panel |= dict.fromkeys((text, option), option)
                self.scan_file("judge", option)
                named.append((option, option))
        return named

    def _find_judge_file(self, text: str) -> str | None:
        options = (text, text.replace(".", "_"))
        found = (each for each in options if find_config_file("judge", each, self.config_dir))
        return next(found, None)

    def _describe_judge(self, text: str, choice: ModelChoice) -> tuple[str, str]:
        """Note the node of a judge that is a model with the usual prompts."""
        is_taken = find_config_file("judge", choice.option, self.config_dir)
        option = f"{choice.option}__model" if is_taken else choice.option
        self.nodes["judge", option] = _describe_judge(choice)
        self.panel |= dict.fromkeys((text, *choice.spellings), choice.option)
        return option, choice.option

    def name_in_file(self, group: str, text: str) -> None:
        """Make a name in a file's list of defaults a choice of Hydra's, as it is written.

        Args:
            group: `models` or `judge`.
            text: the name.
        """
        if find_config_file(group, text, self.config_dir):
            self.scan_file(group, text)
        elif group == "judge":
            ((option, _),) = self.name_judges([text])
            file = find_config_file(group, option, self.config_dir)
            node = read_config_file(file) if file else self.nodes[group, option]
            self.nodes[group, text] = node
            self.packages[group, text] = group
        else:
            model = self.keep(self.names.resolve_one(text, group)).add_spelling(text)
            self.in_files.append(model)
            self.nodes[group, text] = model.read_content()
            self._note_origin(text, model)
            self.packages[group, text] = f"models.{model.option}"

    def scan_file(self, group: str, name: str) -> None:
        """Find the names in a file of the user's, and in those that it names in turn."""
        if (group, name) not in self.scanned:
            self.scanned.add((group, name))
            for chosen, text in list_names_in_file(group, name, self.config_dir):
                self.name_in_file(chosen, text)


def name_models_in_overrides(
    overrides: Sequence[str], config_dir: Path | None = None
) -> NamedOverrides:
    """Return overrides with the names of models and judges replaced by choices of Hydra's.

    Args:
        overrides: the overrides, as a user writes them.
        config_dir: the user's own configuration files.

    Raises:
        ConfigError: a name means no model, or several.
    """
    found = _Replacement(config_dir)
    for group, text in list_experiment_names(overrides, config_dir):
        found.name_in_file(group, text)
    named = [part for override in overrides for part in _replace_choice(override, found)]
    spellings = list_spellings([*found.in_files, *found.models], config_dir)
    return NamedOverrides(
        overrides=tuple(
            _replace_baseline(replace_key(override, spellings, found.panel), spellings, found)
            for override in named
        ),
        models=found.models,
        nodes=found.nodes,
        users=found.users,
        packages=found.packages,
        homes=found.homes,
        variants=found.variants,
    )


def _replace_choice(override: str, found: _Replacement) -> list[str]:
    """Return an override that chooses models or judges with options in place of names."""
    key, equals, value = override.partition("=")
    bare = key.lstrip("+")
    if value.strip().startswith("[") and not value.strip().endswith("]"):
        msg = f"{override}: the list does not end; put the argument in quotes, as '{bare}=[a, b]'"
        raise ConfigError(msg)
    if bare == "models" and value.strip() in ("[]", "null"):
        msg = f"models={value}: name at least one model, as models=[vicuna-13b] (`list models` has them)"
        raise ConfigError(msg)
    is_empty = value.strip() in ("", "[]", "null") or key.startswith("~")
    if not equals or is_empty:
        return [override]
    if bare == "models" and not value.strip().startswith("{"):
        return [f"models={found.name_models(value, 'models')}"]
    if bare == "judge" and not value.strip().startswith("{"):
        first, *others = found.name_judges(split_names(value))
        return [f"judge={first[0]}", *(f"+judge@panel.{key}={option}" for option, key in others)]
    if place := _MODEL_OF_JUDGE.fullmatch(key):
        choice = found.names.resolve_one(split_names(value)[0], f"models@{place[1]}")
        return [f"{key}={found.keep(choice).option}"]
    return [override]


def _replace_baseline(override: str, spellings: Mapping[str, str], found: _Replacement) -> str:
    """Return an override of the baseline with the name in tables, whatever name it has."""
    key, _, value = override.partition("=")
    if key.lstrip("+") != "judging.baseline":
        return override
    option = spellings.get(value.strip("'\""))
    names = [choice.name for choice in found.models if choice.option == option]
    return f"{key}={quote_override_value(names[0])}" if names else override


def _describe_judge(choice: ModelChoice) -> dict[str, Any]:
    """Return the node of a judge that is asked with the usual prompts."""
    return {
        "defaults": [
            {"/models@model": choice.option},
            {"/prompts@prompts.graded": "graded"},
            {"/prompts@prompts.pairwise": "pairwise"},
            "_self_",
        ]
    }


@contextmanager
def lend_nodes(named: NamedOverrides) -> Iterator[None]:
    """Lend the nodes to Hydra, which composes them as files of the same group and name.

    Hydra's store belongs to the whole process, so it is left as it was.

    Args:
        named: the overrides and their nodes.
    """
    from hydra.core.config_store import ConfigStore

    store = ConfigStore.instance()
    for (group, option), node in named.nodes.items():
        # A name with slashes is a choice in a group inside the group.
        folder, _, name = f"{group}/{option}".rpartition("/")
        own = f"models.{option}" if group == "models" else None
        package = named.packages.get((group, option), own)
        store.store(name=name, node=dict(node), group=folder, package=package)
    try:
        yield
    finally:
        for group, option in named.nodes:
            *folders, name = f"{group}/{option}".split("/")
            inner = store.repo
            for folder in folders:
                inner = inner[folder]
            inner.pop(f"{name}.yaml", None)
