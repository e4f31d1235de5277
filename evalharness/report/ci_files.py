"""Write a comparison as files for continuous integration: JUnit XML and a Markdown summary."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from evalharness.domain import escape_to_one_line
from evalharness.report.leaderboard_table import escape_markdown
from evalharness.stats import NonInferiority
from evalharness.store import replace_file

if TYPE_CHECKING:
    from pathlib import Path

    from evalharness.report.run_comparison import RunComparison

_LABELLED_LINE = re.compile(r"(\S+(?: \S+)*?)\s{2,}(.*)")


def write_junit_report(path: Path, compared: RunComparison) -> None:
    """Write a JUnit suite of one test: failed if the model is worse, skipped if undecided.

    Raises:
        OSError: the file cannot be written.
    """
    comparison, decision = compared.comparison, compared.decision
    name = escape_to_one_line(f"{comparison.model} is not worse than {comparison.other}")
    counts = {
        "name": "evalharness compare",
        "tests": "1",
        "errors": "0",
        "failures": str(int(decision is NonInferiority.WORSE)),
        "skipped": str(int(decision is NonInferiority.CANNOT_TELL)),
    }
    suite = ET.Element("testsuite", counts)
    case = ET.SubElement(
        suite,
        "testcase",
        name=name,
        classname=f"{escape_to_one_line(compared.run)}.{comparison.metric}",
    )
    lines = [escape_to_one_line(line) for line in (*compared.cautions, *compared.lines)]
    if decision is NonInferiority.WORSE:
        ET.SubElement(case, "failure", message=lines[-1]).text = "\n".join(lines)
    elif decision is NonInferiority.CANNOT_TELL:
        ET.SubElement(case, "skipped", message=lines[-1])
    ET.SubElement(case, "system-out").text = "\n".join(lines)
    ET.indent(suite)
    replace_file(path, ET.tostring(suite, encoding="utf-8", xml_declaration=True) + b"\n")


def append_markdown_summary(path: Path, compared: RunComparison) -> None:
    """Append a summary to a Markdown file, such as the summary of a CI step.

    Raises:
        OSError: the file cannot be written.
    """
    comparison, *details, decision = compared.comparison, *compared.lines
    metric = comparison.metric.replace("_", " ")
    title = f"{comparison.model} against {comparison.other}, by {metric} ({compared.run})"
    text = [
        f"### {escape_markdown(title)}",
        "",
        f"**{escape_markdown(_without_label(decision))}**",
        "",
        *(f"- {_markdown_item(line)}" for line in details),
        *(f"- {escape_markdown(line)}" for line in compared.cautions),
    ]
    with path.open("a", encoding="utf-8") as file:
        file.write("\n".join(text) + "\n\n")


def _markdown_item(line: str) -> str:
    labelled = _LABELLED_LINE.fullmatch(line)
    return f"{f'*{labelled[1]}*: ' if labelled else ''}{escape_markdown(_without_label(line))}"


def _without_label(line: str) -> str:
    """Return a line without its label."""
    labelled = _LABELLED_LINE.fullmatch(line)
    return str(labelled[2]) if labelled else line
