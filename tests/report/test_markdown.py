"""Markdown of strangers becomes HTML that can neither run, load nor restyle anything."""

from html.parser import HTMLParser

import pytest
from hostile import PAYLOADS

from evalharness.report.markdown import to_html

ALLOWED = {
    "a": {"href", "rel"},
    "p": {"class"},
    "ol": {"start"},
    **{
        tag: set()
        for tag in (
            *("blockquote", "br", "code", "em", "hr", "li", "pre", "s", "strong", "ul"),
            *("table", "thead", "tbody", "tr", "th", "td"),
        )
    },
}


class Tags(HTMLParser):
    """Collects the tags and attributes of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_only_harmless_tags_and_attributes_come_out(payload: str) -> None:
    """Whatever goes in, no tag or attribute outside the short list comes out."""
    for tag, attributes in Tags(to_html(payload)).found:
        assert tag in ALLOWED
        assert set(attributes) <= ALLOWED[tag]
        href = attributes.get("href") or "https:"
        assert href.lower().startswith(("http:", "https:", "mailto:"))


def test_ordinary_markdown_is_rendered() -> None:
    """Lists, emphasis, code and tables look as their author meant."""
    html = to_html(
        "# Title\n\n**bold** `x`\nnext\n\n3. three\n\n|a|b|\n|-|:-:|\n|1|2|\n\n```py\nx\n```"
    )

    assert '<p class="heading">Title</p>' in html
    assert "<strong>bold</strong> <code>x</code><br" in html
    assert '<ol start="3">' in html
    assert "<td>2</td>" in html
    assert "<pre><code>x\n</code></pre>" in html


def test_links_to_the_web_are_kept_and_tell_nothing_of_the_reader() -> None:
    """A reader may follow a link by hand, without a referrer."""
    html = to_html("[page](https://example.org)")

    assert '<a href="https://example.org" rel="noopener noreferrer nofollow">page</a>' in html
