"""Full or read-only disks, and clocks that go back: one line of error, and no reply is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from readme_run import (
    ALL_CALLS,
    ANSWER_CALLS,
    FILES,
    IN_FLIGHT,
    SLOWLY,
    calls,
    command,
    environment,
    run,
    without_time,
)
from server import serving

# A separate disk that only these commands see; it is removed with them.
_MOUNTING = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root"]


@pytest.fixture
def own_disk(tmp_path):
    """Return a function that runs shell lines with the permission to mount disks."""
    (tmp_path / "results").mkdir()

    def shell(script, *arguments):
        return subprocess.run(
            [*_MOUNTING, "sh", "-c", script, "sh", *arguments],
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    if shutil.which("unshare") is None or shell("mount -t tmpfs none results").returncode:
        pytest.skip("disks cannot be mounted here")
    return shell


@pytest.mark.parametrize(("size", "cache"), [("300k", "cache=on"), ("100k", "cache=off")])
def test_a_full_disk_loses_only_calls_in_flight(own_disk, tmp_path, size, cache):
    """The error is one line; with free space, the same command makes the remaining calls."""
    script = """
        mount -t tmpfs -o size=$1 none results || exit 99
        shift
        "$@"; echo "first: $?"
        mount -o remount,size=64m results || exit 99
        "$@"; echo "second: $?"
        cp -a results saved
    """
    with serving("--latency", "0.01") as url:
        done = own_disk(script, size, *command(url, *SLOWLY, cache))
        asked = sum(calls(url).values())
        run(url, tmp_path / "whole", *SLOWLY, cache)

    exits = [line for line in done.stdout.splitlines() if line.startswith(("first", "second"))]
    assert exits == ["first: 1", "second: 0"], done.stderr
    assert "No space left on device" in done.stderr
    assert "the same command resumes" in done.stderr
    assert "Traceback" not in done.stderr
    once = ALL_CALLS
    assert (
        once <= asked <= once + 2 * IN_FLIGHT
    )  # and the replies that arrived and could not be written
    for name in FILES:
        saved, whole = tmp_path / "saved/mine" / name, tmp_path / "whole/results/mine" / name
        assert without_time(saved) == without_time(whole)
    left = {path.name for path in (tmp_path / "saved/mine").iterdir()}
    assert left == {path.name for path in (tmp_path / "whole/results/mine").iterdir()}


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_asked(own_disk):
    """A call whose reply cannot be stored would be wasted; existing results can be read."""
    script = """
        mount -t tmpfs none results || exit 99
        "$@" || exit 98
        mount -o remount,ro results || exit 99
        echo asked
        "$@" questions.limit=16; echo "run: $?"
        python -m evalharness report mine; echo "report: $?"
        python -m evalharness cache; echo "cache: $?"
        python -c "import evalharness; print(len(evalharness.load_run('results/mine').answers))"
    """.replace("python ", f"{sys.executable} ")
    with serving() as url:
        done = own_disk(script, *command(url))
        asked = sum(calls(url).values())

    said = done.stdout.partition("asked")[2].splitlines()
    assert said[1] == "run: 2"
    assert said[2] == "report: 2"
    assert said[-2:] == ["cache: 0", str(ANSWER_CALLS)]
    assert "cannot be written (Read-only file system); choose results=FOLDER" in done.stderr
    assert "Traceback" not in done.stderr
    assert asked == ALL_CALLS


def test_a_clock_that_goes_back_changes_nothing(tmp_path):
    """Each reading of the clock is an hour earlier: no call waits, expires or is repeated."""
    backwards = (
        "import sys, time\n"
        "real, looks = time.time, iter(range(1, 10**9))\n"
        "time.time = lambda: real() - 3600 * next(looks)\n"
        "from evalharness.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    with serving() as url:
        usual = command(url)
        turned = [sys.executable, "-c", backwards, *usual[usual.index("run") :]]
        codes = [
            subprocess.run(
                turned, cwd=tmp_path, env=environment(tmp_path), check=False, capture_output=True
            ).returncode
            for _ in range(2)
        ]
        asked = calls(url)

    assert codes == [0, 0]
    assert (sum(asked.values()), max(asked.values())) == (ALL_CALLS, 1)
