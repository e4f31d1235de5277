"""Parse overrides on the command line into the checked settings of a run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalharness.cli.arguments import add_config_dir, add_trust_config
from evalharness.cli.terminal.parser import SETTING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from evalharness.config import Settings

_OVERRIDES_HELP = """\
overrides are Hydra's, for example:
  models=vicuna-13b,alpaca-7b        which models: names of `list models`, or
  models=openai/gpt-6-luna           PROVIDER/MODEL (`list providers`), hf/ORG/NAME,
  models=./out/checkpoint-*          ./FOLDER, ./BASE+./ADAPTER; NAME?SETTING=VALUE
  judge=gpt-6-luna                   which judge, by any such name
  questions=mt|general|quick|PATH    which questions; questions.limit=N for fewer
  judging=graded|pairwise|both       what is judged; chain|random|adaptive for fewer
  benchmarks=openllm_v1|TASK|DIR     standard benchmarks; benchmarks.limit=N for a part
  models.vicuna-13b.backend=openai_compatible models.vicuna-13b.base_url=http://HOST:8000/v1
  run=NAME                           the folder in results/
`python -m evalharness list models` (judges, providers, ...) shows what can be named."""


def add_against(parser: argparse.ArgumentParser) -> None:
    """Add the option `--against` to the help of a verb; the module `drift` parses it."""
    parser.add_argument("--against", metavar="RUN", help="have RUN's judges changed since?")


def add_stage_options(parser: argparse.ArgumentParser) -> None:
    """Add the options `--retry-failed` and `--multirun`."""
    parser.add_argument(
        "--retry-failed", action="store_true", help="ask for what failed, and nothing else"
    )
    parser.add_argument("-m", "--multirun", action="store_true", help="one job per model")


def parse_settings(
    verb: str, parser: argparse.ArgumentParser, arguments: Sequence[str]
) -> Settings | None:
    """Return the settings that the arguments describe; print them and return None for `--cfg`.

    Args:
        verb: the verb; its default overrides complete those of the user.
        parser: a parser with the options of this verb only.
        arguments: the words after the verb.

    Raises:
        ConfigError: a key, a name, a type or a value is wrong.
    """
    parser.epilog = _OVERRIDES_HELP
    parser.add_argument("overrides", metavar=SETTING, nargs="*")
    parser.add_argument("--cfg", action="store_true", help="show the configuration, do nothing")
    add_config_dir(parser)
    add_trust_config(parser)
    parser.add_argument(
        "--trust-code", action="store_true", help="let a folder of benchmark tasks run its Python"
    )
    given = parser.parse_intermixed_args(arguments)
    from evalharness.config import Trust, add_default_overrides, compose_config, load_settings

    overrides = add_default_overrides(given.overrides, verb)
    if given.cfg:
        import yaml

        tree = compose_config(overrides, given.config_dir)
        print(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True), end="")
        return None
    trust = Trust(config=given.trust_config, code=given.trust_code)
    settings = load_settings(overrides, given.config_dir, trust)
    return replace(settings, retry_failed=getattr(given, "retry_failed", False))
