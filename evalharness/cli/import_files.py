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
from evalharness.cli.terminal.output import print_lines, print_problems
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def import_files(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Import files into a run, publish it, and return the exit code."""
    add_format(parser, "bundle")
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="files or folders")
    parser.add_argument("--run", required=True, help=RUN_HELP)
    parser.add_argument(
        "--rename",
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="another name for a model or judge of the files; may be repeated",
    )
    given = parser.parse_intermixed_args(arguments)
    from evalharness.exchange import import_run_files

    folder = resolve_run_folder(given.run)
    command = format_command("import", arguments)
    renames = _read_renames(given.rename)
    outcome = import_run_files(given.format, given.paths, folder, command, renames)
    print_problems((*outcome.warnings, *outcome.cautions))
    print_lines(outcome.counts)
    print_report_path(folder)
    return OK


def _read_renames(options: Sequence[str]) -> dict[str, str]:
    """Return the new names by the old ones.

    Raises:
        ConfigError: an option is not OLD=NEW, or an old name has two new ones.
    """
    renames: dict[str, str] = {}
    for option in options:
        old, _, new = option.partition("=")
        if not old.strip() or not new.strip():
            msg = f"--rename {option}: must be OLD=NEW, as in --rename llama=llama-13b"
            raise ConfigError(msg)
        if renames.setdefault(old, new) != new:
            msg = f"--rename {option}: {old} is renamed to {renames[old]} already"
            raise ConfigError(msg)
    return renames


VERB = Verb(
    name="import",
    summary="Other tools' files into a run: answers, judgments, votes, labels; or a whole `bundle`.",
    run=import_files,
)
