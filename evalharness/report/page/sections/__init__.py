"""The sections of the page, a module and a template each; a new one needs no change elsewhere.

A module has `PLACE` (where on the page: smaller is higher), `TITLE`, and `render(facts)`, which
returns HTML, or nothing when the run has nothing to show there.
"""
