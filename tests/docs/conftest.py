"""The browser, for the tests of the site."""

from browser_fixtures import browser

__all__ = ["browser"]
