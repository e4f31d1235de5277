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
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from evalharness.errors import ConfigError, suggest_close_match

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import RunRecords
    from evalharness.formats.rows.imported_records import ImportedRecords
    from evalharness.formats.rows.unmapped_fields import SourceRows


class Format(Protocol):
    """What a format's module offers."""

    def read(self, paths: Sequence[Path]) -> ImportedRecords:
        """Return all that files and folders hold.

        Raises:
            InputError: a file is not as it should be.
            ConfigError: a path does not exist, or nothing of this format is there.
        """
        ...

    def write(self, records: RunRecords, source: SourceRows) -> dict[str, bytes]:
        """Return the files that hold these records: contents by name inside a folder."""
        ...


def list_formats() -> tuple[str, ...]:
    """Return the names of all formats."""
    found = pkgutil.iter_modules([str(Path(__file__).parent)])
    own = Path(__file__).stem
    return tuple(
        module.name.replace("_", "-") for module in found if not module.ispkg and module.name != own
    )


def find_format(name: str) -> Format:
    """Return the module of a format.

    Raises:
        ConfigError: there is no format of that name.
    """
    if name not in list_formats():
        msg = f"there is no format {name!r}{suggest_close_match(name, list_formats())}; "
        raise ConfigError(msg + f"there are {', '.join(list_formats())}")
    return cast("Format", importlib.import_module(f"{__package__}.{name.replace('-', '_')}"))
