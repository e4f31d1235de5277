"""The run as one self-contained HTML page, and the same figures for notebooks.

`render` makes the page. It holds everything it shows, asks no other place for anything, and is the
same to the byte for the same records. `figures` draws with plotly for notebooks; the page itself
draws small SVG of its own. Plotly's smallest bundle would be 1 MB of every page (two models on 80
questions take 0.7 MB), would draw nothing without JavaScript, and needs inline styles, which the
page's content security policy forbids because strangers' texts stand on it.
"""

from evalharness.report.page import render

__all__ = ["render"]
