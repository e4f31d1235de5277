"""Test signatures of bundles with real keys of OpenSSH."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from evalharness.cli import main
from evalharness.errors import ConfigError, InputError
from evalharness.exchange.bundle.ssh_signature import (
    NAMESPACE,
    check_signature,
    check_signing_key,
    sign_file,
    signature_path,
)

EXAMPLE = Path(__file__).parents[3] / "results" / "example"

needs_ssh_keygen = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen is missing (openssh-client)"
)


def _make_key(path):
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "me", "-f", str(path)]
    subprocess.run(command, check=True)
    return path


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Return two private keys; their public keys have the suffix .pub."""
    top = tmp_path_factory.mktemp("keys")
    return _make_key(top / "mine"), _make_key(top / "other")


@pytest.fixture
def signed(tmp_path, keys):
    """Return a file that the first key signed."""
    path = tmp_path / "run.zip"
    path.write_bytes(b"content")
    sign_file(path, keys[0])
    return path


@needs_ssh_keygen
def test_a_signature_holds_for_its_key_and_its_content_only(signed, keys):
    """Another key, other content, and no signature are three different problems."""
    mine, other = (key.with_suffix(".pub") for key in keys)

    assert check_signature(signed, mine).owner == "by mine.pub"
    assert check_signature(signed, mine).problem is None
    assert check_signature(signed, other).problem.endswith(f"is not of a key in {other}")
    signed.write_bytes(b"other content")
    assert check_signature(signed, mine).problem.endswith("is of other content")
    signature_path(signed).unlink()
    assert "is missing" in check_signature(signed, mine).problem


@needs_ssh_keygen
def test_allowed_signers_name_who_signed(signed, keys, tmp_path):
    """The file is that of git and ssh-keygen: names, options and keys."""
    allowed = tmp_path / "allowed_signers"
    public = [key.with_suffix(".pub").read_text() for key in keys]
    allowed.write_text(f"# the team\nbob@x.org {public[1]}ann@x.org {public[0]}")

    assert check_signature(signed, allowed).owner == "by ann@x.org (allowed_signers)"
    allowed.write_text(f'ann@x.org namespaces="git" {public[0]}')
    assert check_signature(signed, allowed).owner is None


@needs_ssh_keygen
def test_a_signature_for_another_purpose_does_not_hold(signed, keys):
    """A key that signs commits has not signed a bundle by that."""
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", str(keys[0])]
    made = subprocess.run(command, input=b"content", capture_output=True, check=True).stdout
    signature_path(signed).write_bytes(made)

    assert check_signature(signed, keys[0].with_suffix(".pub")).owner is None
    signature_path(signed).write_bytes(b"no signature")
    assert check_signature(signed, keys[0].with_suffix(".pub")).owner is None


@needs_ssh_keygen
def test_ssh_keygen_alone_can_check_a_signature(signed, keys, tmp_path):
    """Readers need no evalharness to know who signed."""
    allowed = tmp_path / "allowed"
    allowed.write_text(f"me {keys[0].with_suffix('.pub').read_text()}")
    command = ["ssh-keygen", "-Y", "verify", "-n", NAMESPACE, "-f", str(allowed), "-I", "me"]
    with signed.open("rb") as content:
        done = subprocess.run(
            [*command, "-s", str(signature_path(signed))],
            stdin=content,
            capture_output=True,
            check=False,
        )

    assert done.returncode == 0


@needs_ssh_keygen
def test_files_that_are_no_keys_are_refused_in_words(signed, tmp_path):
    """A private key in place of the public one, no file, and a key that cannot sign."""
    (tmp_path / "none.pub").write_text("hello\n")
    (tmp_path / "bad").write_text("not a key\n")

    with pytest.raises(InputError, match=r"none\.pub: holds no public key; name the \.pub file"):
        check_signature(signed, tmp_path / "none.pub")
    with pytest.raises(InputError, match="No such file"):
        check_signature(signed, tmp_path / "absent.pub")
    with pytest.raises(ConfigError, match="there is no such key; `ssh-keygen -t ed25519"):
        check_signing_key(tmp_path / "absent")
    with pytest.raises(ConfigError, match="is written, but not signed"):
        sign_file(signed, tmp_path / "bad")


def test_a_missing_ssh_keygen_is_named(tmp_path, monkeypatch):
    """The message says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ConfigError, match=r"ssh-keygen is not on the PATH; .*openssh-client"):
        check_signing_key(tmp_path / "key")
    with pytest.raises(ConfigError, match="ssh-keygen is not on the PATH"):
        check_signature(tmp_path / "run.zip", tmp_path / "key.pub")


@needs_ssh_keygen
def test_the_command_line_signs_and_checks(keys, tmp_path, capsys):
    """Exit code 0 for the signer's key, 1 for another; the last line says what is proven."""
    shutil.copytree(EXAMPLE, tmp_path / "run" / "example")
    folder = str(tmp_path / "run" / "example")
    export = ["export", "bundle", folder, "--to", str(tmp_path), "--sign", str(keys[0])]
    bundle = tmp_path / "example.zip"

    assert main(export) == 0
    assert capsys.readouterr().out.splitlines() == [str(bundle), f"{bundle}.sig"]
    assert main(["verify", str(bundle), "--signer", str(keys[0].with_suffix(".pub"))]) == 0
    shown = capsys.readouterr().out
    assert "signed    by mine.pub" in shown
    assert "rests on trust in that signer" in shown
    assert main(["verify", str(bundle), "--signer", str(keys[1].with_suffix(".pub"))]) == 1
    assert "is not of a key in" in capsys.readouterr().err
