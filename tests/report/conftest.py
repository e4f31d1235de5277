"""The browser, for the tests of the page."""

from browser_fixtures import browser, opened

__all__ = ["browser", "opened"]
