"""Markdown of strangers as HTML that can neither run, load nor restyle anything."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token

LINKS = ("http", "https", "mailto")


def to_html(text: str) -> Markup:
    """Return Markdown as HTML: tags stay visible as text, images are links, headings are bold."""
    tokens = _MARKDOWN.parse(text)
    _tame(tokens)
    # The parser escapes all text, and `_tame` keeps only attributes that we set or checked.
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S704


def _is_harmless(url: str) -> bool:
    try:
        return urlsplit(url).scheme.lower() in LINKS
    except ValueError:
        return False


def _tame(tokens: Sequence[Token]) -> None:
    """Take from every token what could reach outside its place on the page."""
    for token in tokens:
        kept: dict[str, str | int | float] = {}
        match token.type:
            case "heading_open":
                token.tag, kept = "p", {"class": "heading"}
            case "heading_close":
                token.tag = "p"
            case "link_open":
                kept = {"href": token.attrs["href"], "rel": "noopener noreferrer nofollow"}
            case "ordered_list_open":
                kept = {name: token.attrs[name] for name in ("start",) if name in token.attrs}
            case "fence":
                token.info = ""
        token.attrs = kept
        _tame(token.children or ())


def _parser() -> MarkdownIt:
    # A chat page keeps a model's line breaks, so this one does as well.
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    parser.enable(["table", "strikethrough"]).disable("image")
    parser.validateLink = _is_harmless  # type: ignore[method-assign]
    return parser


_MARKDOWN = _parser()
