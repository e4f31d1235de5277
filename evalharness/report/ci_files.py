"""Write a comparison as files for continuous integration: JUnit XML and a Markdown summary.

What fails before there is a comparison is written too, so that no file of an earlier job is taken
for the result. These functions therefore import nothing that computes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from evalharness.domain import escape_markdown, escape_to_one_line
from evalharness.store import replace_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Literal

    from evalharness.report.run_comparison import RunComparison

    _TestOutcome = Literal["failure", "skipped", "error"]

_LABELLED_LINE = re.compile(r"(\S+(?: \S+)*?)\s{2,}(.*)")
_NO_DECISION = "no decision"
_OUTCOMES: dict[str, _TestOutcome] = {"worse": "failure", "cannot tell": "skipped"}


def write_junit_report(path: Path, compared: RunComparison) -> None:
    """Write a JUnit suite of one test: failed if the model is worse, skipped if undecided.

    Raises:
        OSError: the file cannot be written.
    """
    comparison = compared.comparison
    lines = [escape_to_one_line(line) for line in (*compared.cautions, *compared.lines)]
    _write_suite(
        path,
        name=f"{comparison.model} is not worse than {comparison.other}",
        class_name=f"{compared.run}.{comparison.metric}",
        outcome=_OUTCOMES.get(compared.decision.value),
        lines=lines,
    )


def write_junit_error(path: Path, models: tuple[str, str], run: str, problem: str) -> None:
    """Write a JUnit suite of one test that ended with an error, without a decision.

    Args:
        path: the file.
        models: the model in question, and the model that it is compared with.
        run: the run.
        problem: what happened, in one line.

    Raises:
        OSError: the file cannot be written.
    """
    name = f"{models[0]} is not worse than {models[1]}"
    line = f"{_NO_DECISION}: {escape_to_one_line(problem)}"
    _write_suite(path, name=name, class_name=run, outcome="error", lines=[line])


def append_markdown_summary(path: Path, compared: RunComparison) -> None:
    """Append a summary to a Markdown file, such as the summary of a CI step.

    Raises:
        OSError: the file cannot be written.
    """
    comparison, *details, decision = compared.comparison, *compared.lines
    metric = comparison.metric.replace("_", " ")
    title = f"{comparison.model} against {comparison.other}, by {metric} ({compared.run})"
    items = [
        *map(_markdown_item, details),
        *map(escape_markdown, compared.cautions),
    ]
    _append_section(path, title, escape_markdown(_without_label(decision)), items)


def append_markdown_error(path: Path, models: tuple[str, str], run: str, problem: str) -> None:
    """Append to a Markdown file that there is no decision.

    Args:
        path: the file.
        models: the model in question, and the model that it is compared with.
        run: the run.
        problem: what happened, in one line.

    Raises:
        OSError: the file cannot be written.
    """
    title = f"{models[0]} against {models[1]} ({run})"
    _append_section(path, title, _NO_DECISION, [escape_markdown(problem)])


def _write_suite(
    path: Path, *, name: str, class_name: str, outcome: _TestOutcome | None, lines: Sequence[str]
) -> None:
    counts = {
        "name": "evalharness compare",
        "tests": "1",
        "errors": str(int(outcome == "error")),
        "failures": str(int(outcome == "failure")),
        "skipped": str(int(outcome == "skipped")),
    }
    suite = ET.Element("testsuite", counts)
    case = ET.SubElement(
        suite,
        "testcase",
        name=escape_to_one_line(name),
        classname=escape_to_one_line(class_name),
    )
    if outcome is not None:
        told = ET.SubElement(case, outcome, message=lines[-1])
        told.text = None if outcome == "skipped" else "\n".join(lines)
    ET.SubElement(case, "system-out").text = "\n".join(lines)
    ET.indent(suite)
    replace_file(path, ET.tostring(suite, encoding="utf-8", xml_declaration=True) + b"\n")


def _append_section(path: Path, title: str, conclusion: str, items: Sequence[str]) -> None:
    text = [f"### {escape_markdown(title)}", "", f"**{conclusion}**", ""]
    text += [f"- {item}" for item in items]
    with path.open("a", encoding="utf-8") as file:
        file.write("\n".join(text) + "\n\n")


def _markdown_item(line: str) -> str:
    labelled = _LABELLED_LINE.fullmatch(line)
    return f"{f'*{labelled[1]}*: ' if labelled else ''}{escape_markdown(_without_label(line))}"


def _without_label(line: str) -> str:
    """Return a line without its label."""
    labelled = _LABELLED_LINE.fullmatch(line)
    return str(labelled[2]) if labelled else line
