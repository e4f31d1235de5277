"""The site in a real browser: no errors, no request to another host, and a working search."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("site")]
ROOT = Path(__file__).parents[2]


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_args: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Build the site and serve it on the loopback."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        check=True,
    )
    handler = partial(_Silent, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def page(site: tuple[Path, str], browser: Browser) -> Iterator[Page]:
    """Yield a page, and fail if it requests another host or logs an error."""
    heard: list[str] = []
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.on("console", lambda message: heard.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: heard.append(f"error: {error}"))
    page.on("request", lambda request: heard.append(request.url))
    yield page
    context.close()
    assert [each for each in heard if not each.startswith((site[1], "data:"))] == []


def test_every_page_asks_nobody_and_fits_a_narrow_window(
    site: tuple[Path, str], page: Page
) -> None:
    """The site is complete offline and behind a firewall."""
    folder, address = site
    pages = sorted(path.relative_to(folder) for path in folder.rglob("*.html"))
    assert len(pages) > 20

    for path in pages:
        page.goto(f"{address}/{path}")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, path


def test_the_search_finds_a_function_and_a_setting(site: tuple[Path, str], page: Page) -> None:
    """The search works on any server, because its index is a file of the site."""
    page.set_viewport_size({"width": 1400, "height": 900})
    page.goto(f"{site[1]}/index.html")
    for word, place in (("krippendorff_alpha", "statistics.html"), ("give_up_after", "config")):
        page.fill(".md-search__input", "")
        page.locator(".md-search__input").press_sequentially(word)
        page.wait_for_selector(f".md-search-result__link[href*='{place}']")


def test_no_page_names_a_script_or_style_of_another_host(site: tuple[Path, str]) -> None:
    """Not even one that a browser would fetch later."""
    for path in site[0].rglob("*.html"):
        fetched = re.findall(r'(?:src|<link[^>]*href)="(https?:[^"]+)"', path.read_text("utf-8"))
        assert fetched == [], path
