"""The verb `list`: print the names that overrides can choose, each with its description."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from evalharness.cli.arguments import Verb, add_config_dir
from evalharness.cli.terminal.exit_codes import OK
from evalharness.cli.terminal.output import print_lines

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from evalharness.config import Provider

_GROUPS = {
    "models": "models",
    "judges": "judge",
    "prompts": "prompts",
    "questions": "questions",
    "benchmarks": "benchmarks",
}
"""By what a user can list: the group of the configuration."""

_PROVIDERS = "providers"
_OTHER_NAMES = """\
models (and judges) are also named PROVIDER/MODEL, hf/ORG/NAME for weights of the hub, ./FOLDER,
./BASE+./ADAPTER, and by what a server or the hub calls a listed one; NAME?SETTING=VALUE is a variant."""


def print_choices(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Print the choices in a group of the configuration, and return the exit code."""
    parser.epilog = _OTHER_NAMES
    kinds = [*_GROUPS, _PROVIDERS]
    parser.add_argument("what", choices=kinds, metavar="WHAT", help=", ".join(kinds))
    add_config_dir(parser)
    given = parser.parse_intermixed_args(arguments)
    from evalharness.config import describe_choice, list_choices, list_providers

    if given.what == _PROVIDERS:
        print_lines(map(_describe_provider, list_providers(given.config_dir)))
        return OK
    group = _GROUPS[given.what]
    print_lines(
        f"{name:32} {describe_choice(group, name, given.config_dir)}".rstrip()
        for name in list_choices(group, given.config_dir)
    )
    return OK


def _describe_provider(provider: Provider) -> str:
    """Return a provider's name, address, and the variable of its key, with whether it is set."""
    key, backend = provider.api_key_env, provider.settings.get("backend")
    state = "no key" if key is None else f"{key} ({'set' if os.environ.get(key) else 'not set'})"
    if backend is not None and key is None:
        state = f"the keys that the backend {backend} reads"
    address = str(provider.base_url or "").replace("${oc.env:", "${")
    return f"{provider.name:12} {address:58} {state}"


VERB = Verb(
    name="list",
    summary="What can be named in overrides: models, judges, providers, prompts, questions, benchmarks.",
    run=print_choices,
)
