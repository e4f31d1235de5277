"""Find out which templates cannot take long, whatever texts they are given.

A template of a stranger may loop without end or build a text larger than memory. Most templates only print
texts, with conditions and one loop over a list. Their time is proportional to the texts, so they can
be rendered at once; all others are rendered where time and memory are limited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jinja2
from jinja2 import nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

_LISTS = frozenset({"messages", "turns", "rubric"})
"""Lists that callers pass. They have few elements, whereas a text has many characters."""
_MAX_CHARACTERS = 20_000
_MAX_CALLS = 50
_FILTERS = frozenset({"length", "trim"})
_PLAIN_NODES = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.CondExpr),
    *(nodes.Const, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Slice),
    *(nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Test),
)
_GROWING_NODES = (nodes.Add, nodes.Concat, nodes.Call)
"""Expressions whose value may be larger than their parts; repeated assignments would double it."""


def is_bounded_template(environment: jinja2.Environment, template: str) -> bool:
    """Return whether a template's time and size are proportional to those of its texts.

    False means that this is unknown, also where the template is broken.

    Args:
        environment: what parses the template.
        template: Jinja text.
    """
    if len(template) > _MAX_CHARACTERS:
        return False
    try:
        everything = list(_walk(environment.parse(template)))
    except (jinja2.TemplateError, RecursionError, ValueError):
        return False
    macros = {node.name for node in everything if isinstance(node, nodes.Macro)}
    calls = sum(isinstance(node, nodes.Call) for node in everything)
    return calls <= _MAX_CALLS and all(_is_bounded(node, macros) for node in everything)


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _walk(child)


def _is_bounded(node: nodes.Node, macros: set[str]) -> bool:
    """Return whether a node is of a harmless kind; its children are checked one by one."""
    match node:
        case nodes.For():
            is_list = isinstance(node.iter, nodes.Name) and node.iter.name in _LISTS
            return is_list and not node.recursive and not _contains(node, nodes.For)
        case nodes.Macro():
            return not _contains(node, nodes.For, nodes.Call)
        case nodes.Call(node=nodes.Name(name=name)):
            is_known = name == "raise_exception" or name in macros
            has_plain_arguments = not (node.kwargs or node.dyn_args or node.dyn_kwargs)
            return is_known and has_plain_arguments and not _contains(node, nodes.Call)
        case nodes.Assign(target=nodes.Name(name=name)):
            return not _contains(node, *_GROWING_NODES) and (
                name not in _LISTS or _is_slice_of(node.node, name)
            )
        case nodes.Filter():
            return node.name in _FILTERS and not (node.args or node.kwargs)
        case _:
            return isinstance(node, _PLAIN_NODES) or type(node) in _GROWING_NODES[:2]


def _contains(node: nodes.Node, *kinds: type[nodes.Node]) -> bool:
    """Return whether a node has a descendant of these kinds."""
    return any(
        isinstance(each, kinds) for child in node.iter_child_nodes() for each in _walk(child)
    )


def _is_slice_of(node: nodes.Node, name: str) -> bool:
    match node:
        case nodes.Getitem(node=nodes.Name(name=sliced), arg=nodes.Slice()):
            return sliced == name
        case _:
            return False
