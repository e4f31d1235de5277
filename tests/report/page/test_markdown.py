"""Test that untrusted Markdown becomes HTML that cannot run, load or restyle anything."""

import re
from html.parser import HTMLParser

import pytest
from hostile_texts import PAYLOADS
from markdown_it.rules_inline import StateInline

from evalharness.report.page.markdown import (
    _PARSER,
    MAX_FORMULAS,
    MAX_MARKDOWN_CHARACTERS,
    _parse_bracketed_formula,
    render_markdown,
)

ALLOWED = {
    "a": {"href", "rel"},
    "p": {"class"},
    "ol": {"start"},
    "code": {"class"},
    "math": {"display", "alttext"},
    **{
        tag: {"stretchy", "mathvariant", "accent", "fence", "form"}
        for tag in ("mi", "mo", "mn", "mtext", "mrow", "mfrac", "msup", "msub", "msubsup")
    },
    **{
        tag: set()
        for tag in (
            *("blockquote", "br", "em", "hr", "li", "pre", "s", "strong", "ul"),
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
    """For any input, the output contains only allowed tags and attributes."""
    for tag, attributes in Tags(render_markdown(payload)).found:
        assert tag in ALLOWED
        assert set(attributes) <= ALLOWED[tag]
        href = attributes.get("href") or "https:"
        assert href.lower().startswith(("http:", "https:", "mailto:"))


def test_ordinary_markdown_is_rendered() -> None:
    """Lists, emphasis, code and tables are rendered as HTML."""
    html = render_markdown(
        "# Title\n\n**bold** `x`\nnext\n\n3. three\n\n|a|b|\n|-|:-:|\n|1|2|\n\n```py\nx\n```"
    )

    assert '<p class="heading">Title</p>' in html
    assert "<strong>bold</strong> <code>x</code><br" in html
    assert '<ol start="3">' in html
    assert "<td>2</td>" in html
    assert "<pre><code>x\n</code></pre>" in html


def test_links_to_the_web_are_kept_and_tell_nothing_of_the_reader() -> None:
    """Links work, and send no referrer."""
    html = render_markdown("[page](https://example.org)")

    assert '<a href="https://example.org" rel="noopener noreferrer nofollow">page</a>' in html


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (r"so $\frac{n}{2}$ holds", "<mfrac>"),
        (r"so \(a < b\) holds", "<mo>&lt;</mo>"),
        ("so\n\\[\nx^2\n\\]\nholds", '<math display="block"'),
        ("$$\n\\sum_k k\n$$", '<math display="block"'),
    ],
)
def test_formulas_are_drawn(text: str, written: str) -> None:
    """Dollar signs and backslashed brackets both make MathML, which needs no font or script."""
    assert written in render_markdown(text)


@pytest.mark.parametrize("text", ["It costs $5 and $10.", "`$x$`", "    $x$", "from $20-$30 on"])
def test_money_and_code_are_no_formulas(text: str) -> None:
    """A price in an answer stays a price."""
    assert "<math" not in render_markdown(text)


@pytest.mark.parametrize("formula", [r"\nonsense{x}", "{" * 1500, "x" * 5000])
def test_what_cannot_be_read_as_a_formula_stays_as_it_was_written(formula: str) -> None:
    """The text is kept, and no exception is raised."""
    assert f'<code class="formula">{formula}</code>' in render_markdown(rf"\({formula}\)")


@pytest.mark.parametrize(
    "formula",
    [
        r"\href{javascript:alert(1)}{x}",
        r"\text{<script>alert(1)</script>}",
        r"\text{&lt;img src=x onerror=alert(1)&gt;}",
        r"\style{position:fixed}{x}",
        r"\color{red}{x}",
        r"\class{bar}{x} \id{told}{y}",
    ],
)
def test_no_formula_carries_links_styles_or_tags(formula: str) -> None:
    """The converter keeps some of these; the page removes all but allowed ones."""
    drawn = re.sub(r'alttext="[^"]*"', "", render_markdown(f"${formula}$"))

    assert not re.search(r"<(?!/?(?:p|code|math|m[a-z]+)\b)", drawn)
    assert not re.search(r"<[^>]*\b(?:href|style|class|id|on\w+)=(?!\"formula\")", drawn)


class CountedText(str):
    """A text that counts the characters that `find` reads."""

    read = 0
    __slots__ = ()

    def find(self, part: str, start: int = 0, end: int | None = None) -> int:
        """Search, and count what was read."""
        place = super().find(part, start, end)
        CountedText.read += (len(self) if place < 0 else place) - start
        return place


@pytest.mark.parametrize(
    "text", [r"\(" * 2000, r"\[ a " * 800, r"\( \[ " * 600 + r"\)", r"\(a\) \[ " * 400]
)
def test_brackets_that_never_close_are_searched_once(text: str) -> None:
    """The closing bracket is searched in linear time, however many brackets open."""
    CountedText.read = 0
    source = CountedText(text)
    state = StateInline(source, _PARSER, {}, [])
    state.src = source
    for place in range(0, len(text), 2):
        state.pos = place
        _parse_bracketed_formula(state, silent=True)

    assert 0 < CountedText.read <= 2 * len(text)


def test_formulas_after_brackets_that_never_close_are_drawn() -> None:
    """What an earlier search found does not hide later formulas, in other paragraphs too."""
    html = render_markdown("\\[ a \\(x\\) b \\(y\\)\n\n\\(z\\) and \\[w\\]")

    assert re.findall(r'alttext="(.)"', html) == ["x", "y", "z", "w"]


def test_a_text_beyond_the_limit_is_shown_as_written() -> None:
    """At the limit a text is Markdown; one character more, and it is plain and says why."""
    longest = "**a** <b>" + " " * (MAX_MARKDOWN_CHARACTERS - 10) + "z"
    assert "<strong>a</strong>" in render_markdown(longest)

    plain = render_markdown(longest + "!")
    assert "Longer than 50,000 characters, and therefore shown as written:" in plain
    assert "<pre>**a** &lt;b&gt;" in plain


def test_a_text_has_so_many_drawn_formulas():
    """Each takes a millisecond; a text of nothing else would hold up the report."""
    drawn = render_markdown("$x^2$ " * (MAX_FORMULAS + 2))

    assert drawn.count("<math") == MAX_FORMULAS
    assert drawn.count('<code class="formula">x^2</code>') == 2
    assert "<math" in render_markdown("$x^2$")  # the next text begins anew
