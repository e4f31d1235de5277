"""The verb `export`: write a run as files of another tool, or as a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.cli.arguments import RUN_HELP, Verb, add_format, find_run_folder
from evalharness.cli.terminal.exit_codes import OK
from evalharness.cli.terminal.output import print_lines

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def export_files(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Export a run, print the paths of the files, and return the exit code."""
    add_format(parser, "bundle")
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument("--to", required=True, type=Path, metavar="DIR", help="where files go")
    parser.add_argument(
        "--sign",
        type=Path,
        metavar="KEY",
        help="for a bundle: your SSH key, which signs it with ssh-keygen (BUNDLE.sig)",
    )
    given = parser.parse_intermixed_args(arguments)
    from evalharness.exchange import export_run_files

    paths = export_run_files(given.format, find_run_folder(given.run), given.to, given.sign)
    print_lines(map(str, paths))
    return OK


VERB = Verb(
    name="export",
    summary="A run as other tools' files, or as a `bundle` that others can verify.",
    run=export_files,
)
