"""List what each file, node and override sets in the models, in the order in which they are composed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.config.completion.user_settings import list_override_paths
from evalharness.config.resource_folders import find_config_file, read_config_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from evalharness.config.completion.user_settings import ComposedFile
    from evalharness.config.names.named_overrides import NamedOverrides

_HEADERS = "headers"


@dataclass(frozen=True, slots=True)
class SettingLayer:
    """What one file, one node, the settings of one variant, or all overrides together set.

    Attributes:
        values: the values by their dotted paths, mappings taken apart. Of overrides, None stands for
            any value.
    """

    values: Mapping[str, Any]


def list_setting_layers(
    named: NamedOverrides,
    composed: Sequence[ComposedFile],
    places: Sequence[str],
    config_dir: Path | None,
) -> tuple[SettingLayer, ...]:
    """Return the layers that can set an address, a key or a header of a model, the last one on top.

    Args:
        named: the overrides, with names replaced by choices.
        composed: the files and nodes that take part, in their order.
        places: the dotted paths of the models.
        config_dir: the user's own configuration files.
    """
    layers = [
        SettingLayer(dict(_iterate_leaves(content, each.package)))
        for each in composed
        if _concerns(each.package, places)
        for content in _read_contents(each, named, config_dir)
    ]
    overridden = (
        path for override in named.overrides for path in list_override_paths(override, config_dir)
    )
    return (*layers, SettingLayer(dict.fromkeys(overridden)))


def _concerns(package: str, places: Sequence[str]) -> bool:
    """Return whether what stands at a dotted path can set something in one of the models."""
    return not package or any(
        f"{place}.".startswith(f"{package}.") or package.startswith(f"{place}.{_HEADERS}")
        for place in places
    )


def _read_contents(
    each: ComposedFile, named: NamedOverrides, config_dir: Path | None
) -> Sequence[Mapping[str, Any]]:
    """Return what a file or a node holds; of a variant, its model and its own settings one by one."""
    top, rest = each.choice
    if top == "models" and rest in named.variants:
        return named.variants[rest]
    if each.choice in named.nodes:
        return (named.nodes[each.choice],)
    path = find_config_file(each.group, each.option, config_dir)
    return (read_config_file(path),) if path else ()


def _iterate_leaves(content: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _iterate_leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, content
