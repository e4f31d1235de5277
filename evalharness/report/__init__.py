"""The run as one self-contained HTML page, and the same figures for notebooks.

`render` makes the page. It holds everything it shows, asks no other place for anything, and is the
same to the byte for the same records. `figures` draws with plotly for notebooks; the page itself
draws small SVG, because plotly compressed would make every page 2 MB and would need styles that
the page's content security policy forbids.
"""

from evalharness.report.page import render

__all__ = ["render"]
