"""The verb `list`: print the names that overrides can choose, each with its description."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.cli.arguments import Verb, add_config_dir
from evalharness.cli.terminal.exit_codes import OK
from evalharness.cli.terminal.output import print_lines

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_GROUPS = {
    "models": "models",
    "judges": "judge",
    "prompts": "prompts",
    "questions": "questions",
    "benchmarks": "benchmarks",
}
"""By what a user can list: the group of the configuration."""


def print_choices(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Print the choices in a group of the configuration, and return the exit code."""
    parser.add_argument("what", choices=list(_GROUPS))
    add_config_dir(parser)
    given = parser.parse_intermixed_args(arguments)
    from evalharness.config import describe_choice, list_choices

    group = _GROUPS[given.what]
    print_lines(
        f"{name:32} {describe_choice(group, name, given.config_dir)}".rstrip()
        for name in list_choices(group, given.config_dir)
    )
    return OK


VERB = Verb(
    name="list",
    summary="What can be named in overrides: models, judges, prompts, questions, benchmarks.",
    run=print_choices,
)
