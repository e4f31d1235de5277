"""Sign bundles with SSH keys and check such signatures, with OpenSSH's `ssh-keygen -Y`.

The signature of `RUN.zip` is the file `RUN.zip.sig`, as `ssh-keygen -Y sign` writes it. Anyone can check
it without evalharness: `ssh-keygen -Y verify -n evalharness-bundle -f ALLOWED -I WHO -s RUN.zip.sig < RUN.zip`.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from evalharness.domain import escape_to_one_line
from evalharness.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMESPACE = "evalharness-bundle"
"""The purpose of a signature: one that the same key made for something else does not hold here."""

SIGNATURE_SUFFIX = ".sig"
_PROGRAM = "ssh-keygen"
_KEY_TYPES = ("ssh-", "ecdsa-", "sk-")
_KEY_OWNER = "signer"  # the name by which a single public key is checked


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureCheck:
    """The result of a check of a signature.

    Attributes:
        owner: who signed, as the file of public keys names them; None if nobody in it did.
        problem: why the signature does not hold; None if it holds.
    """

    owner: str | None = None
    problem: str | None = None


def signature_path(path: Path) -> Path:
    """Return where the signature of a file is: next to it."""
    return path.with_name(path.name + SIGNATURE_SUFFIX)


def check_signing_key(key: Path) -> None:
    """Refuse a key that cannot sign, before anything is written.

    Raises:
        ConfigError: there is no `ssh-keygen`, or no such file.
    """
    _find_program()
    if not key.is_file():
        msg = f"--sign {key}: there is no such key; `ssh-keygen -t ed25519 -f {key}` makes one"
        raise ConfigError(msg)


def sign_file(path: Path, key: Path) -> Path:
    """Sign a file and return the path of the signature, which replaces an earlier one.

    Args:
        path: the file.
        key: a private SSH key, or a public one whose private key an agent holds. A passphrase is
            asked for on the terminal.

    Raises:
        ConfigError: `ssh-keygen` is missing or does not sign.
    """
    command = ["-Y", "sign", "-q", "-n", NAMESPACE, "-f", str(key)]
    done = _run_program(command, path.read_bytes())
    if done.returncode or not done.stdout:
        msg = (
            f"--sign {key}: {path} is written, but not signed: {_last_line(done.stderr)}; correct the key "
            f"and sign it by `ssh-keygen -Y sign -n {NAMESPACE} -f KEY {path}`"
        )
        raise ConfigError(msg)
    target = signature_path(path)
    target.write_bytes(done.stdout)
    return target


def check_signature(path: Path, signers: Path) -> SignatureCheck:
    """Check that the owner of a public key signed a file.

    Args:
        path: the file; its signature is next to it.
        signers: a public key (`id_ed25519.pub`), or a file of names and public keys in the format of
            `allowed_signers` (see `man ssh-keygen`).

    Raises:
        ConfigError: there is no `ssh-keygen`.
        InputError: the file of public keys cannot be read or holds none.
    """
    _find_program()
    with TemporaryDirectory() as place:
        allowed = Path(place, "allowed_signers")
        allowed.write_text(_read_signers(signers), encoding="utf-8")
        signature = signature_path(path)
        if not signature.is_file():
            return SignatureCheck(problem=f"{signature}: is missing, so that nobody has signed it")
        return _check_against(path, signature, allowed, signers)


def _check_against(path: Path, signature: Path, allowed: Path, signers: Path) -> SignatureCheck:
    files = ["-s", str(signature), "-f", str(allowed)]
    found = _run_program(["-Y", "find-principals", *files], b"")
    owners = found.stdout.decode(errors="replace").splitlines()
    for owner in owners:
        command = ["-Y", "verify", "-n", NAMESPACE, "-I", owner, *files]
        if _run_program(command, path.read_bytes()).returncode == 0:
            name = (
                signers.name
                if owner == _KEY_OWNER
                else f"{escape_to_one_line(owner)} ({signers.name})"
            )
            return SignatureCheck(owner=f"by {name}")
    reason = "of other content" if owners else f"not of a key in {signers}"
    return SignatureCheck(problem=f"{signature}: the signature is {reason}")


def _read_signers(path: Path) -> str:
    """Return the public keys of a file in the format of `allowed_signers`.

    Raises:
        InputError: the file cannot be read or holds no public key.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(str(error.strerror), path=path) from error
    except UnicodeDecodeError as error:
        msg = "not a public key, but binary; name the .pub file or an allowed_signers file"
        raise InputError(msg, path=path) from error
    used = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not any(word.startswith(_KEY_TYPES) for line in used for word in line.split()):
        msg = "holds no public key; name the .pub file of the key, or an allowed_signers file"
        raise InputError(msg, path=path)
    return "".join(
        f"{_KEY_OWNER} {line}\n" if line.startswith(_KEY_TYPES) else f"{line}\n" for line in used
    )


def _find_program() -> str:
    """Return the path of `ssh-keygen`.

    Raises:
        ConfigError: it is missing.
    """
    program = which(_PROGRAM)
    if program is None:
        msg = (
            f"{_PROGRAM} is not on the PATH; signatures need OpenSSH 8.2 or later (openssh-client)"
        )
        raise ConfigError(msg)
    return program


def _run_program(arguments: Sequence[str], content: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603 - a program of the user's own system, without a shell
        [_find_program(), *arguments], input=content, capture_output=True, check=False
    )


def _last_line(text: bytes) -> str:
    lines = text.decode(errors="replace").strip().splitlines()
    return escape_to_one_line(lines[-1]) if lines else f"{_PROGRAM} gave no reason"
