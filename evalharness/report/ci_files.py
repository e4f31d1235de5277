"""A comparison as files that continuous integration shows: JUnit XML, and a summary in Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from evalharness.domain import escape_to_one_line
from evalharness.report.leaderboard_table import escape_markdown
from evalharness.stats import NonInferiority
from evalharness.store import replace_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalharness.analysis import ModelComparison

_LABELLED_LINE = re.compile(r"(\S+(?: \S+)*?)\s{2,}(.*)")


def write_junit_report(
    path: Path, run: str, found: ModelComparison, decision: NonInferiority, lines: Sequence[str]
) -> None:
    """Write a suite of one test: failed when the model is worse, skipped when nobody can tell.

    Raises:
        OSError: the file cannot be written.
    """
    name = escape_to_one_line(f"{found.model} is not worse than {found.other}")
    counts = {
        "name": "evalharness compare",
        "tests": "1",
        "errors": "0",
        "failures": str(int(decision is NonInferiority.WORSE)),
        "skipped": str(int(decision is NonInferiority.CANNOT_TELL)),
    }
    suite = ET.Element("testsuite", counts)
    case = ET.SubElement(
        suite, "testcase", name=name, classname=f"{escape_to_one_line(run)}.{found.metric}"
    )
    words = [escape_to_one_line(line) for line in lines]
    if decision is NonInferiority.WORSE:
        ET.SubElement(case, "failure", message=words[-1]).text = "\n".join(words)
    elif decision is NonInferiority.CANNOT_TELL:
        ET.SubElement(case, "skipped", message=words[-1])
    ET.SubElement(case, "system-out").text = "\n".join(words)
    ET.indent(suite)
    replace_file(path, ET.tostring(suite, encoding="utf-8", xml_declaration=True) + b"\n")


def append_markdown_summary(
    path: Path, run: str, found: ModelComparison, lines: Sequence[str]
) -> None:
    """Add a summary to a file, as the summaries of a step or a pull request grow.

    Raises:
        OSError: the file cannot be written.
    """
    title = f"{found.model} against {found.other}, by {found.metric.replace('_', ' ')} ({run})"
    text = [
        f"### {escape_markdown(title)}",
        "",
        f"**{escape_markdown(_without_label(lines[-1]))}**",
        "",
    ]
    text += [f"- {_markdown_item(line)}" for line in lines[:-1]]
    with path.open("a", encoding="utf-8") as file:
        file.write("\n".join(text) + "\n\n")


def _markdown_item(line: str) -> str:
    labelled = _LABELLED_LINE.fullmatch(line)
    return f"{f'*{labelled[1]}*: ' if labelled else ''}{escape_markdown(_without_label(line))}"


def _without_label(line: str) -> str:
    """Return a line without its label."""
    labelled = _LABELLED_LINE.fullmatch(line)
    return str(labelled[2]) if labelled else line
