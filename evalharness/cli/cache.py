"""The verb `cache`: print the size of the completion cache, and remove old completions."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.cli.arguments import Verb
from evalharness.cli.terminal.exit_codes import OK
from evalharness.cli.terminal.output import print_lines
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence


def print_cache_size(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Remove old completions if the arguments say so, and print what is left; return the exit code."""
    parser.add_argument("results", nargs="?", type=Path, default="results", help="default: results")
    parser.add_argument("--prune", type=float, metavar="DAYS", help="drop what is older")
    given = parser.parse_args(arguments)
    print_lines(_prune_cache(given.results, given.prune))
    return OK


def _prune_cache(results: Path, max_age_days: float | None) -> Iterator[str]:
    """Remove completions that are older, and yield lines about what was removed and is left.

    Raises:
        ConfigError: there is no cache, or it cannot be read or written.
    """
    from evalharness.store import CACHE_FILE, CompletionCache

    path = results / CACHE_FILE
    if not path.is_file():
        msg = f"{path}: no completions are kept here; name the folder of your runs"
        raise ConfigError(msg)
    if max_age_days is not None and not max_age_days >= 0:
        msg = f"--prune {max_age_days}: must be at least 0 days"
        raise ConfigError(msg)
    with closing(CompletionCache(path, writes=max_age_days is not None)) as cache:
        if max_age_days is not None:
            yield f"dropped   {cache.prune(max_age_days)} completions"
        summary = cache.summarize()
        yield f"kept      {summary.completions} completions, {summary.size_bytes / 1e6:.1f} MB"


VERB = Verb(
    name="cache",
    summary="The completions kept between runs: how many, how large; drops old ones.",
    run=print_cache_size,
)
