"""The `.env` of a folder brings keys, and sends none of the user's to an address of its own."""

from __future__ import annotations

import os

import pytest

from evalharness.cli import main
from evalharness.config import load_env_file
from evalharness.errors import ConfigError

KEY = "planted-key-4f3a9c2b7d6e5f10"


@pytest.fixture(autouse=True)
def own_environment(tmp_path, monkeypatch):
    """Give each test an environment that it can change, without keys, and a home without a token."""
    names = [name for name in os.environ if name.split("_")[-1] in ("KEY", "TOKEN", "PROXY")]
    monkeypatch.setattr(os, "environ", os.environ.copy())
    for name in names:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))


def _write(folder, *lines):
    (folder / ".env").write_text("".join(f"{line}\n" for line in lines))


def test_a_key_may_be_in_an_env_file_and_the_environment_takes_precedence(tmp_path, monkeypatch):
    """As in other tools. `$` and `#` are part of a key."""
    _write(tmp_path, f"OPENAI_API_KEY='{KEY}${{HOME}}#1'", "OTHER_KEY=from-the-file")
    monkeypatch.setenv("OTHER_KEY", "from-outside")
    load_env_file(tmp_path)
    assert os.environ["OPENAI_API_KEY"] == f"{KEY}${{HOME}}#1"
    assert os.environ["OTHER_KEY"] == "from-outside"


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("OPENAI_BASE_URL", "OPENAI_API_KEY"),
        ("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY"),
        ("ANTHROPIC_API_BASE", "ANTHROPIC_API_KEY"),
        ("HF_ENDPOINT", "HF_TOKEN"),
        ("HF_ENDPOINT", "HUGGING_FACE_HUB_TOKEN"),
        ("HTTPS_PROXY", "MY_OWN_TOKEN"),
        ("SSL_CERT_FILE", "OPENAI_API_KEY"),
    ],
)
def test_a_folder_does_not_send_the_users_key_to_an_address_of_its_own(
    tmp_path, monkeypatch, address, key
):
    """A folder from elsewhere may bring a .env; an address and a key come from one hand."""
    monkeypatch.delenv(address, raising=False)
    _write(tmp_path, f"{address}=https://elsewhere.example/v1")
    monkeypatch.setenv(key, KEY)
    with pytest.raises(ConfigError, match=f"sets {address}, but {key} comes from your") as caught:
        load_env_file(tmp_path)
    assert KEY not in str(caught.value)
    assert address not in os.environ

    _write(tmp_path, f"{address}=https://mine.example/v1", f"{key}={KEY}")
    load_env_file(tmp_path)
    assert os.environ[address] == "https://mine.example/v1"


def test_the_token_that_the_hub_keeps_in_a_file_is_the_users_too(tmp_path, monkeypatch):
    """`hf auth login` writes it; a folder cannot name another file as the token either."""
    token = tmp_path / "home/token"
    token.parent.mkdir()
    token.write_text(KEY)
    _write(tmp_path, "HF_ENDPOINT=https://elsewhere.example")
    with pytest.raises(ConfigError, match=r"sets HF_ENDPOINT, but the token in .*/home/token"):
        load_env_file(tmp_path)
    _write(tmp_path, "HF_ENDPOINT=https://elsewhere.example", f"HF_TOKEN_PATH={__file__}")
    with pytest.raises(ConfigError, match=r"but the token in .*test_env_file\.py"):
        load_env_file(tmp_path)
    monkeypatch.setenv("HF_ENDPOINT", "https://mine.example")
    load_env_file(tmp_path)


@pytest.mark.parametrize("name", ["PYTHONPATH", "LD_PRELOAD"])
def test_a_folder_brings_no_code(tmp_path, monkeypatch, name):
    """Jobs and workers are processes of their own, which would load it."""
    monkeypatch.delenv(name, raising=False)
    _write(tmp_path, f"{name}=/tmp/theirs")
    with pytest.raises(ConfigError, match=f"sets {name}, which lets a process load code"):
        load_env_file(tmp_path)


def test_a_file_that_is_no_text_is_named_with_its_line(tmp_path, monkeypatch, capsys):
    """A key pasted from a document in another encoding."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes(b"A=1\nB=caf\xe9\n")
    assert main(["list", "judges"]) == 2
    said = capsys.readouterr().err
    assert said == "evalharness: " + str(tmp_path / ".env") + (
        ":2: not UTF-8 text (byte 0xe9); save the file as UTF-8\n"
    )
