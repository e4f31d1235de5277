"""Compose overrides and YAML files into one configuration, with Hydra."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import yaml

from evalharness.config.api_keys import refuse_keys_in_config, refuse_keys_in_overrides
from evalharness.config.benchmark_suite import custom_suite_overrides
from evalharness.config.completion.home_keys import forget_keys_of_other_servers
from evalharness.config.completion.judge_defaults import complete_judge
from evalharness.config.completion.setting_layers import list_setting_layers
from evalharness.config.completion.user_settings import (
    depends_on_files,
    find_user_settings,
    iterate_model_places,
    list_composed_files,
)
from evalharness.config.messages import explain_hydra_error, refuse_unknown_keys
from evalharness.config.names.catalogue import read_entry
from evalharness.config.names.named_overrides import lend_nodes, name_models_in_overrides
from evalharness.config.names.written_name import quote_foreign_letters, quote_override_value
from evalharness.config.resource_folders import (
    check_config_dir,
    check_packaged_config,
    find_config_file,
    find_first_comment,
    find_resource_folder,
    list_config_files,
)
from evalharness.config.schema import RootConf
from evalharness.config.secret_headers import refuse_written_headers, resolve_config
from evalharness.domain import describe_retirement, normalize_name
from evalharness.errors import ConfigError
from evalharness.store import current_timestamp

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from evalharness.config.completion.user_settings import ComposedFile, UserSettings
    from evalharness.config.names.catalogue import CatalogueEntry
    from evalharness.config.names.named_overrides import NamedOverrides

_OPEN_SETTINGS = {"extra_body", "headers", "template_options"}  # they may have any keys


def compose_config(overrides: Sequence[str], config_dir: Path | None = None) -> dict[str, Any]:
    """Return the composed configuration as plain dicts and lists.

    Args:
        overrides: as `key=value`, in the syntax of Hydra and with the shorthands of this program.
        config_dir: a folder with the user's own configuration files.

    Raises:
        ConfigError: an override or a file is wrong; the message names it, with close matches.
        InputError: a file is no YAML of plain values.
    """
    try:
        return _compose_tree(overrides, config_dir)
    except (yaml.YAMLError, UnicodeDecodeError):
        check_packaged_config()
        raise


def _compose_tree(overrides: Sequence[str], config_dir: Path | None) -> dict[str, Any]:
    refuse_keys_in_overrides(overrides)
    if config_dir is not None and not config_dir.is_dir():
        msg = f"--config-dir {config_dir}: there is no such folder"
        raise ConfigError(msg)
    check_config_dir(config_dir)
    named = name_models_in_overrides(overrides, config_dir)
    arguments = [
        argument
        for override in named.overrides
        for argument in _expand_override(override, config_dir)
    ]
    if config_dir is not None:
        place = quote_override_value(f"file://{config_dir.resolve()}")
        arguments.append(f"hydra.searchpath=[{place}]")
    lists_files = config_dir is not None or depends_on_files(named)
    with lend_nodes(named):
        tree, composed = _compose_with_hydra(arguments, config_dir, lists_files=lists_files)
    refuse_unknown_keys(tree)
    refuse_keys_in_config(tree)
    refuse_written_headers(tree)
    user = find_user_settings(named, composed, config_dir)
    _apply_overrides_to_categories(tree, user.overrides)
    _complete_judges(tree, user, _EntryFinder(named, composed, config_dir))
    places = [place for place, _ in iterate_model_places(tree)]
    layers = list_setting_layers(named, composed, places, config_dir)
    forget_keys_of_other_servers(tree, layers, config_dir)
    for place, conf in iterate_model_places(tree):
        conf["default_fields"] = user.list_default_fields(place)
    for conf in _iterate_named(tree):
        if isinstance(conf["name"], str):
            conf["name"] = normalize_name(conf["name"])
    return tree


def _iterate_named(tree: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the configurations of all models and judges, which have names in tables."""
    yield from (conf for _, conf in iterate_model_places(tree))
    yield tree["judge"]
    yield from tree["panel"].values()


def _compose_with_hydra(
    arguments: list[str], config_dir: Path | None, *, lists_files: bool
) -> tuple[dict[str, Any], tuple[ComposedFile, ...]]:
    """Return the configuration that Hydra composes, and its files; translate Hydra's errors.

    The list of files takes as long as composing, so it is empty unless it is wanted.
    """
    from hydra import compose, initialize_config_dir
    from hydra.core.config_store import ConfigStore
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException
    from hydra.types import RunMode
    from omegaconf.errors import OmegaConfBaseException

    folder = str(find_resource_folder("conf").resolve())
    ConfigStore.instance().store("schema", RootConf)
    GlobalHydra.instance().clear()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with initialize_config_dir(folder, version_base="1.3"):
                config = compose("config", overrides=arguments)
                composed: tuple[ComposedFile, ...] = ()
                if lists_files:
                    loader = GlobalHydra.instance().config_loader()
                    listed = loader.compute_defaults_list("config", arguments, RunMode.RUN)
                    composed = list_composed_files(listed.defaults)
        tree = resolve_config(config)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(
            explain_hydra_error(error, lambda group: list_choices(group, config_dir))
        ) from error
    return tree, composed


class _EntryFinder:
    """Finds what the file of a composed model says."""

    def __init__(
        self, named: NamedOverrides, composed: Sequence[ComposedFile], config_dir: Path | None
    ) -> None:
        self._named = named
        self._composed = composed
        self._config_dir = config_dir

    def __call__(self, place: str) -> CatalogueEntry | None:
        """Return what the file of the model at a dotted path says; None where it has none."""
        found = None
        for each in self._composed:
            if each.choice[0] != "models" or each.package != place:
                continue
            if each.choice in self._named.nodes:
                found = self._named.homes.get(each.choice[1])
            elif path := find_config_file(*each.choice, self._config_dir):
                found = read_entry(path)
        return found


def _complete_judges(tree: dict[str, Any], user: UserSettings, find_entry: _EntryFinder) -> None:
    tree["judge"] = complete_judge(tree["judge"], "judge", user, find_entry)
    for key, conf in tree["panel"].items():
        tree["panel"][key] = complete_judge(conf, f"panel.{key}", user, find_entry)


def list_choices(group: str, config_dir: Path | None = None) -> tuple[str, ...]:
    """Return the names that an override can choose in a group (`models`, `judge`, ...)."""
    return tuple(path.stem for path in list_config_files(group, config_dir))


def describe_choice(group: str, name: str, config_dir: Path | None = None) -> str:
    """Return the first comment of a configuration file, which describes it in one line.

    The day on which a model's provider ends it is added, for models and for judges.
    """
    lines = _read_choice(group, name, config_dir)
    title = find_first_comment(lines)
    model = _find_values(lines, "- /models@model")
    if group == "judge" and model:
        lines = _read_choice("models", model[0], config_dir)
    retired, successor = (
        next(iter(_find_values(lines, key)), None) for key in ("retired", "successor")
    )
    end = describe_retirement(retired, successor, current_timestamp()[:10])
    return f"{title} ({end})" if end else title


def _read_choice(group: str, name: str, config_dir: Path | None) -> list[str]:
    """Return the lines of a configuration file; none where there is no such file."""
    path = find_config_file(group, name, config_dir)
    return path.read_text().splitlines() if path else []


def _find_values(lines: Sequence[str], key: str) -> list[str]:
    """Return the plain values of a key in lines of YAML."""
    return [
        line.split(":", 1)[1].split("#")[0].strip(" '\"")
        for line in lines
        if line.strip().startswith(f"{key}:")
    ]


def _expand_override(override: str, config_dir: Path | None) -> list[str]:
    """Return the Hydra overrides that an override with a shorthand expands to."""
    key, equals, value = override.partition("=")
    bare = key.lstrip("+")
    if not equals:
        msg = f"{override!r} is not an override: write key=value, say models=[vicuna-13b]"
        raise ConfigError(msg)
    if bare.startswith("engine.resources") or _OPEN_SETTINGS & set(bare.split(".")):
        return [f"++{bare}={value}"]  # Hydra does not let names be added by a plain override
    if bare == "experiment":
        return [f"+experiment={value}"]
    if bare == "questions" and (value.endswith(".jsonl") or "/" in value):
        return ["questions=file", f"questions.path={quote_override_value(value)}"]
    if bare == "benchmarks" and value not in list_choices(bare, config_dir):
        return custom_suite_overrides(value)
    return [f"{key}={quote_foreign_letters(value)}"]


def _apply_overrides_to_categories(tree: Mapping[str, Any], paths: Collection[str]) -> None:
    """Apply an override such as `models.NAME.sampling.temperature=0` to every category too."""
    for name, model in tree["models"].items():
        place = f"models.{name}.sampling"
        for category, own in model["sampling"]["by_category"].items():
            for field in own:
                specific = f"{place}.by_category.{category}.{field}"
                if f"{place}.{field}" in paths and specific not in paths:
                    own[field] = None
