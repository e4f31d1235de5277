"""Find which settings the user set: by overrides, in a variant, or in files below --config-dir.

All other values are defaults of ours: what a server refuses of them, it is asked without.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evalharness.config.resource_folders import (
    find_config_file,
    find_resource_folder,
    list_leaf_paths,
    read_config_file,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from evalharness.config.names.named_overrides import NamedOverrides

SAMPLING_FIELDS = ("temperature", "top_p", "max_tokens", "seed")
_NOT_CONTENT = "defaults"
_OTHER_SERVER = re.compile(
    r"\+{0,2}(judge|panel\.[^.]+)\.model\.api_name=|.*(base_url|api_base)", re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposedFile:
    """A file or a node that takes part in a configuration.

    Attributes:
        group: its group, such as `models`.
        option: its name in the group.
        package: the dotted path at which its content stands; empty for the root.
    """

    group: str
    option: str
    package: str

    @property
    def choice(self) -> tuple[str, str]:
        """The top group and the rest, as names with slashes are chosen in files."""
        top, _, rest = f"{self.group}/{self.option}".lstrip("/").partition("/")
        return top, rest


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSettings:
    """The dotted paths of the settings that the user set.

    Attributes:
        overrides: by overrides and by the settings of a variant.
        files: in files of the user's own.
    """

    overrides: frozenset[str] = field(default_factory=frozenset)
    files: frozenset[str] = field(default_factory=frozenset)

    def has(self, path: str) -> bool:
        """Return whether the user set this setting, or a part of it."""
        return any(
            own == path or own.startswith(f"{path}.") for own in (*self.overrides, *self.files)
        )

    def list_default_fields(self, place: str) -> list[str]:
        """Return the fields of a model's sampling that the user did not set, for no category either.

        Args:
            place: the dotted path of the model.
        """
        own = {
            path.rpartition(".")[2]
            for path in (*self.overrides, *self.files)
            if path.startswith(f"{place}.sampling.")
        }
        return [name for name in SAMPLING_FIELDS if name not in own]


def depends_on_files(named: NamedOverrides) -> bool:
    """Return whether it matters, without files of the user's, which files take part.

    It does for variants, for another address, and for a judge in whose place another model answers.
    """
    has_variant = any(named.users.values())
    return has_variant or any(map(_OTHER_SERVER.match, named.overrides))


def find_user_settings(
    named: NamedOverrides, composed: Sequence[ComposedFile], config_dir: Path | None
) -> UserSettings:
    """Return the settings that the user set.

    Args:
        named: the overrides, with names replaced by choices.
        composed: the files and nodes that take part.
        config_dir: the user's own configuration files.
    """
    overrides = set[str]()
    for override in named.overrides:
        overrides.update(list_override_paths(override, config_dir))
    files = set[str]()
    for each in composed:
        if each.choice[0] == "models" and each.choice in named.nodes:
            paths = named.users[each.choice[1]]
            overrides.update(_join(each.package, path) for path in paths)
        elif config_dir is not None and _is_users(each, config_dir):
            files.update(_list_file_paths(config_dir, each))
    return UserSettings(overrides=frozenset(overrides), files=frozenset(files))


def list_override_paths(override: str, config_dir: Path | None) -> Iterator[str]:
    """Yield the paths that an override sets; a choice of a sampling sets all that its file has.

    Args:
        override: the override.
        config_dir: the user's own configuration files.
    """
    key, _, value = override.partition("=")
    bare = key.lstrip("+~")
    group, at, package = bare.partition("@")
    if at:
        path = find_config_file(group, value.strip(), config_dir) if group == "sampling" else None
        if path is not None:
            yield from list_leaf_paths(read_config_file(path), package)
    elif value.lstrip().startswith("{"):
        yield from list_leaf_paths(_parse_mapping(override), bare)
    else:
        yield bare


def _parse_mapping(override: str) -> Any:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        return OverridesParser.create().parse_override(override).value()
    except HydraException:  # composing reports it
        return {}


def _is_users(each: ComposedFile, config_dir: Path) -> bool:
    """Return whether a file is the user's: Hydra takes ours first, where both have one."""
    ours = find_resource_folder("conf") / each.group / f"{each.option}.yaml"
    return not ours.is_file() and (config_dir / each.group / f"{each.option}.yaml").is_file()


def _list_file_paths(config_dir: Path, each: ComposedFile) -> Iterator[str]:
    content = read_config_file(config_dir / each.group / f"{each.option}.yaml")
    own = {key: value for key, value in content.items() if key != _NOT_CONTENT}
    yield from list_leaf_paths(own, each.package)


def _join(prefix: str, path: str) -> str:
    return f"{prefix}.{path}" if prefix else path


def list_composed_files(defaults: Iterable[Any]) -> tuple[ComposedFile, ...]:
    """Return the files and nodes of Hydra's defaults list.

    Args:
        defaults: the entries of the list, as Hydra makes them.
    """
    return tuple(
        ComposedFile(
            group=each.config_path.rpartition("/")[0],
            option=each.config_path.rpartition("/")[2],
            package=each.package or "",
        )
        for each in defaults
        if each.config_path
    )


def iterate_model_places(tree: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the dotted path and the configuration of every model, those of judges too."""
    for key, conf in tree["models"].items():
        yield f"models.{key}", conf
    yield "judge.model", tree["judge"]["model"]
    for key, conf in tree["panel"].items():
        yield f"panel.{key}.model", conf["model"]
