"""A comparison as files that continuous integration shows: JUnit XML, and a summary in Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from evalharness import plain, tables
from evalharness.stats.differences import Decision
from evalharness.store import jsonl

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalharness.leaderboard import Comparison

_LABELLED = re.compile(r"(\S+(?: \S+)*?)\s{2,}(.*)")


def write_junit(
    path: Path, run: str, found: Comparison, decision: Decision, lines: Sequence[str]
) -> None:
    """Write a suite of one test: failed when the model is worse, skipped when nobody can tell.

    Raises:
        OSError: the file cannot be written.
    """
    name = plain.one_line(f"{found.model} is not worse than {found.other}")
    counts = {
        "name": "evalharness compare",
        "tests": "1",
        "errors": "0",
        "failures": str(int(decision is Decision.WORSE)),
        "skipped": str(int(decision is Decision.CANNOT_TELL)),
    }
    suite = ET.Element("testsuite", counts)
    case = ET.SubElement(
        suite, "testcase", name=name, classname=f"{plain.one_line(run)}.{found.metric}"
    )
    words = [plain.one_line(line) for line in lines]
    if decision is Decision.WORSE:
        ET.SubElement(case, "failure", message=words[-1]).text = "\n".join(words)
    elif decision is Decision.CANNOT_TELL:
        ET.SubElement(case, "skipped", message=words[-1])
    ET.SubElement(case, "system-out").text = "\n".join(words)
    ET.indent(suite)
    jsonl.replace(path, ET.tostring(suite, encoding="utf-8", xml_declaration=True) + b"\n")


def append_markdown(path: Path, run: str, found: Comparison, lines: Sequence[str]) -> None:
    """Add a summary to a file, as the summaries of a step or a pull request grow.

    Raises:
        OSError: the file cannot be written.
    """
    title = f"{found.model} against {found.other}, by {found.metric.replace('_', ' ')} ({run})"
    text = [
        f"### {tables.in_markdown(title)}",
        "",
        f"**{tables.in_markdown(_said(lines[-1]))}**",
        "",
    ]
    text += [f"- {_item(line)}" for line in lines[:-1]]
    with path.open("a", encoding="utf-8") as file:
        file.write("\n".join(text) + "\n\n")


def _item(line: str) -> str:
    labelled = _LABELLED.fullmatch(line)
    return f"{f'*{labelled[1]}*: ' if labelled else ''}{tables.in_markdown(_said(line))}"


def _said(line: str) -> str:
    """Return a line without its label."""
    labelled = _LABELLED.fullmatch(line)
    return str(labelled[2]) if labelled else line
