"""Show the provenance of the figures: configuration, versions, hashes and seeds of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import yaml

from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData


SHOWN_ELSEWHERE = ("cautions", "usage", "command")


def render_provenance(data: PageData) -> str:
    """Return the command, the manifest and the configuration, if the run has them."""
    manifest = data.records.manifest
    return fill_template(
        "sections/record/provenance",
        command=manifest.get("command"),
        parts=[
            (title, _render_yaml(content))
            for title, content in (
                ("Manifest", {k: v for k, v in manifest.items() if k not in SHOWN_ELSEWHERE}),
                ("Configuration", data.records.config.tree),
            )
            if content
        ],
    )


def _render_yaml(content: Any) -> str:
    return yaml.safe_dump(_to_yaml_types(content), sort_keys=False, allow_unicode=True, width=100)


def _to_yaml_types(content: Any) -> Any:
    """Return JSON-like content in types that YAML can represent."""
    match content:
        case str() | bool() | int() | float() | None:
            return content
        case Mapping():
            return {str(key): _to_yaml_types(value) for key, value in content.items()}
        case Sequence():
            return [_to_yaml_types(value) for value in content]
        case _:
            return str(content)


SECTION = Section(address="provenance", place=90, title="Provenance", render=render_provenance)
