"""Read YAML that may be a stranger's: plain values only, bounded after expansion, errors with their line.

Aliases make a short file hold more values than memory does (nine levels of nine are 387 million). So the
size is counted before the values are built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from evalharness.errors import InputError
from evalharness.store.text_files import check_text_file

if TYPE_CHECKING:
    from pathlib import Path

MAX_YAML_BYTES = 32 << 20
"""The largest file that is read."""

_MAX_EXPANSION = 10
"""How many times as many values as it writes a file may have, where it has more than the next number."""
_ALWAYS_ALLOWED_VALUES = 10_000
_MAX_DEPTH = 100
_SAFE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE_TAG = "tag:yaml.org,2002:merge"


def read_yaml(path: Path, loader: Any = _SAFE_LOADER, *, allows_repeated_keys: bool = False) -> Any:
    """Return the content of a YAML file; None if it is empty.

    Args:
        path: the file.
        loader: a class of PyYAML that builds plain values only.
        allows_repeated_keys: whether the last of two equal keys counts.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: the file is no plain UTF-8 text or no YAML, names a key twice, or is too large,
            too deep, or too large after its aliases are expanded; with the line.
    """
    size = path.stat().st_size
    check_text_file(path)
    if size > MAX_YAML_BYTES:
        msg = (
            f"{size / 1e6:,.0f} MB, more than the {MAX_YAML_BYTES >> 20} MiB that are read of YAML"
        )
        raise InputError(msg, path=path)
    content = path.read_bytes()
    try:
        check = _NodeCheck(path, allows_repeated_keys=allows_repeated_keys)
        return _parse(content.decode("utf-8-sig"), check, loader)
    except UnicodeDecodeError as error:
        msg = f"not UTF-8 text (byte 0x{content[error.start]:02x}); save the file as UTF-8"
        line = content[: error.start].count(b"\n") + 1
        raise InputError(msg, path=path, line=line) from error
    except yaml.YAMLError as error:
        raise _describe_error(error, path, content) from error
    except RecursionError as error:
        msg = f"nested deeper than {_MAX_DEPTH} levels"
        raise InputError(msg, path=path) from error


def _describe_error(error: yaml.YAMLError, path: Path, content: bytes) -> InputError:
    """Return an error with the line and the reason of an error of PyYAML."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or " ".join(str(error).split())
    context = getattr(error, "context", None)
    reason = f"{context}, {problem}" if context else problem
    if "could not determine a constructor for the tag" in reason:
        remedy = "a tag can build objects or run code; write a plain value"
    elif mark and _has_tab(content, mark.line):
        remedy = "indent with spaces, not with a tab"
    else:
        remedy = "mend the line or the one before it"
    line = mark.line + 1 if mark else None
    return InputError(f"not YAML: {reason}; {remedy}", path=path, line=line)


def _has_tab(content: bytes, index: int) -> bool:
    """Return whether a line is indented with a tab."""
    lines = content.splitlines()
    return index < len(lines) and b"\t" in lines[index][: -len(lines[index].lstrip()) or None]


def _parse(text: str, check: _NodeCheck, loader: Any) -> Any:
    parser = loader(text)
    try:
        root = parser.get_single_node()
        if root is None:
            return None
        check.check(root, len(text))
        return parser.construct_document(root)
    except (ValueError, OverflowError) as error:  # 30 February, a number of 5,000 digits
        msg = f"a value cannot be read: {error}"
        raise InputError(msg, path=check.path) from error
    finally:
        parser.dispose()


class _NodeCheck:
    """Counts the values of a document with its aliases expanded, each node once."""

    def __init__(self, path: Path, *, allows_repeated_keys: bool) -> None:
        self.path = path
        self._allows_repeated_keys = allows_repeated_keys
        self._sizes: dict[int, int] = {}
        self._open: set[int] = set()

    def check(self, root: yaml.Node, length: int) -> None:
        """Refuse a document that is too large or too deep, or names a key twice."""
        expanded = self._measure(root, 0)
        allowed = max(_ALWAYS_ALLOWED_VALUES, _MAX_EXPANSION * len(self._sizes))
        if expanded > allowed:
            msg = (
                f"its aliases would swell {length:,} characters to {expanded:,} values, more than "
                f"the {allowed:,} allowed; write the values out"
            )
            raise InputError(msg, path=self.path)

    def _measure(self, node: yaml.Node, depth: int) -> int:
        """Return the number of values in a node."""
        known = self._sizes.get(id(node))
        if known is not None:
            return known
        if id(node) in self._open or depth > _MAX_DEPTH:
            reason = (
                "holds itself" if id(node) in self._open else f"is deeper than {_MAX_DEPTH} levels"
            )
            self._refuse(node, f"a value {reason}")
        self._open.add(id(node))
        children: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            if not self._allows_repeated_keys:
                self._refuse_repeated_keys(node)
            children = [each for pair in node.value for each in pair]
        elif isinstance(node, yaml.SequenceNode):
            children = node.value
        size = 1 + sum(self._measure(each, depth + 1) for each in children)
        self._open.discard(id(node))
        self._sizes[id(node)] = size
        return size

    def _refuse_repeated_keys(self, node: yaml.MappingNode) -> None:
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE_TAG:
                continue
            first = lines.setdefault((key.tag, key.value), key.start_mark.line + 1)
            if first != key.start_mark.line + 1:
                self._refuse(key, f"the key {key.value!r} is there twice, first in line {first}")

    def _refuse(self, node: yaml.Node, reason: str) -> None:
        raise InputError(reason, path=self.path, line=node.start_mark.line + 1)
