"""Render untrusted Markdown as HTML that cannot run, load or restyle anything."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markupsafe import Markup
from mdit_py_plugins.dollarmath import dollarmath_plugin

from evalharness.report.page.mathml import render_mathml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.renderer import RendererHTML
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

ALLOWED_LINK_SCHEMES = ("http", "https", "mailto")
MAX_MARKDOWN_CHARACTERS = 50_000
"""Longer texts are shown as they were written."""

MAX_FORMULAS = 300
"""The formulas of a text that are drawn: each takes a millisecond, and no answer has as many."""

_FORMULAS = "formulas"  # keys of the parser's environment
_NEXT_CLOSING = "next_closing"


def render_markdown(text: str) -> Markup:
    """Return Markdown as HTML: tags are shown as text, images as links, headings in bold.

    Formulas between dollar signs or in backslashed brackets become MathML. A text beyond
    `MAX_MARKDOWN_CHARACTERS` comes out as it was written, below a line that says so, and so do
    formulas beyond `MAX_FORMULAS`.
    """
    if len(text) > MAX_MARKDOWN_CHARACTERS:
        return _show_plain(text)
    tokens = _PARSER.parse(text)
    _sanitize_tokens(tokens)
    # The parser escapes all text, and `_tame` keeps only attributes that we set or checked.
    return Markup(_PARSER.renderer.render(tokens, _PARSER.options, {}))  # noqa: S704


def _show_plain(text: str) -> Markup:
    note = f"Longer than {MAX_MARKDOWN_CHARACTERS:,} characters, and therefore shown as written:"
    return Markup("<p><em>{}</em></p>\n<pre>{}</pre>\n").format(note, text)


def _is_allowed_link(url: str) -> bool:
    try:
        return urlsplit(url).scheme.lower() in ALLOWED_LINK_SCHEMES
    except ValueError:
        return False


def _sanitize_tokens(tokens: Sequence[Token]) -> None:
    """Remove everything from the tokens that could affect the rest of the page."""
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
        _sanitize_tokens(token.children or ())


def _make_parser() -> MarkdownIt:
    # Chat pages keep the line breaks of a model, so this page does as well.
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    parser.enable(["table", "strikethrough"]).disable("image")
    parser.validateLink = _is_allowed_link  # type: ignore[method-assign]
    # A dollar sign next to a digit outside or a space inside is a price, not a formula.
    parser.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True)
    parser.inline.ruler.before("escape", "math_brackets", _parse_bracketed_formula)
    for name in ("math_inline", "math_inline_double", "math_block", "math_block_label"):
        parser.add_render_rule(name, _render_formula)
    return parser


def _parse_bracketed_formula(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the parser's signature
    r"""Read a formula in \(...\) or \[...\], as chat models write them."""
    opening = state.src[state.pos : state.pos + 2]
    closing = {r"\(": r"\)", r"\[": r"\]"}.get(opening)
    if closing is None:
        return False
    end = _find_closing(state, closing, state.pos + 2)
    if end < 0 or end + 2 > state.posMax:
        return False
    if not silent:
        token = state.push("math_inline" if closing == r"\)" else "math_block", "math", 0)
        token.content = state.src[state.pos + 2 : end]
    state.pos = end + 2
    return True


def _find_closing(state: StateInline, closing: str, start: int) -> int:
    """Return the place of the next closing bracket; -1 if there is none.

    The last search is kept: without it, many opened brackets take the square of their number.
    """
    found: dict[str, tuple[str, int, int]] = state.env.setdefault(_NEXT_CLOSING, {})
    text, begin, end = found.get(closing, ("", 0, -1))
    if text is not state.src or start < begin or -1 < end < start:
        begin, end = start, state.src.find(closing, start)
        found[closing] = (state.src, begin, end)
    return end


def _render_formula(
    _: RendererHTML, tokens: Sequence[Token], place: int, __: object, env: dict[str, int]
) -> str:
    """Return a formula as MathML; beyond the limit of a text, as it was written."""
    token = tokens[place]
    env[_FORMULAS] = env.get(_FORMULAS, 0) + 1
    if env[_FORMULAS] > MAX_FORMULAS:
        return Markup('<code class="formula">{}</code>').format(token.content)
    return render_mathml(token.content, is_block=token.type != "math_inline")


_PARSER = _make_parser()
