"""Other tools' files, in and out.

A format is a module of this folder, named like the format with underscores, with two functions:

    read(paths) -> Gathering        everything that the files hold, checked; writes nothing
    write(records, source) -> dict  file names and contents that hold these records

Both go through the module's own rendering of a record as a foreign row: what a row held beyond it
is kept as `Foreign`, and comes back on export, so that import and export lose nothing.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Protocol, cast

from evalharness.errors import ConfigError, close_match
from evalharness.formats._foreign import Foreign, Source
from evalharness.formats._gathering import Gathering, models_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalharness.domain import RunRecords

__all__ = ["Foreign", "Format", "Gathering", "Source", "find", "models_of", "names"]


class Format(Protocol):
    """What a format's module offers."""

    def read(self, paths: Sequence[Path]) -> Gathering:
        """Return all that files and folders hold.

        Raises:
            InputError: a file is not as it should be.
            ConfigError: a path does not exist, or nothing of this format is there.
        """
        ...

    def write(self, records: RunRecords, source: Source) -> dict[str, bytes]:
        """Return the files that hold these records: contents by name inside a folder."""
        ...


def names() -> tuple[str, ...]:
    """Return the names of all formats."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(name.replace("_", "-") for name in found if not name.startswith("_"))


def find(name: str) -> Format:
    """Return the module of a format.

    Raises:
        ConfigError: there is no format of that name.
    """
    if name not in names():
        msg = f"there is no format {name!r}{close_match(name, names())}; "
        raise ConfigError(msg + f"there are {', '.join(names())}")
    return cast("Format", importlib.import_module(f"{__name__}.{name.replace('-', '_')}"))
