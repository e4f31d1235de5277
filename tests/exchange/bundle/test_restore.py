"""Test that a bundle becomes the run it was, and that unsafe archives are refused."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import struct
import subprocess
import sys
import zipfile

import pytest
from foreign_files import MT_BENCH, write_files
from readme_run import calls, environment, run
from server import serving

from evalharness.cli import main
from evalharness.errors import ConfigError, InputError
from evalharness.exchange import (
    CONTENTS_FILE,
    bundle_signature,
    restore_bundle,
    write_archive,
    write_bundle,
)
from evalharness.store import read_run

SCRIPTED = (
    "models=[vicuna-13b,alpaca-7b]",
    "models.vicuna-13b.backend=scripted",
    "models.alpaca-7b.backend=scripted",
    "judge=scripted",
    "questions.limit=4",
    "cache=off",
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """Return the bundle of a finished run, and the folder of the run."""
    top = tmp_path_factory.mktemp("made")
    assert main(["run", *SCRIPTED, "run=mine", f"results={top}/results"]) == 0
    return write_bundle(top / "results" / "mine", top), top / "results" / "mine"


def contents_of(folder):
    """Return the files of a folder by name, but for the lock and the mark of an import."""
    ours = {".lock", ".imported"}
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in ours)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_run_comes_back_file_by_file_and_makes_the_same_bundle(bundle, tmp_path):
    """Export, import, and export again."""
    archive, before = bundle
    folder = tmp_path / "results" / "mine"

    assert main(["import", "bundle", str(archive), "--run", str(folder)]) == 0
    assert contents_of(folder) == contents_of(before)
    assert write_bundle(folder, tmp_path / "again").read_bytes() == archive.read_bytes()
    assert [path.name for path in folder.parent.iterdir()] == ["mine"]


def test_a_run_under_another_name_reports_and_compares(bundle, tmp_path, monkeypatch, capsys):
    """An imported run is like any other run in results/."""
    monkeypatch.chdir(tmp_path)

    assert main(["import", "bundle", str(bundle[0]), "--run", "theirs"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "report: results/theirs/report.html"
    assert main(["report", "theirs"]) == 0
    assert main(["compare", "theirs", "vicuna-13b", "alpaca-7b"]) in (0, 1, 3)
    assert main(["verify", str(write_bundle(tmp_path / "results/theirs", tmp_path))]) == 0


def test_the_same_command_asks_nothing_again(tmp_path):
    """Another machine without the first one's cache sends no call; the server counts them."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    with serving() as url:
        assert run(url, here).returncode == 0
        asked = calls(url)
        archive = write_bundle(here / "results" / "mine", tmp_path)
        imported = subprocess.run(
            [sys.executable, "-m", "evalharness", "import", "bundle", archive, "--run", "mine"],
            cwd=there,
            env=environment(there),
            capture_output=True,
            text=True,
            check=False,
        )
        again = run(url, there)

        assert (imported.returncode, again.returncode) == (0, 0), imported.stderr + again.stderr
        assert calls(url) == asked
    assert sum(asked.values()) > 0
    assert not (there / "results" / "mine" / "failures.jsonl").read_bytes()


def test_imported_answers_are_found_where_they_are_now(tmp_path, monkeypatch):
    """The configuration of their run names files that have another path now."""
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path / "foreign", MT_BENCH)
    assert main(["import", "mt-bench", str(tmp_path / "foreign"), "--run", "mt"]) == 0
    judged = ["judge=scripted", "judging=graded", "cache=off"]
    assert main(["judge", "run=mt", *judged]) == 0
    archive = write_bundle(tmp_path / "results" / "mt", tmp_path)
    before = read_run(tmp_path / "results" / "mt")
    shutil.rmtree(tmp_path / "results" / "mt")

    assert main(["import", "bundle", str(archive), "--run", "elsewhere"]) == 0
    judged_before = {row.digest for row in before.graded}
    assert main(["judge", "run=elsewhere", *judged]) == 0
    after = read_run(tmp_path / "results" / "elsewhere")
    assert {row.digest for row in after.graded} == judged_before
    assert [row.turns for row in after.answers] == [row.turns for row in before.answers]
    assert main(["judge", "run=elsewhere", *judged, "judging=both"]) == 0
    assert read_run(tmp_path / "results" / "elsewhere").games


def test_another_run_is_not_overwritten(bundle, tmp_path):
    """A folder with other files is refused as well; an empty folder is used."""
    archive, before = bundle
    kept = shutil.copytree(before, tmp_path / "other")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("mine")
    (tmp_path / "empty").mkdir()

    for name in ("other", "notes", "notes/a.txt"):
        with pytest.raises(ConfigError, match="is there already; choose another --run"):
            restore_bundle([archive], tmp_path / name)
    assert contents_of(kept) == contents_of(before)
    assert restore_bundle([archive], tmp_path / "empty").warnings == ()
    with pytest.raises(ConfigError, match="a run is made of one"):
        restore_bundle([archive, archive], tmp_path / "two")


def files_of(archive):
    """Return an archive's files by name."""
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def sealed(path, files, *, kind=stat.S_IFREG, packing=zipfile.ZIP_DEFLATED):
    """Write an archive with these files, the last of which is of a kind; return its path."""
    *first, last = files.items()
    with zipfile.ZipFile(path, "w") as opened:
        for name, content in first:
            opened.writestr(name, content, zipfile.ZIP_DEFLATED)
        entry = zipfile.ZipInfo(last[0])
        entry.external_attr = (kind | 0o644) << 16
        opened.writestr(entry, last[1], packing)
    return path


def refused(archive, tmp_path, words):
    """Check that an archive is refused with these words and leaves no files."""
    results = tmp_path / "results"
    with pytest.raises(InputError, match=words):
        restore_bundle([archive], results / "mine")
    assert not results.exists() or list(results.iterdir()) == []


@pytest.mark.parametrize("name", ["answers.jsonl", "judgments.jsonl", "config.yaml", "report.html"])
def test_a_changed_file_is_refused_by_its_name(bundle, tmp_path, name):
    """The hashes are checked before the content is read."""
    files = files_of(bundle[0])
    files[name] = files[name].replace(b"a", b"b", 1)

    refused(sealed(tmp_path / "x.zip", files), tmp_path, f"{name}: was changed after sealing")


def test_files_that_were_added_or_taken_are_refused_by_name(bundle, tmp_path):
    """A bundle and its list of files must be as they were sealed."""
    files = files_of(bundle[0])
    more = sealed(tmp_path / "more.zip", files | {"zz.json": b"{}"})
    less = {name: content for name, content in files.items() if name != "failures.jsonl"}
    contents = json.loads(files[CONTENTS_FILE])
    del contents["files"]["answers.jsonl"]
    fewer = {name: content for name, content in files.items() if name != "answers.jsonl"}
    fewer[CONTENTS_FILE] = json.dumps(contents).encode()

    refused(more, tmp_path, "zz.json: was added after sealing")
    refused(sealed(tmp_path / "less.zip", less), tmp_path, "failures.jsonl: is missing")
    refused(sealed(tmp_path / "f.zip", fewer), tmp_path, "signature is not that of what it says")


@pytest.mark.parametrize(
    "name",
    [
        "../outside.json",
        "/etc/outside.json",
        "a/../../outside.json",
        "a//b.json",
        "./b.json",
        "C:\\b.json",
        "C:b.json",
        "a\\..\\b.json",
        "a\nb.json",
        "run.sh",
        "completions.sqlite",
        ".lock",
        "Config.YAML",
        "config.yaml/x.json",
    ],
)
def test_a_name_that_leads_elsewhere_or_is_no_file_of_a_run_is_refused(bundle, tmp_path, name):
    """For example, absolute names, parent folders, names of other systems, programs, names that differ by case only."""
    files = files_of(bundle[0]) | {name: b"x"}

    refused(sealed(tmp_path / "x.zip", files), tmp_path, "is no name in a bundle")
    assert not (tmp_path / "outside.json").exists()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(bundle, tmp_path, kind):
    """A link could direct a write to another place."""
    files = files_of(bundle[0]) | {"link.json": b"/etc/passwd"}

    refused(sealed(tmp_path / "x.zip", files, kind=kind), tmp_path, "'link.json' is no name")


def test_a_file_that_expands_too_much_is_refused_before_it_is_unpacked(bundle, tmp_path):
    """A gigabyte of zeros is compressed to a megabyte; a few such files fill a disk."""
    path = sealed(tmp_path / "x.zip", files_of(bundle[0]) | {"zeros.json": bytes(300 << 20)})

    assert path.stat().st_size < 1 << 20
    refused(path, tmp_path, "would swell to 315 MB")


def test_a_wrong_size_is_refused(bundle, tmp_path):
    """A file that is larger than stated is cut, and its checksum is wrong."""
    files = files_of(bundle[0]) | {"zeros.json": bytes(300 << 20)}
    path = sealed(tmp_path / "x.zip", files)
    real, said = struct.pack("<L", 300 << 20), struct.pack("<L", 1000)
    path.write_bytes(path.read_bytes().replace(real, said))

    refused(path, tmp_path, "not a whole archive")


def test_repeated_names_other_compressions_and_other_files_are_refused(bundle, tmp_path):
    """An archive that two programs read differently proves nothing."""
    files = files_of(bundle[0])
    twice = shutil.copy(bundle[0], tmp_path / "twice.zip")
    with zipfile.ZipFile(twice, "a") as opened, pytest.warns(UserWarning, match="Duplicate name"):
        opened.writestr("answers.jsonl", b"")
    packed = sealed(tmp_path / "l.zip", files | {"a.json": b"{}"}, packing=zipfile.ZIP_LZMA)
    (tmp_path / "no.zip").write_bytes(b"PK but no more")
    cut = tmp_path / "cut.zip"
    cut.write_bytes(bundle[0].read_bytes()[:-200])
    damaged = bytearray(bundle[0].read_bytes())
    damaged[200:260] = os.urandom(60)
    (tmp_path / "damaged.zip").write_bytes(damaged)

    refused(twice, tmp_path, "stands twice")
    refused(packed, tmp_path, "'a.json' is no name")
    for name in ("no", "cut", "damaged"):
        refused(tmp_path / f"{name}.zip", tmp_path, "not a whole archive")
    refused(tmp_path / "gone.zip", tmp_path, "there is no such file")
    refused(sealed(tmp_path / "o.zip", {"a.txt": b"x"}), tmp_path, f"no {CONTENTS_FILE} of format")


def test_figures_that_do_not_follow_are_reported_and_recomputed(bundle, tmp_path):
    """A person who seals again can make the hashes fit; the tables are computed again here."""
    files = files_of(bundle[0])
    rows = json.loads(files["leaderboard.json"])
    rows[0]["rating"] += 100
    files["leaderboard.json"] = (json.dumps(rows, indent=2, ensure_ascii=False) + "\n").encode()
    contents = json.loads(files.pop(CONTENTS_FILE))
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    contents |= {"files": hashes}
    contents["signature"] = bundle_signature(contents)
    path = tmp_path / "better.zip"
    write_archive(path, {CONTENTS_FILE: json.dumps(contents).encode(), **files})
    (said,) = restore_bundle([path], tmp_path / "mine").warnings

    assert "1 decisions or figures do not follow" in said
    assert "leaderboard.json, row 1, rating" in said
    assert contents_of(tmp_path / "mine") == contents_of(bundle[1])


def resealed(path, files):
    """Write an archive whose hashes and signature fit its files; return its path."""
    contents = json.loads(files[CONTENTS_FILE])
    others = {name: content for name, content in files.items() if name != CONTENTS_FILE}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in others.items()}
    contents["files"] = hashes
    contents["signature"] = bundle_signature(contents)
    write_archive(path, {CONTENTS_FILE: json.dumps(contents).encode(), **others})
    return path


def test_a_configuration_that_swells_is_refused_and_leaves_nothing(bundle, tmp_path):
    """Nine levels of nine aliases, sealed as they should be."""
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    bomb = "\n".join(["a0: &a0 [x, x, x]", *levels, ""]).encode()
    files = files_of(bundle[0])
    files["config.yaml"] += bomb
    path = resealed(tmp_path / "bomb.zip", files)
    refused(path, tmp_path, r"config\.yaml: its aliases would swell .* to 1,\d+,\d+,\d+ values")


def test_an_imported_run_is_known_as_one_and_asks_before_it_calls(bundle, tmp_path, capsys):
    """Its judge names a server and a variable; the signature says nothing about that."""
    files = files_of(bundle[0])
    hostile = b"backend: openai_compatible\n    base_url: http://127.0.0.1:9/v1\n"
    before, judge = files["config.yaml"].split(b"\njudge:\n")
    judge = judge.replace(b"backend: scripted\n", hostile, 1)
    judge = judge.replace(b"api_key_env: null\n", b"api_key_env: HOME\n", 1)
    judge = judge.replace(b"    base_url: null\n", b"", 1)
    files["config.yaml"] = b"\njudge:\n".join([before, judge])
    path = resealed(tmp_path / "hostile.zip", files)
    folder = tmp_path / "results" / "theirs"
    assert main(["import", "bundle", str(path), "--run", str(folder)]) == 0
    capsys.readouterr()

    assert main(["audit", "--against", str(folder)]) == 2
    said = capsys.readouterr().err
    assert "judge.model.base_url=http://127.0.0.1:9/v1\n" in said
    assert "judge.model.api_key_env=HOME\n" in said
    assert main(["audit", "--against", str(folder), "--trust-config"]) == 2
    assert "judgments to be asked again are not of" in capsys.readouterr().err  # of this judge
