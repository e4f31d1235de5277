"""Where the figures come from: the configuration, versions, hashes and seeds of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import yaml

from evalharness.report.templates import fill

if TYPE_CHECKING:
    from evalharness.report.facts import Facts

PLACE = 90
TITLE = "Provenance"

TOLD_ABOVE = ("cautions", "usage", "command")


def render(facts: Facts) -> str:
    """Return the command, the manifest and the configuration as far as the run kept them."""
    manifest = facts.records.manifest
    return fill(
        "sections/provenance",
        command=manifest.get("command"),
        parts=[
            (title, _as_yaml(content))
            for title, content in (
                ("Manifest", {k: v for k, v in manifest.items() if k not in TOLD_ABOVE}),
                ("Configuration", facts.records.config),
            )
            if content
        ],
    )


def _as_yaml(content: Any) -> str:
    return yaml.safe_dump(_plain(content), sort_keys=False, allow_unicode=True, width=100)


def _plain(content: Any) -> Any:
    """Return JSON-like content in the types that YAML knows."""
    match content:
        case str() | bool() | int() | float() | None:
            return content
        case Mapping():
            return {str(key): _plain(value) for key, value in content.items()}
        case Sequence():
            return [_plain(value) for value in content]
        case _:
            return str(content)
