"""Convert untrusted LaTeX formulas to MathML, which browsers draw without a script or a font."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from latex2mathml.converter import convert_to_element
from markupsafe import Markup, escape

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_FORMULA_CHARACTERS = 2000
"""Longer formulas are shown as LaTeX."""

_ALLOWED_ELEMENTS = frozenset(
    [
        "math",
        "menclose",
        "mfrac",
        "mi",
        "mmultiscripts",
        "mn",
        "mo",
        "mover",
        "mpadded",
        "mphantom",
        "mprescripts",
        "mroot",
        "mrow",
        "ms",
        "mspace",
        "msqrt",
        "mstyle",
        "msub",
        "msubsup",
        "msup",
        "mtable",
        "mtd",
        "mtext",
        "mtr",
        "munder",
        "munderover",
        "none",
    ]
)
_ALLOWED_ATTRIBUTES = frozenset(
    [
        "accent",
        "columnalign",
        "columnlines",
        "columnspacing",
        "depth",
        "displaystyle",
        "fence",
        "form",
        "height",
        "linethickness",
        "lspace",
        "mathvariant",
        "maxsize",
        "minsize",
        "movablelimits",
        "notation",
        "rowlines",
        "rowspacing",
        "rspace",
        "scriptlevel",
        "separator",
        "stretchy",
        "symmetric",
        "voffset",
        "width",
    ]
)


def render_mathml(latex: str, *, is_block: bool) -> Markup:
    """Return a formula as MathML of allowed elements, or as LaTeX if it cannot be parsed.

    The MathML carries the LaTeX as `alttext`, for screen readers and for copying.
    """
    element = _parse_latex(latex.strip(), "block" if is_block else "inline")
    if element is None:
        return Markup('<code class="formula">{}</code>').format(latex)
    display = Markup(' display="block"') if is_block else Markup()
    return Markup("<math{} alttext={}>{}</math>").format(
        display, Markup('"{}"').format(latex.strip()), _render_children(element)
    )


def _parse_latex(latex: str, display: str) -> Element | None:
    if not latex or len(latex) > MAX_FORMULA_CHARACTERS:
        return None
    try:
        element = convert_to_element(latex, display=display)
    except Exception:  # noqa: BLE001 - untrusted text may raise anything in a third-party parser
        return None
    return element if _is_fully_parsed(element) else None


def _is_fully_parsed(element: Element) -> bool:
    """Return whether all commands were parsed; an unknown one is kept with its backslash."""
    return not any("\\" in (each.text or "") for each in element.iter())


def _render_children(element: Element) -> Markup:
    """Return the content of an element with text escaped; unknown elements are unwrapped."""
    # The converter writes characters as entities; escaping comes last, so none can become a tag.
    parts = [escape(html.unescape(element.text or ""))]
    for child in element:
        inner = _render_children(child)
        if child.tag in _ALLOWED_ELEMENTS:
            inner = Markup("<{0}{1}>{2}</{0}>").format(child.tag, _render_attributes(child), inner)
        parts += [inner, escape(html.unescape(child.tail or ""))]
    return Markup().join(parts)


def _render_attributes(element: Element) -> Markup:
    kept = ((name, value) for name, value in element.items() if name in _ALLOWED_ATTRIBUTES)
    return Markup().join(Markup(' {}="{}"').format(name, value) for name, value in kept)
