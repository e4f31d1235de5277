"""The verb `import`: bring files of other tools, or a bundle, into a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.cli.arguments import (
    RUN_HELP,
    Verb,
    add_format,
    format_command,
    print_report_path,
    resolve_run_folder,
)
from evalharness.cli.terminal.exit_codes import OK
from evalharness.cli.terminal.output import print_problems

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def import_files(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Import files into a run, publish it, and return the exit code."""
    add_format(parser, "bundle")
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="files or folders")
    parser.add_argument("--run", required=True, help=RUN_HELP)
    given = parser.parse_intermixed_args(arguments)
    from evalharness.exchange import import_run_files

    folder = resolve_run_folder(given.run)
    command = format_command("import", arguments)
    outcome = import_run_files(given.format, given.paths, folder, command)
    print_problems((*outcome.warnings, *outcome.cautions))
    print_report_path(folder)
    return OK


VERB = Verb(
    name="import",
    summary="Other tools' files into a run: answers, judgments, votes, labels; or a whole `bundle`.",
    run=import_files,
)
