"""Define what a verb of the command line is, and the arguments that several verbs take."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.cli.terminal.output import print_lines
from evalharness.cli.terminal.parser import VerbParser
from evalharness.errors import ConfigError, suggest_close_match

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RUN_HELP = "a run's folder, or its name in results/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A verb of the command line.

    Attributes:
        name: as a user types it.
        summary: its description in the help, in one sentence.
        run: executes the verb; it takes a parser named after the verb, and the arguments, and
            returns the exit code.
        is_decision: whether its exit codes are decisions, such as worse or not worse.
    """

    name: str
    summary: str
    run: Callable[[argparse.ArgumentParser, Sequence[str]], int]
    is_decision: bool = False

    def make_parser(self) -> argparse.ArgumentParser:
        """Return a parser without arguments; its help describes the verb."""
        return VerbParser(
            prog=f"evalharness {self.name}",
            description=self.summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )


def add_config_dir(parser: argparse.ArgumentParser) -> None:
    """Add the option `--config-dir`: a folder of the user's own configuration files."""
    parser.add_argument(
        "--config-dir", type=Path, metavar="DIR", help="models, judges, ... of your own"
    )


def add_trust_config(parser: argparse.ArgumentParser) -> None:
    """Add the option `--trust-config`: the settings of an imported run may be used."""
    parser.add_argument(
        "--trust-config",
        action="store_true",
        help="let an imported run's settings choose addresses, keys, weights, templates",
    )


def add_format(parser: argparse.ArgumentParser, *more: str) -> None:
    """Add the argument `FORMAT`: the name of a format, or one of these other names."""
    from evalharness.formats import list_formats

    parser.add_argument("format", metavar="FORMAT", help=", ".join((*list_formats(), *more)))


def resolve_run_folder(name: str) -> Path:
    """Return the folder of a run from its path, or from its name in `results/`.

    A folder in the working directory counts only if it holds a run: data can have the same name. A
    file of a run stands for its run.
    """
    path = Path(name)
    if path.is_file() and (path.parent / "config.yaml").is_file():
        return path.parent
    return path if "/" in name or (path / "config.yaml").is_file() else Path("results") / name


def find_run_folder(name: str) -> Path:
    """Return the folder of a run that is there, as `resolve_run_folder` finds it.

    Raises:
        ConfigError: there is no such run; the message has close names.
    """
    folder = resolve_run_folder(name)
    if not (folder / "config.yaml").is_file():
        runs = sorted(path.parent.name for path in folder.parent.glob("*/config.yaml"))
        msg = f"{folder}: there is no run here (no config.yaml){suggest_close_match(folder.name, runs)}"
        raise ConfigError(msg)
    return folder


def format_command(verb: str, arguments: Sequence[str]) -> str:
    """Return the command that a user can type to do the same again."""
    return shlex.join(["python", "-m", "evalharness", verb, *arguments])


def print_report_path(folder: Path) -> None:
    """Print where the page of a run is."""
    print_lines([f"report: {folder / 'report.html'}"])
