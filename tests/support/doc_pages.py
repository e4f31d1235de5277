"""Test a page of the documentation: write its files, run its commands and its doctests.

In a page,

- a fenced block with `title="PATH"` is a file to write;
- a `console` block has commands after `$ `, each executed by its output, in which `...` matches
  any text; a command must succeed, unless the next one is `echo $?`;
- a `pycon` block is a doctest;
- other blocks are not tested.

A test server runs at the address http://127.0.0.1:8000 during the test.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

ADDRESS = "http://127.0.0.1:8000"
_BLOCK = re.compile(r"^```(?P<language>\w+)(?P<about>.*)\n(?P<text>(?s:.*?))^```$", re.MULTILINE)
_TITLE = re.compile(r'title="([^"]+)"')
_PROGRAM = ["python", "-m", "evalharness"]
_LENIENT = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block, with the line on which its text begins."""

    language: str
    title: str | None
    text: str
    line: int


@dataclass(slots=True)
class PageTest:
    """Runs a page in the current folder.

    Attributes:
        address: the address that replaces `ADDRESS` on the page.
        executed: the number of files, commands and statements.
    """

    page: Path
    address: str = ADDRESS
    executed: int = 0
    _code: int = 0
    _names: dict[str, object] = field(default_factory=dict)

    def run(self) -> None:
        """Run the whole page.

        Raises:
            AssertionError: the output differs from that on the page.
        """
        for block in blocks(self.page):
            if block.title is not None:
                path = Path(block.title)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text.replace(ADDRESS, self.address), encoding="utf-8")
                self.executed += 1
            elif block.language == "console":
                self._run_commands(block)
            elif block.language == "pycon":
                self._run_doctest(block)

    def _run_commands(self, block: Block) -> None:
        for command, expected in commands(block.text):
            place = f"{self.page.name}:{block.line}: {command}"
            if command != "echo $?":
                assert self._code in {0, None}, f"exit code {self._code} before {place}"
            output = self._run_command(command.replace(ADDRESS, self.address)).replace(
                self.address, ADDRESS
            )
            matches = doctest.OutputChecker().check_output(expected, output, _LENIENT)
            assert matches or not expected, f"{place}\n{output}"
            self.executed += 1
        assert self._code == 0, f"exit code {self._code} after {place}\n{output}"

    def _run_command(self, command: str) -> str:
        """Return the output of a command; `evalharness` runs in this process, which is much faster."""
        if command == "echo $?":
            code, self._code = self._code, 0
            return f"{code}\n"
        words = shlex.split(command.replace("\\\n", " "))
        if words[: len(_PROGRAM)] != _PROGRAM:
            done = subprocess.run(
                ["bash", "-c", command],  # noqa: S607
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            )
            self._code = done.returncode
            return done.stdout
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            try:
                self._code = main(words[len(_PROGRAM) :])
            except SystemExit as end:  # for example, `--help`
                self._code = int(end.code or 0)
        return output.getvalue()

    def _run_doctest(self, block: Block) -> None:
        test = doctest.DocTestParser().get_doctest(
            block.text, self._names, self.page.name, str(self.page), block.line
        )
        report = io.StringIO()
        runner = doctest.DocTestRunner(optionflags=_LENIENT)
        found = runner.run(test, out=report.write, clear_globs=False)
        self._names.update(test.globs)
        assert not found.failed, report.getvalue()
        self.executed += found.attempted


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page in order."""
    text = page.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        title = _TITLE.search(found["about"])
        yield Block(
            language=found["language"],
            title=title and title[1],
            text=found["text"],
            line=text.count("\n", 0, found.start("text")) + 1,
        )


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Yield the commands of a console block, each with the output that is shown below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines(keepends=True)
        end = next(n for n, line in enumerate(lines) if not line.endswith("\\\n")) + 1
        yield "".join(lines[:end]).strip(), "".join(lines[end:])
