"""Fill the Jinja templates of the page, with every value escaped."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from evalharness.report.number_format import (
    format_count,
    format_dollars,
    format_list,
    format_number,
    format_percent,
    format_percent_span,
    format_quantity,
    format_span,
    format_timestamp,
)

_FILTERS = {
    "figure": format_number,
    "percent": format_percent,
    "span": format_span,
    "percent_span": format_percent_span,
    "count": format_count,
    "counted": format_quantity,
    "dollars": format_dollars,
    "moment": format_timestamp,
    "listed": format_list,
}
"""The filters of the templates by their names there."""


def fill_template(template: str, **values: Any) -> Markup:
    """Fill a template of this package, named without `.html.j2`, and return the HTML."""
    # Autoescape is on for every template, so the result is safe to embed.
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
    environment.filters |= _FILTERS
    return environment
