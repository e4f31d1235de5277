"""Test the files for continuous integration, and the recipes of the documentation."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml
from hostile_texts import PAYLOADS

from evalharness.analysis import ComparisonMetric, compare_models
from evalharness.cli import main
from evalharness.cli.compare import parse_compare_arguments
from evalharness.judge import collect_battles
from evalharness.report import RunComparison, append_markdown_summary, write_junit_report
from evalharness.report.page.markdown import render_markdown
from evalharness.stats import NonInferiority
from evalharness.store import read_run

EXAMPLE = Path(__file__).parents[2] / "results/example"
RECIPES = (Path(__file__).parents[2] / "docs/ci.md").read_text(encoding="utf-8")
PAIR = ("smollm2-135m-chat", "smollm2-135m-plain")


def _gate(tmp_path, *more, pair=PAIR):
    """Return the exit code, the JUnit suite and the summary of a comparison."""
    files = ["--junit", str(tmp_path / "gate.xml"), "--markdown", str(tmp_path / "gate.md")]
    code = main(["compare", str(EXAMPLE), *pair, "--metric", "score", *more, *files])
    suite = ET.parse(tmp_path / "gate.xml").getroot()  # noqa: S314 - written by ourselves
    return code, suite, (tmp_path / "gate.md").read_text(encoding="utf-8")


def _compared(run, found, lines, cautions=()):
    """Return a comparison that found the first model worse."""
    return RunComparison(
        run=run, comparison=found, decision=NonInferiority.WORSE, lines=lines, cautions=cautions
    )


def test_a_model_that_is_not_worse_passes(tmp_path):
    """Exit code, XML and summary agree."""
    code, suite, summary = _gate(tmp_path, "--max-drop", "1")

    assert code == 0
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("1", "0", "0")
    assert {child.tag for child in suite.find("testcase")} == {"system-out"}
    assert "**smollm2-135m-chat is not worse by more than 1.00 points of score" in summary
    assert "- *difference*: 0.18 points of score" in summary


def test_an_undecided_comparison_is_skipped_and_never_passes(tmp_path):
    """An undecided comparison does not pass."""
    code, suite, summary = _gate(tmp_path)

    assert code == 3
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "1")
    assert "cannot tell" in suite.find("testcase/skipped").get("message")
    assert "**cannot tell at this size" in summary


def test_a_worse_model_fails(tmp_path):
    """The message of the failure contains the figures."""
    records = read_run(EXAMPLE)
    found = compare_models(records, collect_battles(records), *PAIR, metric=ComparisonMetric.SCORE)
    lines = ("a against b: scores", "difference  -1 points", "worse       a is worse: it is so")
    write_junit_report(tmp_path / "gate.xml", _compared("run", found, lines))
    suite = ET.parse(tmp_path / "gate.xml").getroot()  # noqa: S314 - written by ourselves

    assert (suite.get("failures"), suite.get("skipped")) == ("1", "0")
    assert "difference  -1 points" in suite.find("testcase/failure").text


def test_a_summary_is_appended_to_existing_text(tmp_path):
    """The summary of a CI step is shared; the XML file has one comparison."""
    (tmp_path / "gate.md").write_text("# Mine\n\n")
    _gate(tmp_path)
    _, suite, summary = _gate(tmp_path, pair=PAIR[::-1])

    assert summary.startswith("# Mine\n\n### ")
    assert summary.count("### ") == 2
    assert len(suite) == 1


@pytest.mark.parametrize("text", PAYLOADS[::5])
def test_names_are_escaped_in_xml_and_markdown(text, tmp_path):
    """The name of a model is escaped in XML and in Markdown."""
    records = read_run(EXAMPLE)
    found = compare_models(records, collect_battles(records), *PAIR)
    lines = (f"{text} against b: scores", f"difference  {text}", f"worse       {text} is worse")
    compared = _compared(text, found, lines, cautions=(f"caution (judge): {text}",))
    write_junit_report(tmp_path / "gate.xml", compared)
    append_markdown_summary(tmp_path / "gate.md", compared)

    assert len(ET.parse(tmp_path / "gate.xml").getroot()) == 1  # noqa: S314 - written by ourselves
    page = render_markdown((tmp_path / "gate.md").read_text(encoding="utf-8"))
    assert "<script" not in page.lower()
    assert page.count("<li>") == 3


def test_the_recipes_are_yaml_and_their_commands_exist():
    """Users copy these recipes."""
    recipes = [
        yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", RECIPES, re.DOTALL)
    ]
    gates = re.findall(r"python -m evalharness compare (gate [^|\n]*)", RECIPES)

    assert [set(recipe) >= {"jobs"} or "quality" in recipe for recipe in recipes] == [True, True]
    assert len(gates) == 2
    for gate in gates:
        given = parse_compare_arguments(argparse.ArgumentParser(), shlex.split(gate))
        assert (given.run, given.model, given.other, given.max_drop) == (
            "gate",
            "candidate",
            "released",
            0.2,
        )
