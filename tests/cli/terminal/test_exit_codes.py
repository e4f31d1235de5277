"""Exit codes mean what they say: a decision's code comes from a decision, and from nothing else."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from evalharness.cli import FAILED, INTERRUPTED, OK, OUTPUT_CLOSED, REFUSED, UNEXPECTED, main
from evalharness.cli.terminal.exit_codes import exit_code_of
from evalharness.errors import ConfigError

EXAMPLE = Path(__file__).parents[3] / "results/example"
PAIR = ("smollm2-135m-chat", "smollm2-135m-plain")
DECISIONS = {0, 1, 3}


def _end(error):
    """Return the exit codes of a verb that works and of one that decides, if both raise this."""

    def command():
        raise error

    return exit_code_of(command), exit_code_of(command, is_decision=True)


@pytest.mark.parametrize(
    "error",
    [
        OverflowError("math range error"),
        ValueError("x"),
        MemoryError(),
        RecursionError("deep"),
        ImportError("no scipy"),
        AssertionError(),
        ExceptionGroup("two", [ValueError("x"), ConfigError("y")]),
        SystemExit(0),
        SystemExit(1),
        SystemExit("a library ends the process"),
        GeneratorExit(),
    ],
    ids=repr,
)
def test_an_unexpected_error_is_70_with_one_line_and_a_file(error, capsys):
    """Python's own code for it is 1, which would mean worse, changed, or not verified."""
    codes = _end(error)

    assert codes == (UNEXPECTED, UNEXPECTED) == (70, 70)
    for line in capsys.readouterr().err.splitlines():
        assert f"unexpected error, {type(error).__name__}" in line
        path = Path(re.search(r"Traceback in (\S+),", line)[1])
        assert "Traceback" in path.read_text()
        assert path.stat().st_mode & 0o077 == 0
        path.unlink()


def test_the_traceback_is_printed_for_debugging(capsys):
    """With `--debug`, and no file is written."""

    def command():
        return {}["missing"]

    assert exit_code_of(command, debug=True) == UNEXPECTED
    *lines, last = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "KeyError: 'missing'"
    assert last.endswith("Traceback above")


def test_debug_is_an_option_of_every_verb(capsys):
    """It stands before or after the verb and is none of its arguments."""
    assert main(["--debug", "list", "models"]) == OK
    assert main(["list", "--debug", "judges"]) == OK
    assert "gpt-4" in capsys.readouterr().out


def test_an_error_in_another_thread_is_70(capsys):
    """The command ends as if all were well, but what the thread was to do is missing."""

    def command():
        def fail():
            msg = "in a thread"
            raise RuntimeError(msg)

        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        return OK

    hook = threading.excepthook
    assert exit_code_of(command, debug=True) == UNEXPECTED
    assert "RuntimeError: in a thread" in capsys.readouterr().err
    assert threading.excepthook is hook


@pytest.mark.parametrize(
    ("error", "codes"),
    [
        (ConfigError("wrong"), (REFUSED, REFUSED)),
        (OSError(28, "No space left on device"), (FAILED, REFUSED)),
        (KeyboardInterrupt(), (INTERRUPTED, INTERRUPTED)),
    ],
    ids=repr,
)
def test_expected_errors_keep_their_codes(error, codes, capsys):
    """A disk that fails is no decision: a verb that decides refuses."""
    assert _end(error) == codes
    assert "Traceback" not in capsys.readouterr().err


def _evalharness(tmp_path, *arguments, modules=None, shell=None, **environment):
    """Run the command line in a process, with modules that hide those of libraries."""
    for name, text in (modules or {}).items():
        (tmp_path / "broken" / name).mkdir(parents=True)
        (tmp_path / "broken" / name / "__init__.py").write_text(text)
    words = [sys.executable, "-m", "evalharness", *map(str, arguments)]
    paths = [str(tmp_path / "broken"), str(Path(__file__).parents[3])]
    return subprocess.run(
        ["bash", "-c", shell, "bash", *words] if shell else words,
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "TMPDIR": str(tmp_path),
            "PYTHONPATH": os.pathsep.join(paths),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_module_that_cannot_be_imported_is_70(tmp_path):
    """The command line itself imports this one."""
    modules = {"msgspec": "raise RuntimeError('cannot be loaded')"}
    done = _evalharness(tmp_path, "compare", EXAMPLE, *PAIR, modules=modules)

    assert done.returncode == UNEXPECTED
    (line,) = done.stderr.splitlines()
    assert "RuntimeError: cannot be loaded" in line
    assert len(list(tmp_path.glob("evalharness-error-*.txt"))) == 1


@pytest.mark.parametrize(
    ("shell", "code"),
    [
        ('"$@" | true; exit ${PIPESTATUS[0]}', OUTPUT_CLOSED),
        ('"$@" > /dev/full', REFUSED),
        ('"$@" >&- 2>&-', 3),
        ('LC_ALL=C PYTHONIOENCODING=ascii "$@"', 3),
    ],
    ids=["closed by its reader", "full", "no streams", "ascii"],
)
def test_what_happens_to_the_output_is_no_decision(tmp_path, shell, code):
    """The comparison itself cannot tell: exit code 3."""
    done = _evalharness(tmp_path, "compare", EXAMPLE, *PAIR, "--metric", "score", shell=shell)

    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def compare_damaged(tmp_path):
    """Return a function that compares two models, and returns exit code, JUnit suite and summary."""

    def compare(*arguments, damage=lambda _run: None):
        run = tmp_path / "run"
        shutil.copytree(EXAMPLE, run)
        damage(run)
        files = ["--junit", str(tmp_path / "gate.xml"), "--markdown", str(tmp_path / "gate.md")]
        try:
            code = main(["compare", str(run), *(arguments or PAIR), *files])
        except SystemExit as ended:
            code = ended.code
        suite = ET.parse(tmp_path / "gate.xml").getroot()  # noqa: S314 - written by ourselves
        return code, suite, (tmp_path / "gate.md").read_text()

    return compare


@pytest.mark.parametrize(
    ("arguments", "damage", "code", "words"),
    [
        (("x", PAIR[1]), None, REFUSED, "x is not in this run"),
        ((*PAIR, "--alpha", "7"), None, REFUSED, "the arguments were refused"),
        (PAIR, lambda run: (run / "judgments.jsonl").write_text("{"), None, ""),
        (PAIR, lambda run: (run / "config.yaml").unlink(), REFUSED, "no run"),
        (PAIR, lambda run: (run / "manifest.json").write_text('{"usage": 3}'), None, ""),
    ],
    ids=["model", "argument", "judgments", "no run", "manifest"],
)
def test_the_files_for_ci_say_that_there_is_no_decision(
    compare_damaged, arguments, damage, code, words
):
    """Without them a CI server would show the file of an earlier job, or none."""
    ended, suite, summary = compare_damaged(*arguments, damage=damage or (lambda _run: None))

    assert ended == code or (code is None and ended not in DECISIONS)
    assert (suite.get("errors"), suite.get("failures"), suite.get("skipped")) == ("1", "0", "0")
    assert words in suite.find("testcase/error").get("message")
    assert "**no decision**" in summary


def test_an_unexpected_error_is_in_the_files_for_ci(compare_damaged, monkeypatch):
    """A crash of a comparison was the exit code that means worse, and left no file."""
    monkeypatch.setenv("OPENAI_API_KEY", "a-secret-of-some-length")

    def fail(*_):
        msg = "Error of a library"
        raise RuntimeError(msg)

    monkeypatch.setattr("numpy.linalg.inv", fail)
    monkeypatch.setattr("numpy.linalg.eigh", fail)

    ended, suite, _ = compare_damaged()

    assert ended == UNEXPECTED
    assert "Error" in suite.find("testcase/error").get("message")


def test_a_file_for_ci_that_cannot_be_written_is_refused_and_the_other_is_written(tmp_path):
    """It was the exit code that means worse."""
    summary = tmp_path / "gate.md"
    files = ["--junit", str(tmp_path / "no/gate.xml"), "--markdown", str(summary)]

    assert main(["compare", str(EXAMPLE), *PAIR, *files]) == REFUSED
    assert "**no decision**" in summary.read_text()


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_folder_that_cannot_be_written_is_refused_with_its_path(number, capsys):
    """The same command would not resume anything there."""
    assert _end(OSError(number, os.strerror(number), "/srv/run/report.html")) == (REFUSED, REFUSED)
    said = capsys.readouterr().err.splitlines()
    place = f"evalharness: /srv/run/report.html: {os.strerror(number)}"
    assert said[0] == f"{place}; let this user read and write there, or choose another folder"
    assert said[1] == f"{place}: nothing was decided"
