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
    given = parser.parse_args(arguments)
    from evalharness.exchange import verify_bundle

    check = verify_bundle(given.bundle, given.signature)
    print_lines(check.checked)
    print_problems(check.differences[:_MAX_DIFFERENCES])
    if not check.differences:
        print_lines(["verified  every figure follows from what the bundle holds"])
        return OK
    print_problems([f"{len(check.differences):,} differences: not verified"])
    return FAILED


VERB = Verb(
    name="verify",
    summary="Whether a bundle's figures follow from what it holds: hashes, replies, tables; offline.",
    run=verify_bundle_file,
)
