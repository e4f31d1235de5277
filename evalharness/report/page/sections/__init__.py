"""The sections of the page: a module with a `SECTION` and a template for each.

The page finds every module in these folders, so a new section needs no change elsewhere.
"""
