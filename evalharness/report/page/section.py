"""Define a section of the page; each module in `sections` has one as `SECTION`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalharness.report.page.page_data import PageData


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of the page.

    Attributes:
        address: its address on the page, for links and scripts.
        place: its position among the sections; a smaller number is higher on the page.
        title: its heading; empty for a section without one.
        render: returns its HTML, or an empty string if the run has nothing to show there.
    """

    address: str
    place: int
    title: str
    render: Callable[[PageData], str]
