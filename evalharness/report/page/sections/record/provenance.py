"""Where the figures come from: the configuration, versions, hashes and seeds of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import yaml

from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData

PLACE = 90
TITLE = "Provenance"

SHOWN_ELSEWHERE = ("cautions", "usage", "command")


def render(facts: PageData) -> str:
    """Return the command, the manifest and the configuration as far as the run kept them."""
    manifest = facts.records.manifest
    return fill_template(
        "sections/record/provenance",
        command=manifest.get("command"),
        parts=[
            (title, _render_yaml(content))
            for title, content in (
                ("Manifest", {k: v for k, v in manifest.items() if k not in SHOWN_ELSEWHERE}),
                ("Configuration", facts.records.config.tree),
            )
            if content
        ],
    )


def _render_yaml(content: Any) -> str:
    return yaml.safe_dump(_to_yaml_types(content), sort_keys=False, allow_unicode=True, width=100)


def _to_yaml_types(content: Any) -> Any:
    """Return JSON-like content in the types that YAML knows."""
    match content:
        case str() | bool() | int() | float() | None:
            return content
        case Mapping():
            return {str(key): _to_yaml_types(value) for key, value in content.items()}
        case Sequence():
            return [_to_yaml_types(value) for value in content]
        case _:
            return str(content)
