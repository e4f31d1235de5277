"""The verb `verify`: check that a bundle is unchanged and that its tables follow from its records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.cli.arguments import Verb
from evalharness.cli.terminal.exit_codes import FAILED, OK
from evalharness.cli.terminal.output import print_lines, print_problems

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_MAX_DIFFERENCES = 20  # printed; all of them are counted


def verify_bundle_file(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Verify a bundle and return the exit code: 0 if it is as it was sealed, else 1."""
    parser.add_argument("bundle", metavar="BUNDLE", type=Path, help="what `export bundle` wrote")
    parser.add_argument("--signature", metavar="HEX", help="the signature that it must have")
    parser.add_argument(
        "--signer",
        metavar="FILE",
        type=Path,
        help="a public key, or an allowed_signers file, that must have signed it (BUNDLE.sig)",
    )
    given = parser.parse_args(arguments)
    from evalharness.exchange import verify_bundle

    check = verify_bundle(given.bundle, given.signature, given.signer)
    print_lines(check.checked)
    print_problems(check.differences[:_MAX_DIFFERENCES])
    if not check.differences:
        print_lines([f"verified  {_describe_proof(given.signer)}"])
        return OK
    print_problems([f"{len(check.differences):,} differences: not verified"])
    return FAILED


def _describe_proof(signer: Path | None) -> str:
    """Return the sentence on what a verified bundle proves, and what it cannot."""
    agreement = "files, decisions and figures agree with each other"
    if signer:
        return (
            f"{agreement}, as the owner of a key in {signer} signed them; that the judges sent "
            "these replies rests on trust in that signer"
        )
    return (
        f"{agreement}; that the judges sent these replies is not proven, because whoever holds a "
        "bundle can change it and seal it again (--signer FILE shows who sealed it)"
    )


VERB = Verb(
    name="verify",
    summary="Whether a bundle's figures follow from what it holds: hashes, replies, tables; offline.",
    run=verify_bundle_file,
    is_decision=True,
)
