"""Third-party text stays text: in tables, on the terminal, in notebooks and in paths."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from builders import a_leaderboard, a_run, failure
from caution_lists import cautions
from hostile_texts import PAYLOADS
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from readme_run import command, environment
from server import serving

from evalharness.analysis import Leaderboard, LeaderboardRow
from evalharness.cli import main
from evalharness.config import load_settings
from evalharness.domain import escape_to_one_line
from evalharness.errors import ConfigError
from evalharness.report import (
    Run,
    render_leaderboard_csv,
    render_leaderboard_latex,
    render_leaderboard_markdown,
)
from evalharness.store import RunFolder, read_records

TERMINAL = (
    "\x1b[2J\x1b]0;owned\x07",
    "fine\nevalharness: all is well\r",
    "\x9b31mred",
    "\u202egpj.exe",
    "line\u2028line\x85line",
    "\x00\x08\x7f",
)
FORMULAS = ("=1+1", "+1", "@SUM(A1)", "-cmd|' /C calc'!A0", "\t=1", "\uff1d1+1", "\r\n=1")
LATEX = (
    r"\input{/etc/passwd}",
    r"\write18{id}",
    "^^5cinput",
    "a % b",
    "x \\\\ \\hline",
    "\x0c$1$",
    "#1_2^3~&",
)
HOSTILE = (*(each for each in PAYLOADS if each.isprintable()), *TERMINAL, *FORMULAS, *LATEX)
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")


def board(*names: str) -> Leaderboard:
    """Return a leaderboard of models with these names, which its note contains too."""
    rows = tuple(LeaderboardRow(model=name, score=7.0, battles=3) for name in names)
    return Leaderboard(
        rows=rows, cautions=cautions(*(f"{name} lost every battle" for name in names))
    )


def markdown_kinds(text: str) -> set[str]:
    """Return the kinds of Markdown tokens in a text, except cells."""
    tokens = MARKDOWN.parse(text)
    return {inner.type for token in tokens for inner in (token, *(token.children or ()))}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_text_in_every_table(name):
    """The name of a model can come from a server's list or from a file of another tool."""
    table = board(name, "vicuna-13b")

    kinds = markdown_kinds(render_leaderboard_markdown(table))
    assert not kinds & {"html_inline", "html_block", "link_open", "image", "code_inline", "fence"}
    assert render_leaderboard_markdown(table).count("\n") == render_leaderboard_markdown(
        board("a", "b")
    ).count("\n")

    rows = list(csv.DictReader(io.StringIO(render_leaderboard_csv(table))))
    assert [row["score"] for row in rows] == ["7.0", "7.0"]
    assert not rows[0]["model"].startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"))

    latex = render_leaderboard_latex(table)
    assert latex.count("\n") == render_leaderboard_latex(board("a", "b")).count("\n")
    assert_harmless_latex(latex.partition("\\midrule\n")[2].partition("\\bottomrule")[0])


def assert_harmless_latex(rows: str) -> None:
    """Assert that the rows of a table contain known commands only."""
    plain = re.sub(r"\\text(backslash|asciitilde|asciicircum|less|greater)\{\}", "", rows)
    plain = re.sub(r" \\\\$", "", plain, flags=re.MULTILINE)
    plain = re.sub(r"\\[{}$&#_%]", "", plain)
    plain = re.sub(r"^\{\}", "", plain, flags=re.MULTILINE)
    assert set("\\{}$#_%~^") & set(plain) == set()
    assert [letter for letter in plain if ord(letter) < 32 and letter != "\n"] == []


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_name_is_text_in_every_table(name):
    """With any characters."""
    test_a_name_is_text_in_every_table(name)


@given(st.text())
def test_third_party_text_is_one_line_of_printable_text(text):
    """Text can neither forge a line of a log nor send a command to a terminal."""
    assert escape_to_one_line(text).isprintable()
    assert len(escape_to_one_line(text).splitlines()) <= 1
    escape_to_one_line(text).encode()


def test_ordinary_words_stay_as_they_are():
    """Accents, scripts and symbols are not commands."""
    text = "läuft über 今日は → 5 ≤ 3 “ok”"

    assert escape_to_one_line(text) == text


@pytest.mark.parametrize(
    ("watched", "trial", "ended"), [(False, "false", 1), (True, "false", 1), (False, "true", 2)]
)
def test_a_servers_words_cannot_forge_a_line_or_command_the_terminal(
    tmp_path, watched, trial, ended
):
    """An error of a server is shown on one line, also next to progress bars."""
    with serving("--behaviors", ",".join(["forging"] * 400)) as url:
        arguments = [*command(url), "questions.limit=1", "judge.model.max_attempts=1"]
        arguments.append(f"judge.trial={trial}")
        seen, code = (
            _run_on_terminal(arguments, tmp_path)
            if watched
            else _run_without_terminal(arguments, tmp_path)
        )

    assert code == ended
    assert b"owned" in seen
    assert b"\x1b]0;owned" not in seen
    assert b"\nevalharness: all is well" not in seen
    assert b"\x1b[2J" not in seen


def _run_without_terminal(arguments, folder):
    done = subprocess.run(
        arguments, cwd=folder, env=environment(folder), capture_output=True, check=False
    )
    return done.stdout + done.stderr, done.returncode


def _run_on_terminal(arguments, folder):
    """Run on a terminal; return all of its output, and the exit code."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        arguments,
        cwd=folder,
        env=environment(folder) | {"TERM": "xterm", "COLUMNS": "200"},
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        seen += part
    os.close(ours)
    return seen, process.wait()


def test_a_notebook_shows_text_and_runs_nothing():
    """Frames and plots of hostile names and answers, as a notebook renders them."""
    from evalharness.report import plot_ratings, plot_win_rates

    bad = PAYLOADS[0]
    records = a_run()
    records = replace(
        records,
        name=bad,
        answers=tuple(replace(each, model=bad) for each in records.answers),
        graded=tuple(replace(each, model=bad, reply=bad) for each in records.graded),
        failures=(failure(bad, bad, reason=bad),),
    )
    run = Run(records)
    table = a_leaderboard()
    table = replace(table, rows=tuple(replace(row, model=bad) for row in table.rows))

    shown = [
        *(getattr(run, name)._repr_html_() for name in ("answers", "judgments", "failures")),
        run.leaderboard._repr_html_(),
        plot_ratings(table).to_html(full_html=False, include_plotlyjs=False),
        plot_win_rates(table).to_html(full_html=False, include_plotlyjs=False),
    ]

    assert all("pwned" in html for html in shown[1:])
    assert not [html for html in shown if bad in html]
    assert len(repr(run)) < 200


@pytest.mark.parametrize(
    "name", ["../x", "/var/x", "..", ".", "", "a/b", "a\\b", "a\nb", "a\0b", "\x1b[2J", "a" * 300]
)
def test_a_run_cannot_be_put_outside_its_folder(name, tmp_path):
    """A name is that of one folder in results/; another one is refused before any file is made."""
    quoted = json.dumps(name)

    with pytest.raises(ConfigError, match="must be the name of one folder"):
        load_settings(["models=[gpt-4]", f"run={quoted}", f"results={tmp_path}"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../../x", "/var/x", "..", "a\0b", "x" * 400])
@pytest.mark.parametrize("form", ["mt-bench", "arena-hard", "alpaca-eval", "evalica"])
def test_an_export_stays_in_its_folder(name, form, tmp_path):
    """Files named after models and judges are written to the folder of the export only."""
    records = a_run(2, 2)
    with RunFolder.open(tmp_path / "run") as folder:
        folder.write_config({"seed": 0}, records.questions)
        for answer in records.answers:
            folder.add_answer(replace(answer, model=name))
        for game in records.games:
            folder.add_judgment(replace(game, model_a=name, judge=name))
    before = {path for path in tmp_path.rglob("*") if path.is_file()}

    main(["export", form, str(tmp_path / "run"), "--to", str(tmp_path / "to/here")])

    new = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert new
    assert all(path.is_relative_to(tmp_path / "to/here") for path in new)


def test_a_formula_is_escaped_on_export_and_restored_on_import(tmp_path):
    """The file of Evalica is also opened with spreadsheets."""
    path = tmp_path / "in.csv"
    path.write_text("left,right,winner,weight\n=1+1,@x,left,-2\nplain,=1+1,tie,3\n")
    main(["import", "evalica", str(path), "--run", str(tmp_path / "run")])
    main(["export", "evalica", str(tmp_path / "run"), "--to", str(tmp_path / "out")])
    written = tmp_path / "out/comparisons.csv"

    assert written.read_text().splitlines()[1:] == ["'=1+1,'@x,left,-2", "plain,'=1+1,tie,3"]
    main(["import", "evalica", str(written), "--run", str(tmp_path / "again")])
    models = [
        [
            (row["model_a"], row["model_b"])
            for row in read_records(tmp_path / run / "votes.jsonl", dict)
        ]
        for run in ("run", "again")
    ]
    assert models[0] == models[1] == [("=1+1", "@x"), ("plain", "=1+1")]


def test_a_run_sends_no_telemetry(tmp_path):
    """There is no telemetry: a run connects only to the addresses of its models."""
    code = (
        "import sys\n"
        "def hook(event, arguments):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo', 'socket.sendto'):\n"
        "        print('NETWORK', event, arguments, file=sys.stderr)\n"
        "sys.addaudithook(hook)\n"
        "from evalharness.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    with serving() as url:
        usual = command(url)
        done = subprocess.run(
            [sys.executable, "-c", code, *usual[usual.index("run") :], "questions.limit=2"],
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
    spoken = [line for line in done.stderr.splitlines() if line.startswith("NETWORK")]

    assert done.returncode == 0, done.stderr
    assert spoken
    assert [line for line in spoken if "127.0.0.1" not in line] == []
    assert Path(tmp_path / "results/mine/report.html").exists()
