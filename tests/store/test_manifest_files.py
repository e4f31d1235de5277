"""A damaged manifest stops nothing: it is made again, and every output says what was lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from readme_run import calls, run
from server import serving

from evalharness.cli import main
from evalharness.store import read_manifest

EXAMPLE = Path(__file__).parents[2] / "results" / "example"
WHOLE = (EXAMPLE / "manifest.json").read_bytes()
DAMAGED = {
    "empty": b"",
    "cut": WHOLE[:300],
    "zeros": bytes(len(WHOLE)),
    "a flipped bit in a letter": WHOLE.replace(b"finished", b"finis\xe8ed", 1),
    "a flipped bit in a bracket": b"[" + WHOLE[1:],
    "another kind of content": b"[1]",
    "another encoding": WHOLE.decode().encode("utf-16"),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_manifest_is_said_and_stops_nothing(content, tmp_path, capsys):
    """The report is made of the other files."""
    folder = shutil.copytree(EXAMPLE, tmp_path / "run")
    (folder / "manifest.json").write_bytes(content)

    assert main(["report", str(folder)]) == 0

    said = capsys.readouterr()
    assert (said.out + said.err).count("manifest.json was damaged") == 1
    assert "manifest.json was damaged" in (folder / "report.html").read_text(encoding="utf-8")


def test_the_run_makes_a_damaged_manifest_again(tmp_path):
    """What was there is kept beside it, nothing is asked twice, and what was lost stays said."""
    folder = tmp_path / "results" / "mine"
    with serving() as url:
        assert run(url, tmp_path).returncode == 0
        before = calls(url)
        whole = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_bytes(WHOLE[:99])
        done = run(url, tmp_path)
        assert calls(url) == before

    assert done.returncode == 0, done.stderr
    made = json.loads((folder / "manifest.json").read_text())
    assert {name: made[name] for name in ("models", "judges", "usage", "stages")} == {
        name: whole[name] for name in ("models", "judges", "usage", "stages")
    }
    assert "what servers refused" in made["damage"]
    assert (done.stdout + done.stderr).count("manifest.json was damaged") == 1
    assert (folder / "manifest.json.damaged").read_bytes() == WHOLE[:99]


def test_a_byte_order_mark_is_no_damage(tmp_path):
    """Editors of some systems write one."""
    (tmp_path / "manifest.json").write_bytes(b"\xef\xbb\xbf" + WHOLE)

    assert read_manifest(tmp_path) == json.loads(WHOLE)
