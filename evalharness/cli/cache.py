"""The verb `cache`: how much is kept between runs, and what is old in it dropped."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.errors import ConfigError
from evalharness.store import CACHE_FILE, CompletionCache

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator, Sequence


def manage_cache(parser: ArgumentParser, arguments: Sequence[str]) -> Iterator[str]:
    """Yield what was dropped, if anything was to be, and what is there.

    Raises:
        ConfigError: there is no cache, or it cannot be read or written.
    """
    parser.add_argument("results", nargs="?", type=Path, default="results", help="default: results")
    parser.add_argument("--prune", type=float, metavar="DAYS", help="drop what is older")
    given = parser.parse_args(arguments)
    path, days = given.results / CACHE_FILE, given.prune
    if not path.is_file():
        msg = f"{path}: no completions are kept here; name the folder of your runs"
        raise ConfigError(msg)
    if days is not None and not days >= 0:
        msg = f"--prune {days}: must be at least 0 days"
        raise ConfigError(msg)
    with closing(CompletionCache(path, writes=days is not None)) as cache:
        if days is not None:
            yield f"dropped   {cache.prune(days)} completions"
        holding = cache.holding()
        yield f"kept      {holding.completions} completions, {holding.size_bytes / 1e6:.1f} MB"
