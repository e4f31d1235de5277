"""API keys: from the environment or `.env`, refused elsewhere, and never written to a file."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from endpoint_model import model, request
from readme_run import KEY, calls, command, environment, run
from server import Server, serving
from server_replies import Behavior

from evalharness.backends import ScriptedBackend
from evalharness.backends.openai_compatible import connect
from evalharness.cli import main
from evalharness.config import RedactingBackend, find_secrets, load_settings
from evalharness.config.api_keys import refuse_keys_in_config, refuse_keys_in_overrides
from evalharness.domain import ModelSpec
from evalharness.errors import ConfigError

LOOKS_LIKE_KEY = "sk-proj-" + "a1B2" * 6


def file_contents(folder):
    """Return the content of every file below a folder, and of the rows of the cache."""
    content = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for path in folder.rglob("completions.sqlite"):
        rows = sqlite3.connect(path).execute("SELECT completion FROM completions").fetchall()
        content[path.with_suffix(".rows")] = b"\n".join(row[0] for row in rows)
    return content


def places_with_key(folder, *said):
    """Return the files and outputs of a run that contain the key."""
    places = [
        str(path) for path, content in file_contents(folder).items() if KEY.encode() in content
    ]
    return places + [words for words in said if KEY in words]


@pytest.mark.parametrize(
    "behaviors",
    [
        "unauthorized,unauthorized,server_error",
        "echo_key," * 40,  # a reply that holds the key, as servers for debugging send it
        "wrong_type," * 4,
        "redirect," * 4,
    ],
)
def test_the_key_is_in_no_file_and_no_message(tmp_path, behaviors):
    """The files of a run can be shared, even if the server echoes the key."""
    with serving("--behaviors", behaviors.rstrip(",")) as url:
        attempts = ("models.vicuna-13b.max_attempts=1", "judge.model.max_attempts=2")
        done = run(url, tmp_path, *attempts, "judge.trial=false")
        audited = run(url, tmp_path, verb="audit")
        asked = calls(url)

    assert len(file_contents(tmp_path)) > 10
    assert sum(asked.values()) > 10
    assert places_with_key(tmp_path, done.stdout, done.stderr, audited.stdout, audited.stderr) == []


def test_a_killed_and_an_interrupted_run_leave_no_key(tmp_path):
    """Files that remain after a sudden end are shared too."""
    for number in (signal.SIGKILL, signal.SIGINT):
        with serving("--latency", "0.05", "--behaviors", ",".join(["echo_key"] * 99)) as url:
            process = subprocess.Popen(
                command(url, f"run={number.name}"),
                cwd=tmp_path,
                env=environment(tmp_path),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            while process.poll() is None and sum(calls(url).values()) < 40:
                time.sleep(0.01)
            process.send_signal(number)
            assert places_with_key(tmp_path, *process.communicate()) == []


def test_a_bug_shows_its_traceback_without_the_key():
    """The message of an unexpected error can contain any value in memory."""
    code = (
        "import os, sys\n"
        "from evalharness.cli.terminal.exit_codes import exit_code_of\n"
        "def bug(): raise RuntimeError('asked with ' + os.environ['OPENAI_API_KEY'])\n"
        "sys.exit(exit_code_of(bug, debug=True))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], "OPENAI_API_KEY": KEY},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 70
    assert "Traceback" in done.stderr
    assert done.stderr.count("asked with ***") == 2
    assert "a bug in evalharness" in done.stderr
    assert KEY not in done.stderr


@pytest.mark.parametrize(
    "override",
    [
        f"models.gpt-4.api_key_env={LOOKS_LIKE_KEY}",
        f"models.gpt-4.api_key_env={LOOKS_LIKE_KEY.replace('-', '_')}",
        f"models.gpt-4.system='The key is {KEY}.'",
        "models.gpt-4.system=${oc.env:OPENAI_API_KEY}",
        f"run={LOOKS_LIKE_KEY}",
        f"models.gpt-4.base_url=https://example.org/v1?key={LOOKS_LIKE_KEY}",
        "+models.gpt-4.api_key=a-secret-of-no-known-form",
        f"models.gpt-4.{LOOKS_LIKE_KEY}=1",
        f"judge.caution={KEY}",
        LOOKS_LIKE_KEY,
    ],
)
def test_a_key_in_an_override_is_refused_and_not_repeated(override, monkeypatch, capsys, tmp_path):
    """The run folder would store it. The message says where a key belongs."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.chdir(tmp_path)

    assert main(["run", "models=[gpt-4]", override]) == 2
    said = capsys.readouterr().err

    assert "export it" in said
    assert "api_key_env" in said
    for secret in (KEY, LOOKS_LIKE_KEY, LOOKS_LIKE_KEY.replace("-", "_"), "no-known-form"):
        assert secret not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"api_key: {LOOKS_LIKE_KEY}", "api_key"),
        (f"api_key_env: {LOOKS_LIKE_KEY}", "export it"),
        (f"system: {LOOKS_LIKE_KEY}", "export it"),
        (f"stop: [{KEY}]", "export it"),
    ],
)
def test_a_key_in_a_file_is_refused_and_not_repeated(line, words, monkeypatch, tmp_path):
    """A configuration is copied, committed, and stored with the run."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    (tmp_path / "models").mkdir()
    (tmp_path / "models/mine.yaml").write_text(
        f"# @package models.mine\nname: mine\nbackend: openai_compatible\n{line}\n"
    )

    with pytest.raises(ConfigError, match=words) as refusal:
        load_settings(["models=[mine]"], tmp_path)

    assert KEY not in str(refusal.value)
    assert LOOKS_LIKE_KEY not in str(refusal.value)
    assert "api_key_env" in str(refusal.value)


def test_a_key_under_a_name_of_its_own_is_a_key(monkeypatch):
    """The value of the variable that `api_key_env` names is a key, whatever its name is."""
    monkeypatch.setenv("MY_ACCESS", "no-form-that-anyone-knows")

    with pytest.raises(ConfigError, match="export it"):
        refuse_keys_in_config({"api_key_env": "MY_ACCESS", "run": "no-form-that-anyone-knows"})
    assert "no-form-that-anyone-knows" in find_secrets("MY_ACCESS")


async def test_a_reply_is_changed_only_where_it_holds_the_key_that_was_sent(monkeypatch):
    """Other variables can hold ordinary words that occur in a reply."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("PRIMARY_KEY", "internationalization")
    said = f"{KEY} and internationalization, not-needed"
    backend = RedactingBackend(
        ScriptedBackend(lambda _: said), ModelSpec(name="m", backend="openai_compatible")
    )

    completion = await backend.complete(request())

    assert completion.text == "*** and internationalization, not-needed"


async def test_no_field_of_a_reply_keeps_a_key_or_a_secret_header(monkeypatch):
    """Servers echo what they were sent in texts, thoughts, and the name of what they ran."""
    monkeypatch.setenv("GATE_KEY", KEY)
    monkeypatch.setenv("GATE_HEADER", "header-secret")
    async with Server(lambda _: Behavior.ECHO_KEY) as server:
        spec = model(
            server.url,
            api_key_env="GATE_KEY",
            headers={"Authorization": "Bearer ${oc.env:GATE_HEADER}", "X-Key": KEY[:5]},
        )
        backend = RedactingBackend(connect(spec), spec)
        completion = await backend.complete(request())
        await backend.close()

    assert completion.text.startswith("You sent Bearer ***.")
    assert completion.reasoning == "You sent Bearer ***."
    assert completion.served is not None
    assert completion.served.startswith("model-1 You sent Bearer ***.")


@pytest.mark.parametrize(
    "text", ["EMPTY", "vicuna-13b", "sk-ip", "task-force-of-the-united-nations", "risk-" + "a" * 30]
)
def test_ordinary_words_are_not_keys(text, monkeypatch):
    """A false alarm would stop a valid run."""
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")

    refuse_keys_in_overrides([f"run={text}", "models.x.sampling.max_tokens=100"])
    refuse_keys_in_config({"run": text, "api_key_env": "TOGETHER_API_KEY"})
