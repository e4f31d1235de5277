"""The page's templates, filled with everything escaped."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from evalharness.report import number_format as numerals


def fill_template(template: str, **values: Any) -> Markup:
    """Return a template (a file of this package, without `.html.j2`) with its values in place."""
    # Autoescape is on for every template, so what comes back is safe to embed.
    return Markup(_template_environment().get_template(f"{template}.html.j2").render(values))  # noqa: S704


@cache
def _template_environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("evalharness", "report/page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        name: getattr(numerals, name)
        for name in (
            "figure",
            "percent",
            "span",
            "percent_span",
            "count",
            "counted",
            "dollars",
            "moment",
            "listed",
        )
    }
    return environment
