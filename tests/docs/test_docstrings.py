"""Docstrings of public names fit their signatures, and the reference has every public name."""

from __future__ import annotations

import ast
import builtins
import importlib
import logging
import re
from pathlib import Path

import griffe
import pytest
import yaml

import evalharness
from evalharness import errors

PAGES = Path(__file__).parents[2] / "docs" / "reference"
_DIRECTIVE = re.compile(
    r"^::: (?P<path>\S+)\n(?:    options: *(?P<options>(?:.+\n|\n(?:      .+\n)+)))?", re.MULTILINE
)

logging.getLogger("griffe").setLevel(logging.ERROR)
PACKAGE = griffe.load("evalharness", docstring_parser="google")


def _documented():
    """Yield the objects that the reference pages document, with their names there."""
    for page in sorted(PAGES.glob("*.md")):
        for found in _DIRECTIVE.finditer(page.read_text()):
            path = found["path"].removeprefix("evalharness.")
            options = yaml.safe_load(found["options"] or "{}")
            for name in options.get("members", [None]):
                yield path if name is None else f"{path}.{name}"


def _resolved(path):
    found = PACKAGE[path]
    return found.final_target if found.is_alias else found


SHOWN = {path: _resolved(path) for path in _documented()}
FUNCTIONS = {
    function.path: function
    for shown in SHOWN.values()
    for function in [shown, *shown.members.values()]
    if function.is_function and not function.is_alias and not function.name.startswith("_")
}
CLASSES = {shown.path: shown for shown in SHOWN.values() if shown.is_class}


def _section(function, kind):
    return [
        item
        for section in function.docstring.parsed
        if section.kind is kind
        for item in section.value
    ]


def _raised(function):
    """Return the names of the exceptions in the `raise` statements of a function."""
    module = function.module
    source = Path(module.filepath).read_text().splitlines()
    text = "\n".join(source[function.lineno - 1 : function.endlineno])
    tree = ast.parse("if True:\n" + text if text.startswith(" ") else text)
    calls = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.exc]
    return {
        call.func.id
        for call in calls
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    }


@pytest.mark.parametrize("path", FUNCTIONS)
def test_a_public_function_says_what_it_takes_gives_and_raises(path):
    """Args are the parameters, in their order; Raises has every exception that it raises itself."""
    function = FUNCTIONS[path]
    parameters = [each.name for each in function.parameters if each.name not in {"self", "cls"}]

    told = [each.name for each in _section(function, griffe.DocstringSectionKind.parameters)]
    raised = {
        str(each.annotation) for each in _section(function, griffe.DocstringSectionKind.raises)
    }

    assert told == parameters
    assert str(function.returns) in {"None", "_"} or re.match(
        "Return|Give|Whether|Ask|Hold", function.docstring.value
    )
    assert _raised(function) <= raised
    for name in raised:
        assert issubclass(getattr(errors, name, None) or getattr(builtins, name), Exception)


@pytest.mark.parametrize("path", CLASSES)
def test_a_public_class_explains_its_fields(path):
    """Each field is under Attributes or named in the text; errors and enums need neither."""
    shown = CLASSES[path]
    assert shown.docstring
    if {"StrEnum", "IntEnum"} & {str(base) for base in shown.bases}:
        return
    text = shown.docstring.value
    told = {each.name for each in _section(shown, griffe.DocstringSectionKind.attributes)}
    told |= set(re.findall(r"`(\w+)", text))

    fields = {
        name
        for name, member in shown.members.items()
        if member.is_attribute and not name.startswith("_") and member.docstring is None
    }

    assert fields <= told


def test_everything_that_the_package_exports_is_in_the_reference():
    """`__all__` is what users can rely on, and each name of it can be imported."""
    for name in evalharness.__all__:
        assert getattr(evalharness, name).__doc__
        assert name in SHOWN


@pytest.mark.parametrize("module", ["evalharness", "evalharness.domain", "evalharness.backends"])
def test_all_is_honest(module):
    """Every name in it exists."""
    found = importlib.import_module(module)

    assert sorted(found.__all__) == sorted(set(found.__all__))
    assert all(hasattr(found, name) for name in found.__all__)


def test_every_error_is_in_the_reference():
    """A user who catches an error finds it there."""
    public = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }

    assert {path.removeprefix("errors.") for path in SHOWN if path.startswith("errors.")} == public
