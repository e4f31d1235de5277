"""Keep the secrets in headers of requests as references to the environment, and refuse written ones.

A header such as `Authorization: Bearer ${oc.env:NAME}` stays as it is written in every file and key;
the variable is read when a request is sent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from omegaconf import DictConfig

REFERENCE_START = "${oc.env:"
_HEADERS = "headers"
_NAMES_A_SECRET = re.compile(
    r"authorization|cookie|credential|secret|password|signature|token|(?:^|[^a-z])key(?:$|[^a-z])|apikey",
    re.IGNORECASE,
)


def resolve_config(config: DictConfig) -> dict[str, Any]:
    """Return a composed configuration as plain dicts and lists, with references only in headers."""
    from omegaconf import OmegaConf, flag_override

    raw = OmegaConf.to_container(config, resolve=False)
    references = list(_iterate_references(raw, ()))
    with flag_override(config, ["struct", "readonly"], [False, False]):
        for path, _ in references:
            _find_parent(config, path)[path[-1]] = ""
    tree: dict[str, Any] = OmegaConf.to_container(  # type: ignore[assignment]
        config, resolve=True, throw_on_missing=True
    )
    for path, text in references:
        _find_parent(tree, path)[path[-1]] = text
    return tree


def refuse_written_headers(tree: Mapping[str, Any]) -> None:
    """Refuse a secret that is written in a header of a composed configuration.

    Raises:
        ConfigError: the message names the header, not its value.
    """
    for path, text in _iterate_headers(tree, ()):
        if _NAMES_A_SECRET.search(path[-1]) and text and REFERENCE_START not in text:
            msg = (
                f"{'.'.join(path)}: a secret does not belong in a configuration, which is kept and "
                f"shown: export it as a variable, and write {REFERENCE_START}NAME}} here"
            )
            raise ConfigError(msg)


def _iterate_references(tree: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    return (each for each in _iterate_headers(tree, path) if REFERENCE_START in each[1])


def _iterate_headers(tree: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path and the text of every header."""
    if not isinstance(tree, dict):
        return
    for key, value in tree.items():
        if path and path[-1] == _HEADERS and isinstance(value, str):
            yield (*path, str(key)), value
        else:
            yield from _iterate_headers(value, (*path, str(key)))


def _find_parent(tree: Any, path: tuple[str, ...]) -> Any:
    for key in path[:-1]:
        tree = tree[key]
    return tree
